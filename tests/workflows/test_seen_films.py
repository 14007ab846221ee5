"""Figures and choices on films that a detector has learnt from are said to be so, all of them or some."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest

from hilum.bundle.seal import data_fingerprint
from hilum.records import Film, Manifest, write_manifest
from hilum.workflows.deployed import log_few_films, log_sets
from hilum.workflows.seen_films import notes_on_choosing, notes_on_start, notes_on_training
from tests.evaluation.conftest import CLASSES, made_up_spec


def films(*splits: str, first: int = 0) -> Manifest:
    """A film in each of these splits, every other one positive, with hashes of its own."""
    return Manifest(
        tuple(
            Film(f"{number}.png", CLASSES[number % 2], split=split, sha256=f"{number:064d}")
            for number, split in enumerate(splits, start=first)
        )
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that was trained on films 0 to 9 and validated on 10 to 13."""
    write_manifest(films(*["train"] * 10, *["val"] * 4), tmp_path / "run" / "manifest.csv")
    return tmp_path / "run"


def test_some_of_the_training_films_are_recognised_by_the_runs_manifest(run: Path) -> None:
    spec, again = made_up_spec(), films(*["test"] * 12, first=6)  # 6 to 9 were trained on
    (note,) = notes_on_training(spec, run / "bundle", again, "test")
    assert note.startswith("It was trained on 4 of these 12 films: the figures look better than they are")
    (note,) = notes_on_choosing(spec, run / "bundle", again, "all")
    assert note.startswith("It was trained on 4 of these 12 films, and is surer of them")
    assert notes_on_training(spec, run / "bundle", films(*["test"] * 5, first=10), "test") == []
    assert notes_on_choosing(spec, run / "bundle", films(*["val"] * 5, first=10), "val") == []


def test_its_own_films_are_recognised_without_a_run(tmp_path: Path) -> None:
    own = films(*["train"] * 6, *["val"] * 4)
    spec = msgspec.structs.replace(made_up_spec(), data_fingerprint=data_fingerprint(own))
    (note,) = notes_on_choosing(spec, tmp_path / "bundle", own, "all")
    assert note.startswith("It was trained on 6 of these 10 films")
    assert notes_on_choosing(spec, tmp_path / "bundle", own, "val") == []


def test_a_manifest_that_is_damaged_or_missing_says_nothing(run: Path, tmp_path: Path) -> None:
    (run / "manifest.csv").write_text("no manifest")
    assert notes_on_training(made_up_spec(), run / "bundle", films("test"), "test") == []
    assert notes_on_training(made_up_spec(), tmp_path / "none", films("test"), "test") == []


def test_weights_that_have_learnt_from_the_validation_films_are_said_to(run: Path) -> None:
    mine = films(*["train"] * 3, *["val"] * 7, first=5)  # 5 to 7 to train on, 8 to 14 to validate on
    for source in (run, run / "bundle"):
        if source.name == "bundle":
            source.mkdir()
            (source / "bundle.json").touch()
        (note,) = notes_on_start(str(source), mine)
        assert note.startswith(f"{source} was trained on 2 of the 7 validation films")
    assert notes_on_start("", mine) == notes_on_start("resnet50", mine) == []


def test_few_films_and_few_patients_are_said(caplog: pytest.LogCaptureFixture) -> None:
    from hilum.bundle.spec import Decisions, OperatingPoint
    from hilum.confidence import Calibration, Conformal

    with caplog.at_level(logging.INFO, logger="hilum"):
        log_few_films(films(*["val"] * 7), CLASSES, "val")
        sets = Conformal(0.9, (0.4, 0.0), (30, 4), (30, 4))
        log_sets(Decisions(OperatingPoint(0.5, "half", ""), Calibration(), sets, None, {}), CLASSES)
    assert [line.partition(":")[2].partition(":")[0] for line in caplog.messages] == [
        " Only 4 films of the split val labelled NORMAL",
        " Only 3 films of the split val labelled PNEUMONIA",
        " No patient is known",
        " Only 4 patients labelled PNEUMONIA for prediction sets, which need 9",
    ]
