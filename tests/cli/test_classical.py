"""A system without a network goes the same way as a network: train, evaluate, predict, compare, calibrate."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder

RECIPE = """
name = "tiny"
[pixels]
size = 32
[classical]
side = 16
reduce = ["pca", "lda"]
components = [8, 0]
strengths = [0.1, 1.0]
folds = 3
"""
COUNTS = {"train": {"normal": 60, "bacteria": 30, "virus": 30}, "test": {"normal": 10, "bacteria": 6, "virus": 4}}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return Path("tiny.toml")


def test_from_a_folder_to_a_comparison(
    hilum: Hilum, chest_folder: ChestFolder, recipe: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = chest_folder(COUNTS)
    trained = hilum("train", recipe, "--data", folder, "--out", "one")
    assert trained.returncode == 0, trained.stderr
    assert "16-pixel films, pca, lda, logistic regression" in trained.stderr
    assert "choice 2  strength 1" in trained.stderr
    assert "Next: hilum evaluate one/bundle" in trained.stderr
    names = {
        path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*") if path.is_file()
    }
    inside = {"bundle.json", "model.skops", "golden.json", "CARD.md", "gate.json"}
    assert names == {"recipe.toml", "manifest.csv", "history.csv", *(f"bundle/{name}" for name in inside)}

    refused = hilum("train", recipe, "--data", folder, "--out", "one")
    assert "holds a run already; continue it with --resume" in refusal(refused, 2)
    before = (tmp_path / "one" / "bundle" / "golden.json").read_bytes()
    resumed = hilum("train", "--resume", "one")
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "one" / "bundle" / "golden.json").read_bytes() == before

    evaluated = hilum("evaluate", "one/bundle", "--data", folder, "--out", "eval", "--checklists", "--shifts")
    assert evaluated.returncode == 0, evaluated.stderr
    metrics = json.loads((tmp_path / "eval" / "metrics.json").read_text())
    assert metrics["n"] == 20
    assert metrics["detector"]["network"] == "16-pixel films, pca, lda, logistic regression"
    assert metrics["shifted"]["auroc_mean"]["value"] is not None
    report = (tmp_path / "eval" / "report.html").read_text()
    assert "AUROC, cross-validated" in report
    assert "s1-cnn" not in report
    claim = (tmp_path / "eval" / "CLAIM.md").read_text()
    assert "without a neural network" in claim
    assert "s1-cnn" not in claim + (tmp_path / "eval" / "TRIPOD+AI.md").read_text()

    predicted = hilum("predict", "one/bundle", folder / "test", "--out", "predictions.csv")
    assert predicted.returncode == 0, predicted.stderr
    assert "Research only, not a diagnosis: tiny, 16-pixel films" in predicted.stderr
    with (tmp_path / "predictions.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 20

    other = hilum("train", recipe, "--data", folder, "--out", "two", "--set", "classical.classifier=svm")
    assert other.returncode == 0, other.stderr
    compared = hilum("compare", "one", "two", "--out", "compared", "--json")
    assert compared.returncode == 0, compared.stderr
    both = json.loads(compared.stdout)["entries"]
    assert all(entry["cost"]["training_seconds"] > 0 and entry["cost"]["parameters"] > 0 for entry in both)

    calibrated = hilum("calibrate", "one/bundle", "--data", folder, "--split", "test", "--out", "again",
                       "--set", "bundle.operating_point=half")  # fmt: skip
    assert calibrated.returncode == 0, calibrated.stderr
    assert hilum("predict", "again/bundle", folder / "test" / "NORMAL").returncode == 0

    explained = hilum("explain", "one/bundle", folder / "test", "--out", "maps")
    assert "is a system without a network" in refusal(explained, 2)
    fused = hilum("fuse", "one/bundle", tiny_bundle, "--data", folder, "--out", "fused")
    assert "is a system without a network" in refusal(fused, 2)
    heated = hilum("evaluate", "one/bundle", "--data", folder, "--out", "hot", "--heat-maps")
    assert "omit --heat-maps" in refusal(heated, 2)


def test_causes_are_told_apart_too(hilum: Hilum, chest_folder: ChestFolder, recipe: Path, tmp_path: Path) -> None:
    settings = ("--set", "labels=subtype", "--set", "classical.reduce=['pca']", "--set", "classical.components=[8]")
    trained = hilum("train", recipe, "--data", chest_folder(COUNTS), "--out", "run", *settings)
    assert trained.returncode == 0, trained.stderr
    record = json.loads((tmp_path / "run" / "bundle" / "bundle.json").read_text())
    assert record["classes"] == ["NORMAL", "bacteria", "virus"]
    assert record["operating_point"]["threshold"] is None


def test_learns_without_torch(recipe: Path, chest_folder: ChestFolder, tmp_path: Path) -> None:
    """A small hospital needs no more than `pip install hilum`."""
    folder, file = chest_folder(COUNTS), tmp_path / recipe
    program = (
        "import sys; from pathlib import Path; from hilum import films; from hilum.recipe import read_recipe; "
        "from hilum.cli import main; sys.argv = ['hilum', 'train', "
        f"{str(file)!r}, '--data', {str(folder)!r}, '--out', {str(tmp_path / 'run')!r}]\n"
        "try: main()\n"
        "except SystemExit as end: sys.exit(end.code or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_cannot_be_is_one_line_and_leaves_no_run(
    hilum: Hilum, chest_folder: ChestFolder, recipe: Path, tmp_path: Path
) -> None:
    folder = chest_folder({"train": {"normal": 60, "bacteria": 60}})
    asked = ("train", recipe, "--data", folder, "--out", "run")
    assert "pca cannot leave 200 numbers" in refusal(hilum(*asked, "--set", "classical.components=[200, 0]"), 2)
    compared = ("--set", "classical.reduce=['kernel-pca']", "--set", "classical.components=[8]", "--memory", "0.1MB")
    assert "kernel-pca compares each of" in refusal(hilum(*asked, *compared), 2)
    assert "is trained in one process" in refusal(hilum(*asked, WORLD_SIZE="2"), 2)
    assert "tries its own values" in refusal(hilum("tune", recipe, "--data", folder, "--out", "study"), 2)
    assert not (tmp_path / "run").exists()
