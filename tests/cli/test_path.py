"""The whole path, verb by verb, on generated films."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from hilum.pixels import chest_phantom
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder
from tests.pixels.dicoms import dataset, write

RECIPE = """
name = "tiny"
[pixels]
size = 32
[batches]
size = 16
[training]
epochs = 2
min_epochs = 1
[bundle]
weights = "float16"
"""
COUNTS = {"train": {"normal": 60, "bacteria": 60}, "test": {"normal": 10, "bacteria": 6, "virus": 4}}


def test_from_a_folder_to_a_report(hilum: Hilum, chest_folder: ChestFolder, tmp_path: Path) -> None:
    folder = chest_folder(COUNTS)
    (tmp_path / "tiny.toml").write_text(RECIPE)

    indexed = hilum("index", folder, "--out", "manifest.csv", "--json")
    assert indexed.returncode == 0, indexed.stderr
    splits = json.loads(indexed.stdout)["splits"]
    assert splits["test"]["films"] == 20
    assert splits["train"]["films"] + splits["val"]["films"] == 120

    trained = hilum("train", "tiny.toml", "--data", "manifest.csv", "--out", "run", "--set", "training.epochs=1")
    assert trained.returncode == 0, trained.stderr
    for name in ("recipe.toml", "manifest.csv", "history.csv", "checkpoints", "bundle/bundle.json"):
        assert (tmp_path / "run" / name).exists(), name
    assert "epochs = 1" in (tmp_path / "run" / "recipe.toml").read_text()
    assert "Next: hilum evaluate run/bundle" in trained.stderr

    evaluated = hilum("evaluate", "run/bundle", "--data", folder, "--split", "test", "--out", "eval", "--shifts")
    assert evaluated.returncode == 0, evaluated.stderr
    metrics = json.loads((tmp_path / "eval" / "metrics.json").read_text())
    assert metrics["n"] == 20
    assert set(metrics["auroc"]) == {"value", "low", "high"}
    assert sum(metrics["confusion"].values()) == 20
    for battery in ("shifted", "elsewhere", "familiar"):
        assert set(metrics[battery]["specificity_mean"]) == {"value", "low", "high"}
    assert (tmp_path / "eval" / "report.html").read_text().startswith("<!doctype html>")
    with (tmp_path / "eval" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert list(rows[0]) == [
        "path", "label", "prob_NORMAL", "prob_PNEUMONIA", "prediction", "threshold", "patient", "split",
            "plausible", "flags", "error", "answer", "why", "remarks",
    ]  # fmt: skip

    again = hilum("train", "tiny.toml", "--data", "manifest.csv", "--out", "run")
    assert "holds a run already; continue it with --resume" in refusal(again, 2)
    resumed = hilum("train", "--resume", "run")
    assert resumed.returncode == 0, resumed.stderr


TRANSFER = """
name = "transfer"
labels = "subtype"
[pixels]
size = 32
[batches]
size = 16
[batches.augment]
flip = 0.5
[model]
name = "vgg11"
channels = 3
normalise = "imagenet"
head = "s2"
[transfer]
frozen = "trunk"
also = ["stage4"]
views = 1
[training]
epochs = 2
"""


@pytest.mark.slow
def test_from_a_frozen_trunk_to_three_classes_to_a_thawed_stage(
    hilum: Hilum, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    """The dense layers learn on stored features; then the last stage does too, from where they ended."""
    folder = chest_folder({"train": {"normal": 40, "bacteria": 40, "virus": 40}, "test": COUNTS["test"]})
    (tmp_path / "transfer.toml").write_text(TRANSFER)
    trained = hilum("train", "transfer.toml", "--data", folder, "--out", "head")
    assert trained.returncode == 0, trained.stderr
    assert "features after trunk" in trained.stderr

    thaw = ["weights.source=head", "transfer.frozen=stage4", "transfer.also=[]", "transfer.views=0"]
    settings = [part for setting in thaw for part in ("--set", setting)]
    thawed = hilum("train", "transfer.toml", "--data", "head/manifest.csv", "--out", "thawed", *settings)
    assert thawed.returncode == 0, thawed.stderr
    assert '\nsha256 = ""' not in (tmp_path / "thawed" / "recipe.toml").read_text(), "which weights it was is kept"

    evaluated = hilum("evaluate", "thawed/bundle", "--data", folder, "--split", "test", "--out", "eval")
    assert evaluated.returncode == 0, evaluated.stderr
    metrics = json.loads((tmp_path / "eval" / "metrics.json").read_text())
    assert metrics["classes"] == ["NORMAL", "bacteria", "virus"]
    assert set(metrics["per_class"]) == set(metrics["classes"])
    with (tmp_path / "eval" / "predictions.csv").open() as file:
        row = next(csv.DictReader(file))
    assert row["threshold"] == ""
    assert sum(float(row[f"prob_{name}"]) for name in metrics["classes"]) == pytest.approx(1, abs=1e-5)


def test_ct_slices_in_folders_of_classes_train_too(hilum: Hilum, tmp_path: Path) -> None:
    """Hounsfield units through a lung window, two classes with an output each."""
    for number in range(60):
        stage = ("early", "severe")[number % 2]
        hounsfield = (chest_phantom(number, (48, 48), opacity=0.9 * (number % 2)) * 1200 - 1000).astype(np.int16)
        folder = tmp_path / "ct" / stage
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"{number}.dcm", dataset(hounsfield, Modality="CT", RescaleSlope=1, RescaleIntercept=0))
    (tmp_path / "ct.toml").write_text(
        RECIPE + '[model]\nname = "resnet18"\noutput = "softmax"\n[transfer]\nlayer_decay = 0.8\n'
    )
    trained = hilum(
        "train",
        "ct.toml",
        "--data",
        "ct",
        "--out",
        "run",
        "--split-by",
        "film",
        "--set",
        'classes=["early", "severe"]',
    )
    assert trained.returncode == 0, trained.stderr
    predicted = hilum("predict", "run/bundle", "ct/severe", "--json")
    assert predicted.returncode == 0, predicted.stderr
    rows = json.loads(predicted.stdout)
    assert len(rows) == 30
    assert all(row["prob_early"] + row["prob_severe"] == pytest.approx(1) for row in rows)


def test_demo_goes_the_whole_path_on_named_films(hilum: Hilum, chest_folder: ChestFolder, tmp_path: Path) -> None:
    done = hilum("demo", "--data", chest_folder(COUNTS), "--out", "demo")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo" / "report" / "report.html").exists()
    assert "labelled" in done.stdout
