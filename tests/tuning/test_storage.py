"""A study is opened by whoever began it, with what it was begun with, and by nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hilum.errors import HilumError, RequestError
from hilum.records import Manifest
from tests.tuning.conftest import FILMS, MIXED, RATE, MadeUp, space_of, study


@pytest.fixture(autouse=True)
def _no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing it takes longer than all the trials; test_page.py looks at it."""
    monkeypatch.setattr("hilum.tuning.study.render", lambda summary: "page")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"epochs": 4}, r"training\.epochs 3 → 4"),
        ({"prune": "median"}, r"tune\.prune none → median"),
        ({"space": {"training.learning_rate": [1e-3, 1e-4]}}, r"tune\.space\.training\.learning_rate"),
        ({"space": MIXED}, r"batches\.size \(nothing\) →"),
    ],
)
def test_another_recipe_or_space_is_refused_with_what_differs(
    tmp_path: Path, changed: dict[str, object], says: str
) -> None:
    study(tmp_path, space_of(RATE), trials=1)
    table: dict[str, object] = {"space": RATE, **changed}
    with pytest.raises(RequestError, match=f"its recipe has changed since the study was started: .*{says}"):
        study(tmp_path, space_of(**table), trials=2)  # type: ignore[arg-type]


def test_other_films_are_refused_with_what_differs(tmp_path: Path) -> None:
    study(tmp_path, space_of(RATE), trials=1)
    relabelled = Manifest(tuple(replace(film, label="NORMAL") if film.path == "val1.png" else film for film in FILMS))
    with pytest.raises(RequestError, match="val NORMAL 3 → 4, val PNEUMONIA 3 → 2"):
        study(tmp_path, space_of(RATE), trials=2, films=relabelled)
    others = Manifest(tuple(replace(film, sha256=f"other{film.sha256}") for film in FILMS))
    with pytest.raises(RequestError, match="the same number, but different films"):
        study(tmp_path, space_of(RATE), trials=2, films=others)


def test_the_folder_of_another_study_is_refused(tmp_path: Path) -> None:
    study(tmp_path, space_of(RATE), trials=1)
    (tmp_path / "study.db").unlink()
    with pytest.raises(RequestError, match="trial-0000: is a trial of another study; choose another --out"):
        study(tmp_path, space_of(RATE), trials=1)


def test_a_study_that_somebody_else_began_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'theirs.db'}"
    optuna.create_study(storage=url, study_name="tiny").optimize(lambda trial: 0.0, n_trials=1)
    with pytest.raises(RequestError, match=r"was not started by hilum tune; .*--set name=tiny-2"):
        study(tmp_path / "out", space_of(RATE), storage=url)


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/at/all/study.db", "mongo://host/name"])
def test_a_database_that_cannot_be_opened_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(RequestError, match=r"--storage .*: cannot be opened"):
        study(tmp_path, space_of(RATE), storage=url)


def test_a_database_that_goes_away_is_said_in_one_line(tmp_path: Path) -> None:
    def lose(trial: int, epoch: int) -> None:
        (tmp_path / "study.db").write_bytes(b"no database any more")

    with pytest.raises(HilumError, match=r"study\.db: the study's database no longer answers \(.+\); run the same"):
        study(tmp_path, space_of(RATE), MadeUp(stop=lose), trials=2)


def test_a_driver_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="needs a driver: pip install oracledb"):
        study(tmp_path, space_of(RATE), storage="oracle+oracledb://me:secret@127.0.0.1:1/name")


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"--storage") as refused:
        study(tmp_path, space_of(RATE), storage="postgresql://me:secret@127.0.0.1:1/name")
    assert "secret" not in str(refused.value)


def test_what_the_study_was_begun_with_stands_in_its_database(tmp_path: Path) -> None:
    study(tmp_path, space_of(RATE), trials=1)
    opened = optuna.load_study(study_name="tiny", storage=f"sqlite:///{tmp_path / 'study.db'}")
    begun = opened.user_attrs["begun_with"]
    assert begun["counts"] == {"train NORMAL": 4, "train PNEUMONIA": 4, "val NORMAL": 3, "val PNEUMONIA": 3}
    assert "training.learning_rate" in begun["recipe"]["tune"]["space"]
    assert len(json.dumps(begun)) < 65_535, "what a TEXT column of MySQL holds"
