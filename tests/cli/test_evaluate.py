"""`hilum evaluate` and `hilum predict` with a bundle of three classes, on the folder that everybody has."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from hilum.cli.evaluate import lay_out
from hilum.evaluation import evaluate
from hilum.records import Predictions
from tests.bundle.conftest import THREE, make_three
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder, WriteFilm
from tests.evaluation.conftest import made_up, made_up_three

COUNTS = {"test": {"normal": 6, "bacteria": 6, "virus": 6}}


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_three(tmp_path_factory.mktemp("cli") / "three").folder


def test_causes_are_read_from_the_ordinary_folder(
    hilum: Hilum, three: Path, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    done = hilum("evaluate", three, "--data", chest_folder(COUNTS), "--split", "test", "--out", "out", "--shifts")
    assert done.returncode == 0, done.stderr
    assert "threshold" not in done.stdout
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {name: group["n"] for name, group in metrics["per_class"].items()} == dict.fromkeys(THREE, 6)
    assert metrics["shifted"]["auroc_mean"]["value"] is not None
    assert "bacteria against NORMAL" in (tmp_path / "out" / "report.html").read_text()
    with (tmp_path / "out" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == set(THREE)
    assert {row["threshold"] for row in rows} == {""}
    assert all(
        float(row[f"prob_{row['prediction']}"]) == max(float(row[f"prob_{name}"]) for name in THREE) for row in rows
    )


def test_a_film_whose_cause_nobody_knows_is_refused_by_its_label(
    hilum: Hilum, three: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    for number, label in enumerate(("NORMAL", "PNEUMONIA")):
        write_film(tmp_path / "films" / label / f"{number}.png", number)
    done = hilum("evaluate", three, "--data", "films", "--split", "all", "--out", "out")
    assert "knows NORMAL, bacteria and virus, and these films are labelled 'PNEUMONIA' (1 film)" in refusal(done, 2)
    assert not (tmp_path / "out").exists()


def test_predicting_shows_every_class(hilum: Hilum, three: Path, tmp_path: Path, write_film: WriteFilm) -> None:
    write_film(tmp_path / "in" / "film.png", 1)
    (tmp_path / "in" / "text.png").write_text("not a film")
    done = hilum("predict", three, "in")
    header, film, text = csv.reader(done.stdout.splitlines())
    assert header == ["path", "prob_NORMAL", "prob_bacteria", "prob_virus", "prediction"]
    assert sum(map(float, film[1:4])) == pytest.approx(1, abs=2e-4)
    assert film[4] in THREE
    assert text[1:] == ["", "", "", "unreadable"]
    first = json.loads(hilum("predict", three, "in", "--json").stdout)[0]
    assert (set(first) >= {f"prob_{name}" for name in THREE}, first["threshold"]) == (True, None)


def test_the_table_of_three_classes_shows_each_and_each_pair() -> None:
    text = lay_out({**evaluate(made_up_three(60), resamples=20), "split": "test"})
    lines = text.splitlines()
    assert lines[0] == "60 films of 30 known patients, split test"
    assert any(line.split() == ["auroc", "sensitivity", "specificity", "precision", "f1", "n"] for line in lines)
    assert any(line.startswith("bacteria|virus  ") and line.endswith("40") for line in lines)
    only_normal = tuple(row for row in made_up_three(60) if row.film.label == "NORMAL")
    alone = evaluate(Predictions(THREE, None, only_normal), resamples=0)
    assert "auroc         not defined" in lay_out({**alone, "split": "test"})


def test_the_table_of_two_classes_has_no_such_lines() -> None:
    text = lay_out({**evaluate(made_up(60), resamples=20), "split": "test"})
    assert len(text.splitlines()) == 10


def test_another_engine_finds_the_same_and_is_named(
    hilum: Hilum, three: Path, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    pytest.importorskip("openvino")
    found = {}
    for engine in ("onnx", "openvino"):
        asked = ("evaluate", three, "--data", chest_folder(COUNTS), "--split", "test", "--out", engine)
        done = hilum(*asked, "--engine", engine, "--no-pictures")
        assert done.returncode == 0, done.stderr
        found[engine] = json.loads((tmp_path / engine / "metrics.json").read_text())
        assert found[engine]["computed_by"] == f"{engine} float32"
    for figure in ("auroc", "accuracy", "brier"):
        assert found["openvino"][figure]["value"] == pytest.approx(found["onnx"][figure]["value"], abs=1e-3)
