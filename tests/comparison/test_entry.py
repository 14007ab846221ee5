"""An evaluation's folder is read back as what was evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from hilum.comparison import read_entry
from hilum.errors import LayoutError, RequestError
from hilum.evaluation import DetectorRecord, evaluate_predictions, write_metrics
from hilum.records import write_predictions

from .conftest import entry


def written(folder: Path) -> Path:
    made = entry("a", 2.0, n=20)
    detector = DetectorRecord(history=list(made.history), parameters=7, seal="s")
    evaluation = structs.replace(evaluate_predictions(made.predictions, resamples=0), detector=detector)
    write_metrics(evaluation, folder / "metrics.json")
    write_predictions(made.predictions, folder / "predictions.csv")
    return folder


def test_what_was_written_is_read(tmp_path: Path) -> None:
    read, made = read_entry(written(tmp_path / "eval"), "x"), entry("a", 2.0, n=20)
    assert read.name == "x"
    assert [row.film for row in read.predictions] == [row.film for row in made.predictions]
    for one, other in zip(read.predictions, made.predictions, strict=True):
        assert one.probs == pytest.approx(other.probs, abs=1e-6)
    assert read.seal == "s"
    assert (read.cost.parameters, read.cost.multiply_adds, read.cost.training_seconds) == (7, None, 4.0)


def test_what_is_no_evaluation_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no evaluation and no run; name a run's folder"):
        read_entry(tmp_path, "x")
    folder = written(tmp_path / "eval")
    (folder / "predictions.csv").write_text("path,label\n")
    with pytest.raises(RequestError, match=r"holds no predictions of NORMAL, PNEUMONIA"):
        read_entry(folder, "x")
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(RequestError, match=r"evaluate again"):
        read_entry(folder, "x")


@pytest.mark.parametrize("prob", ["nan", "inf", "1.7", "-0.1"])
def test_a_probability_that_is_none_is_refused_by_its_line(tmp_path: Path, prob: str) -> None:
    folder = written(tmp_path / "eval")
    table = folder / "predictions.csv"
    lines = table.read_text().splitlines()
    cells = lines[2].split(",")
    lines[2] = ",".join((*cells[:3], prob, *cells[4:]))
    table.write_text("\n".join(lines))
    with pytest.raises(LayoutError, match=rf"line 3 has '{prob}' in prob_\w+, which is no probability"):
        read_entry(folder, "x")
