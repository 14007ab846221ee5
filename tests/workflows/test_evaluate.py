"""`hilum.evaluate` as a notebook calls it: bundles, open detectors and tables in, a typed result out."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest

from hilum.errors import RequestError
from hilum.evaluation import Evaluation, read_metrics, schema
from hilum.films import index
from hilum.inference import Detector
from hilum.records import Manifest
from hilum.workflows.evaluate import evaluate
from tests.conftest import ChestFolder

COUNTS = {"test": {"normal": 6, "bacteria": 5, "virus": 4}}


@pytest.fixture
def films(chest_folder: ChestFolder) -> Manifest:
    return index(chest_folder(COUNTS), cut=False)


def test_a_detector_a_path_a_folder_and_a_manifest_give_the_same(
    tiny_bundle: Path, films: Manifest, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    of_path = evaluate(str(tiny_bundle), films)
    assert sorted(tmp_path.rglob("*")) == before  # nothing was written
    assert of_path == evaluate(Detector(tiny_bundle), tmp_path / "chest")
    assert (of_path.n, of_path.split, of_path.computed_by) == (15, "test", "onnx float32")
    assert of_path.detector.seal == Detector(tiny_bundle).spec.seal


def test_what_is_written_is_what_is_returned(tiny_bundle: Path, films: Manifest, tmp_path: Path) -> None:
    result = evaluate(tiny_bundle, films, out=tmp_path / "out", prevalence=0.1, audit=True, checklists=True)
    assert read_metrics(tmp_path / "out" / "metrics.json") == result
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "metrics.json", "predictions.csv", "report.html", "CLAIM.md", "TRIPOD+AI.md",
    }  # fmt: skip
    assert result.at_prevalence is not None
    assert result.audit is not None
    assert msgspec.json.decode(schema())["$defs"].keys() >= {"Evaluation", "Subgroup", "BatteryResult", "Figure"}


def test_a_notebook_shows_the_figures(tiny_bundle: Path, films: Manifest) -> None:
    result = evaluate(tiny_bundle, films)
    assert repr(result).startswith("Evaluation(n=15, patients=8, split='test', auroc=")
    assert str(result).startswith("15 films of 8 known patients, split test\nauroc ")
    html = result._repr_html_()
    assert html.count("<tr>") == 1 + len(result.figures)
    assert "average precision" in html


def test_another_models_probabilities_are_evaluated_with_the_films_labels(
    tiny_bundle: Path, films: Manifest, tmp_path: Path
) -> None:
    own = evaluate(tiny_bundle, films, out=tmp_path / "own")
    table = tmp_path / "own" / "predictions.csv"
    other = evaluate(table, films, out=tmp_path / "other", threshold=own.threshold)
    for name in ("auroc", "brier"):  # the file has six digits
        assert other.figures[name].value == pytest.approx(own.figures[name].value, abs=1e-5)
    assert other.confusion == own.confusion
    assert (other.prediction_sets, other.gate, other.detector.name) == (None, None, "predictions")
    report = (tmp_path / "other" / "report.html").read_text(encoding="utf-8")
    assert "probabilities from a table" in report
    assert other.detector.seal in report


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"shifts": True}, "shifts need a detector"),
        ({"curves": True}, "curves need a detector"),
        ({"heat_maps": True}, "heat maps need a detector"),
        ({"checklists": True}, "checklists need a detector"),
    ],
)
def test_what_a_table_cannot_give_is_refused(
    films: Manifest, tmp_path: Path, asked: dict[str, bool], words: str
) -> None:
    lines = [f"{film.path},0.4,0.6" for film in films]
    (tmp_path / "other.csv").write_text("\n".join(("path,prob_NORMAL,prob_PNEUMONIA", *lines)))
    with pytest.raises(RequestError, match=rf"other\.csv: {words}"):
        evaluate(tmp_path / "other.csv", films, out=tmp_path / "out", **asked)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_requests_that_do_not_fit_a_bundle_are_refused(tiny_bundle: Path, films: Manifest) -> None:
    with pytest.raises(RequestError, match="a threshold is for a table of probabilities"):
        evaluate(tiny_bundle, films, threshold=0.3)
    with pytest.raises(RequestError, match="checklists are files"):
        evaluate(tiny_bundle, films, checklists=True)


def test_a_film_that_cannot_be_read_is_counted_and_logged(
    tiny_bundle: Path, films: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    Path(films.films[0].path).write_text("no film")
    with caplog.at_level(logging.WARNING, "hilum"):
        result = evaluate(tiny_bundle, films)
    assert isinstance(result, Evaluation)
    assert (result.n, result.n_failed) == (14, 1)
    assert any(record.getMessage().startswith(films.films[0].path) for record in caplog.records)
