"""Figures on films kept apart: every film counts, and scikit-learn computes the same from the predictions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from benchmarks.official import main, settings_of
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

from hilum import films
from hilum.inference import Detector
from hilum.recipe import read_recipe
from hilum.workflows.train import train
from tests.bundle.conftest import make_three
from tests.conftest import ChestFolder

ROOT = Path(__file__).parents[1]
COUNTS = {"": {"normal": 16, "bacteria": 16}}
SMALL = ["pixels.size=32", "classical.components=[4]", "classical.folds=0", "bundle.calibration=none"]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line that a command ends with."""
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    assert capsys.readouterr().out == ""
    assert len(str(ended.value).splitlines()) == 1
    return str(ended.value)


def test_every_film_is_scored_and_the_figures_are_those_of_scikit_learn(
    chest_folder: ChestFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learnt = chest_folder(
        {"train": {"normal": 16, "bacteria": 16}, "val": {"normal": 8, "bacteria": 8}}, name="learnt"
    )
    run = train("s8-linear", films.index(learnt), tmp_path / "run", settings=SMALL)
    assert run.bundle is not None
    apart = films.index(chest_folder(COUNTS, name="apart"), cut=False)
    main([str(tmp_path / "apart"), "shipped", str(run.folder), "--out", str(tmp_path / "out.csv")])
    printed = capsys.readouterr().out.splitlines()
    written = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    header = (ROOT / "docs" / "data" / "official_test_0.1.0.csv").read_text("utf-8").splitlines()[0]
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == header
    assert [row["recipe"] for row in written] == ["hilum", "s8-linear"]
    assert (written[1]["system"], written[1]["films"]) == ("S8", "32")
    assert set(written[1]["settings"].split()) == set(SMALL)
    for row, line, bundle in zip(written, printed[2:], ("shipped", str(run.bundle)), strict=False):
        detector = Detector(bundle)
        predictions = detector.predict(apart)
        labels = [each.film.label == "PNEUMONIA" for each in predictions.rows]
        probs = [each.probs[1] for each in predictions.rows]
        called = np.array(probs) >= (detector.spec.operating_point.threshold or 0)
        assert row["films"] == str(len(apart)) == "32"
        assert row["auroc"] == f"{roc_auc_score(labels, probs):.4f}"
        assert row["accuracy"] == f"{accuracy_score(labels, called):.4f}"
        assert row["sensitivity"] == f"{recall_score(labels, called):.3f}"
        assert row["specificity"] == f"{recall_score(labels, called, pos_label=0):.3f}"
        assert f"| {row['system']} | `{row['recipe']}`" in line
        assert f" | 32 | 16 | {row['auroc']} (" in line, "32 films of 16 patients"


def test_the_gate_stops_no_film(
    chest_folder: ChestFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    chest_folder({"": {"normal": 4, "bacteria": 4}}, name="apart")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "apart" / "NORMAL" / "IM-0999-0001.png"), noise)
    rows = Detector().predict(str(tmp_path / "apart")).rows
    assert any(row.answer == "not judged" for row in rows)
    main([str(tmp_path / "apart"), "shipped"])
    assert " | 9 | 5 | " in capsys.readouterr().out


@pytest.mark.slow
def test_intervals_are_over_patients(
    chest_folder: ChestFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slow bootstrap that draws patients of each class, with scikit-learn, gives the same interval."""
    chest_folder({"": {"normal": 24, "bacteria": 24}}, name="apart", films_a_patient=4)
    apart = films.index(tmp_path / "apart", cut=False)
    main([str(tmp_path / "apart"), "shipped"])
    line = capsys.readouterr().out.splitlines()[2]
    low, high = (float(each) for each in line.split(" | ")[4].partition("(")[2].rstrip(")").split("–"))
    rows = Detector().predict(apart).rows
    labels = np.array([row.film.label == "PNEUMONIA" for row in rows])
    probs = np.array([row.probs[1] for row in rows])
    patients = np.array([row.film.patient for row in rows])
    draw, aurocs = np.random.default_rng(0), []
    for _ in range(600):
        drawn = np.concatenate(
            [
                np.flatnonzero(patients == patient)
                for own in (labels, ~labels)
                for patient in draw.choice(np.unique(patients[own]), len(np.unique(patients[own])))
            ]
        )
        aurocs.append(roc_auc_score(labels[drawn], probs[drawn]))
    assert (low, high) == pytest.approx(tuple(np.quantile(aurocs, (0.025, 0.975))), abs=0.04)


def test_settings_are_what_differs_from_the_recipe_of_that_name() -> None:
    settings = ["training.epochs=14", "pixels.lungs_sha256=" + "0" * 64, "training.precision=float32"]
    assert settings_of(read_recipe("s1-cnn", settings)) == "training.epochs=14"
    assert settings_of(read_recipe("s1-cnn", ["name=mine", "training.epochs=14"])) == "", "no recipe of that name"


def test_what_does_not_fit_is_refused_in_one_line_and_nothing_is_written(
    chest_folder: ChestFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apart, out = chest_folder(COUNTS, name="apart"), tmp_path / "out.csv"
    several = chest_folder(
        {"train": {"normal": 2, "bacteria": 2}, "test": {"normal": 2, "bacteria": 2}}, name="several"
    )
    assert "no such" in refused(capsys, tmp_path / "none", "shipped", "--out", out)
    assert "splits test, train; name one, as in --split test" in refused(capsys, several, "shipped", "--out", out)
    (tmp_path / "table.csv").write_text(
        f"path,label\n{several}/test/NORMAL/{sorted((several / 'test' / 'NORMAL').iterdir())[0].name},NORMAL\n"
    )
    assert "all films are labelled NORMAL" in refused(capsys, tmp_path / "table.csv", "shipped", "--out", out)
    assert str(tmp_path / "gone") in refused(capsys, apart, tmp_path / "gone", "--out", out)
    three = make_three(tmp_path / "three").folder
    assert "tells 3 classes apart" in refused(capsys, apart, "shipped", three, "--out", out)
    (tmp_path / "apart" / "PNEUMONIA").rename(tmp_path / "apart" / "COVID")
    assert "these films are labelled 'COVID' (16 films)" in refused(capsys, apart, "shipped", "--out", out)
    (tmp_path / "apart" / "COVID").rename(tmp_path / "apart" / "PNEUMONIA")
    (film := sorted((apart / "NORMAL").iterdir())[0]).write_bytes(film.read_bytes()[:200])
    said = refused(capsys, apart, "shipped", "--out", out)
    assert (
        f"1 of 32 films cannot be read, and every one counts; repair them or take them out, the first is {film}"
        in said
    )
    assert not out.exists()
    out.write_text("kept")
    assert "is there already" in refused(capsys, apart, "shipped", "--out", out)
    assert out.read_text() == "kept"
