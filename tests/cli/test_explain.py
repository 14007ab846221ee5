"""`hilum explain`: a picture a film, every figure as JSON, and a page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.inference import Detector
from hilum.records import Film, Manifest
from tests.bundle.conftest import THREE, make_three
from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm

NAMES = ("a b.png", "<b>$x$.png", "肺.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, write_film: WriteFilm) -> Path:
    """Three films with awkward names, and a file that is none."""
    films = tmp_path_factory.mktemp("films")
    for number, name in enumerate(NAMES):
        write_film(films / f"{number}.png", number).rename(films / name)
    (films / "text.png").write_text("not a film")
    return films


@pytest.fixture
def film(folder: Path) -> Path:
    return folder / NAMES[0]


def test_the_shipped_bundle_explains_a_film(hilum: Hilum, tmp_path: Path, write_film: WriteFilm) -> None:
    path = write_film(tmp_path / "film.png", 1, size=(128, 128))
    done = hilum("explain", "shipped", path, "--out", "why")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "why" / "explain.json").read_text())
    (film,) = record["films"]
    (said,) = Detector().predict(Manifest((Film(str(path)),)))
    assert film["prob"] == pytest.approx(said.probs[1])
    assert (film["class"], film["prediction"]) == ("PNEUMONIA", said.prediction)
    assert film["deletion"]["probs"][0] == pytest.approx(film["prob"])
    assert film["insertion"]["probs"][-1] == pytest.approx(film["prob"])
    for name in ("deletion", "insertion"):
        assert 0 <= film[name]["area"] <= 1
        assert 0 <= film[name]["chance"] <= 1
    lungs = Detector().read_square(str(path)).lungs
    assert lungs is not None
    assert (film["lungs"]["reason"], film["lungs"]["chance"]) == ("", (lungs > 127).mean())
    assert Image.open(tmp_path / "why" / film["picture"]).format == "PNG"
    assert "not a diagnosis" in done.stderr
    assert f"Next: open {Path('why') / 'index.html'}" in done.stderr


def test_films_that_cannot_be_read_are_named_and_the_others_explained(
    hilum: Hilum, tiny_bundle: Path, folder: Path, tmp_path: Path
) -> None:
    done = hilum("explain", tiny_bundle, folder, "--out", "why", "--randomise")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert any("text.png" in line for line in done.stderr.splitlines() if line.startswith("hilum: "))
    record = json.loads((tmp_path / "why" / "explain.json").read_text())
    films = {Path(film["path"]).name: film for film in record["films"]}
    assert set(films) == {*NAMES, "text.png"}
    assert set(films["text.png"]) == {"path", "error"}
    assert (record["summary"]["n"], record["summary"]["n_failed"]) == (3, 1)
    pictures = {film["picture"] for film in films.values() if not film["error"]}
    assert pictures == {path.name for path in (tmp_path / "why").glob("*.png")}
    assert record["randomised"][0]["part"] == "dense"
    assert all(len(each["films"]) == 3 for each in record["randomised"])

    page = (tmp_path / "why" / "index.html").read_text()  # it stands alone, and escapes names
    assert page.count('src="data:image/jpeg;base64,') == 3
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "<b>$x$" not in page
    assert "&lt;b&gt;$x$.png" in page
    assert "text.png" in page


def test_another_class_by_another_method(hilum: Hilum, tiny_bundle: Path, film: Path) -> None:
    done = hilum("explain", tiny_bundle, film, "--out", "why", "--method", "occlusion", "--class", "NORMAL", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["method"], record["summary"]["n"], record["randomised"]) == ("occlusion", 1, [])
    (said,) = Detector(tiny_bundle).predict(Manifest((Film(str(film)),)))
    (row,) = record["films"]
    assert (row["class"], row["prob"]) == ("NORMAL", pytest.approx(said.probs[0]))


def test_of_several_classes_the_one_that_a_film_is_called(
    hilum: Hilum, film: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    three = make_three(tmp_path_factory.mktemp("explain") / "three").folder
    done = hilum("explain", three, film, "--out", "why", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["films"]
    assert row["class"] == row["prediction"]
    assert row["class"] in THREE


def test_refusals(hilum: Hilum, tiny_bundle: Path, folder: Path, film: Path, tmp_path: Path) -> None:
    assert "nowhere.png" in refusal(hilum("explain", tiny_bundle, "nowhere.png", "--out", "why"), 2)
    assert "not a bundle" in refusal(hilum("explain", folder, film, "--out", "why"), 2)
    named = refusal(hilum("explain", tiny_bundle, film, "--out", "why", "--class", "CAT"), 2)
    assert "no class 'CAT' in this bundle; there are NORMAL, PNEUMONIA" in named
    assert hilum("explain", tiny_bundle, film, "--out", "why", "--method", "lime").returncode == 2
    assert not (tmp_path / "why").exists()


@pytest.mark.parametrize("missing", ["torch", "captum"])
def test_without_torch_one_line_says_what_to_install(
    hilum_process: Hilum, film: Path, tmp_path: Path, missing: str
) -> None:
    absent = f'raise ModuleNotFoundError("No module named {missing!r}", name={missing!r})'
    (tmp_path / "path" / missing).mkdir(parents=True)
    (tmp_path / "path" / missing / "__init__.py").write_text(absent)
    done = hilum_process("explain", "shipped", film, "--out", "why", PYTHONPATH=str(tmp_path / "path"))
    assert refusal(done, 2) == f'hilum: this needs {missing}, which is not installed: pip install "hilum[train]"'
    assert not (tmp_path / "why").exists()


def test_a_film_that_the_detector_was_not_made_for_is_explained_with_a_warning(hilum: Hilum, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (128, 128), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    done = hilum("explain", "shipped", "noise.png", "--out", "why")
    assert done.returncode == 0, done.stderr
    (film,) = json.loads((tmp_path / "why" / "explain.json").read_text())["films"]
    assert film["flag"].split("; ")[0] == "looks like noise"
    assert "no lungs found" in film["flag"]
    why = "It is no film of the kind that the detector was made for: it looks like noise."
    assert (film["answer"], film["why"]) == ("not judged", why)
    assert f"noise.png: not judged: {why}" in done.stderr
    page = (tmp_path / "why" / "index.html").read_text()
    assert "it looks like noise" in page
    assert "1 of these 1 films is unlike the films that the detector was trained on" in page
