"""`hilum.compare` as a notebook calls it: runs, bundles, evaluations, detectors and tables side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.errors import LayoutError, RequestError
from hilum.films import index
from hilum.inference import Detector
from hilum.records import Manifest, write_manifest
from hilum.workflows.compare import compare
from hilum.workflows.evaluate import evaluate
from tests.bundle.conftest import make
from tests.conftest import ChestFolder

COUNTS = {"val": {"normal": 12, "bacteria": 12}}


@pytest.fixture
def films(chest_folder: ChestFolder) -> Manifest:
    return index(chest_folder(COUNTS), cut=False)


@pytest.fixture
def runs(tmp_path: Path, films: Manifest) -> Path:
    for seed, name in enumerate(("one", "two")):
        make(tmp_path / "runs" / name / "bundle", seed=seed)
        write_manifest(films, tmp_path / "runs" / name / "manifest.csv")
    return tmp_path / "runs"


def table_of(films: Manifest, path: Path) -> Path:
    lines = [f"{film.path},{0.3 if film.label == 'PNEUMONIA' else 0.7}," for film in films]
    rows = [line + f"{1 - float(line.split(',')[1])}" for line in lines]
    path.write_text("\n".join(("path,prob_NORMAL,prob_PNEUMONIA", *rows)))
    return path


def test_runs_bundles_detectors_and_evaluations_give_the_same_figures(runs: Path, films: Manifest) -> None:
    of_runs = compare([runs / "one", runs / "two"], timing=False)
    of_bundles = compare([str(runs / "one/bundle"), Detector(runs / "two/bundle")], films, timing=False)
    evaluate(runs / "two/bundle", films, "val", out=runs / "two/val")
    of_evaluation = compare([runs / "one", runs / "two/val"], films, timing=False)
    for compared in (of_runs, of_bundles, of_evaluation):
        assert [entry.name for entry in compared.entries] == ["one", "two"]
        assert compared.n == 24
        for entry, expected in zip(compared.entries, of_runs.entries, strict=True):
            assert entry.figures["auroc"].value == pytest.approx(expected.figures["auroc"].value, abs=1e-5)
    assert not (runs / "one" / "metrics.json").exists()


def test_another_models_table_is_compared_on_the_films_of_the_others(
    runs: Path, films: Manifest, tmp_path: Path
) -> None:
    table = table_of(films, tmp_path / "theirs.csv")
    compared = compare([table, runs / "one"], timing=False, out=tmp_path / "both")
    assert [entry.name for entry in compared.entries] == ["theirs", "one"]
    assert compared.entries[0].figures["auroc"].value == 1.0
    assert compared.entries[0].cost.parameters is None
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"comparison.json", "comparison.html", "one"}
    html = compared._repr_html_()
    assert "theirs − one" in html
    assert repr(compared).startswith("Comparison(n=24, patients=12, theirs: AUROC 1.0000")
    assert str(compared).startswith("24 films of 12 known patients\ntheirs  AUROC 1.0000")


def test_two_tables_are_compared_on_named_films_or_by_their_own_labels(films: Manifest, tmp_path: Path) -> None:
    one, two = (table_of(films, tmp_path / name) for name in ("one.csv", "two.csv"))
    compared = compare([one, two], films)
    assert (compared.n, compared.pairs[0].tests["auroc"].says) == (24, "no difference shown")
    with pytest.raises(LayoutError, match=r"one\.csv: has no labels"):
        compare([one, two])


def test_what_cannot_be_compared_is_refused(runs: Path, films: Manifest, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="one detector is nothing to compare"):
        compare([runs / "one"])
    make(tmp_path / "alone")
    with pytest.raises(RequestError, match="a bundle without a run has no films of its own"):
        compare([runs / "one", tmp_path / "alone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="no evaluation and no run"):
        compare([runs / "one", tmp_path / "empty"])
