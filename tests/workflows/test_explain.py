"""`hilum.explain` in a notebook: films in any form, a result that shows itself, files only where asked for."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hilum.errors import RequestError
from hilum.explanation import ExplanationRecord
from hilum.inference import Detector
from hilum.pixels import chest_phantom, decode
from hilum.records import Film, Manifest
from hilum.workflows import explain as workflow
from hilum.workflows.explain import explain
from tests.conftest import WriteFilm


@pytest.fixture
def film(tmp_path: Path, write_film: WriteFilm) -> Path:
    return write_film(tmp_path / "films" / "film.png", 3)


def test_a_path_a_folder_a_manifest_and_an_array_are_explained_alike(tiny_bundle: Path, film: Path) -> None:
    forms = (str(film), [film], film.parent, Manifest((Film(str(film)),)), decode(str(film)))
    first, *others = (explain(tiny_bundle, form)[0] for form in forms)
    assert first.explanation is not None
    for other in others:
        assert other.explanation is not None
        np.testing.assert_array_equal(first.explanation.heat, other.explanation.heat)
        assert (first.class_name, first.prob) == (other.class_name, other.prob)
    assert first.path == str(film)
    assert others[-1].path == "array"
    assert sorted(path.name for path in film.parent.iterdir()) == ["film.png"], "nothing is written"


def test_an_open_detector_and_the_shipped_one(film: Path, tiny_bundle: Path) -> None:
    assert explain(Detector(tiny_bundle), film)[0].prob == explain(tiny_bundle, film)[0].prob
    assert explain("shipped", film).bundle == Detector().spec.recipe.name


def test_it_shows_itself_and_says_what_could_not_be_read(tiny_bundle: Path, film: Path) -> None:
    (film.parent / "<i>.png").write_text("not a film")
    found = explain(tiny_bundle, film.parent)
    assert (len(found), len(found.explained), len(found.failed)) == (2, 1, 1)
    lines = repr(found).splitlines()
    assert lines[0].split() == ["film", "prob", "inside", "lungs", "deletion", "insertion"]
    assert lines[1].split()[0].endswith("film.png")
    assert lines[-1].startswith("mean")
    html = found._repr_html_()
    assert html.count("data:image/png;base64,") == 1
    assert "&lt;i&gt;.png" in html
    assert "<i>" not in html
    with pytest.raises(ValueError, match="has no heat map"):
        found.failed[0].png()


def test_what_is_written_is_the_record(tiny_bundle: Path, film: Path, tmp_path: Path) -> None:
    found = explain(tiny_bundle, film, randomise=True, out=tmp_path / "out")
    assert found.folder == tmp_path / "out"
    text = (tmp_path / "out" / "explain.json").read_text()
    assert msgspec.json.decode(text, type=ExplanationRecord) == found.record()
    (row,) = json.loads(text)["films"]
    assert list(row) == [
        "path", "class", "prob", "prediction", "picture", "flag", "lungs", "deletion", "insertion", "error",
            "answer", "why",
    ]  # fmt: skip
    assert (tmp_path / "out" / row["picture"]).read_bytes() == found[0].png()


def test_a_class_that_is_none_and_an_array_that_is_no_film(tiny_bundle: Path) -> None:
    with pytest.raises(RequestError, match="no class 'CAT' in this bundle"):
        explain(tiny_bundle, chest_phantom(1, (64, 64)), class_name="CAT")
    (failed,) = explain(tiny_bundle, np.zeros((64, 64), dtype=np.uint8))
    assert "every pixel has the same value" in failed.error


def test_without_torch_one_line_says_what_to_install(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hilum import extras

    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(RequestError, match=r'explaining films needs torch.*pip install "hilum\[train\]"'):
        workflow.explain("shipped", film)
