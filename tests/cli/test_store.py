"""`hilum store` and `hilum feedback`: what they print, and that each refusal is one line."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from hilum.records import Film, Prediction
from hilum.store import NewPrediction, PredictionKey, Search, open_store
from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm

pytest.importorskip("fastapi")  # the verbs ask for the whole extra


@pytest.fixture
def store(tmp_path: Path, write_film: WriteFilm) -> Path:
    """A store with four films of two patients, one of which has no verdict."""
    file = tmp_path / "hilum.db"
    with open_store(str(file)) as store:
        for number in range(4):
            content = write_film(tmp_path / "sent" / f"{number}.png", number).read_bytes()
            key = PredictionKey("ada", hashlib.sha256(content).hexdigest(), "seal", "youden")
            row = Prediction(Film(""), (0.2, 0.8), "PNEUMONIA", answer="PNEUMONIA", why="x")
            patient = store.pseudonym("patient", f"P{number // 2}")
            new = NewPrediction(key, row, ("NORMAL", "PNEUMONIA"), 0.5, patient=patient, film=content)
            stored = store.predictions.put(new)
            if number:
                label = "NORMAL" if number % 2 else "PNEUMONIA"
                store.verdicts.add(stored.id, "ada", "modify", label=label, unaided=number == 1)
    return file


def test_a_sound_store_shows_its_head_and_a_changed_one_ends_with_1(hilum: Hilum, store: Path) -> None:
    done = hilum("store", "verify")
    assert done.returncode == 0, done.stderr
    counts, head = done.stdout.splitlines()
    assert counts == "4 predictions, 3 verdicts, 4 films, 7 entries of the audit log"
    noted = re.fullmatch("head (7:[0-9a-f]{64})", head)
    assert noted is not None
    assert hilum("store", "verify", "--head", noted[1]).returncode == 0
    with open_store(str(store)) as opened, opened.database.write() as connection:
        connection.exec_driver_sql("UPDATE predictions SET why = 'y' WHERE film_sha256 LIKE '%'")
    done = hilum("store", "verify")
    assert done.stdout.count("was changed") == 4
    assert "4 problems; find out who can write to it" in refusal(done, 1)


def test_a_backup_comes_back(hilum: Hilum, store: Path) -> None:
    done = hilum("store", "backup", "--out", "backup.db")
    assert done.returncode == 0, done.stderr
    done = hilum("store", "restore", "backup.db", "--store", "again.db")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 predictions, 3 verdicts, 4 films, 8 entries")
    assert "has been used already" in refusal(hilum("store", "restore", "backup.db", "--store", "again.db"), 2)
    assert "a backup is never replaced" in refusal(hilum("store", "backup", "--out", "backup.db"), 2)


def test_a_patient_is_erased(hilum: Hilum, store: Path) -> None:
    done = hilum("store", "erase", "--patient", "P0", "--dry-run")
    assert done.stdout == "2 predictions, 1 verdict, 2 films would be erased\n"
    assert hilum("store", "erase", "--patient", "P0").stdout == "2 predictions, 1 verdict, 2 films were erased\n"
    assert hilum("store", "erase", "--study", "1.2.3").stdout == "0 predictions, 0 verdicts, 0 films were erased\n"
    assert "either a patient or a study" in refusal(hilum("store", "erase"), 2)
    assert "empty identifier" in refusal(hilum("store", "erase", "--patient", " "), 2)
    with open_store(str(store)) as opened:
        assert opened.predictions.search(Search()).total == 2


def test_old_predictions_go(hilum: Hilum, store: Path) -> None:
    assert hilum("store", "retain", "--days", "1").stdout == "0 predictions, 0 verdicts, 0 films were erased\n"
    assert hilum("store", "retain", "--days", "0").stdout == "4 predictions, 3 verdicts, 4 films were erased\n"
    assert "give 0 to 36,500 days" in refusal(hilum("store", "retain", "--days", "nan"), 2)


def test_feedback_is_what_index_takes(hilum: Hilum, store: Path) -> None:
    done = hilum("feedback", "export", "--out", "feedback")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 films\n"
    assert hilum("feedback", "export", "--out", "before", "--unaided").stdout == "1 films\n"
    indexed = hilum("index", "feedback/feedback.csv", "--val-fraction", "0.5")
    assert indexed.returncode == 0, indexed.stderr
    assert "is not empty" in refusal(hilum("feedback", "export", "--out", "feedback"), 2)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("store verify --store none.db", "none.db: no such store"),
        ("store verify --head 7", "is written NUMBER:HASH"),
        ("store restore none.db --store new.db", "none.db: no such backup"),
        ("feedback export --out x --store mysql://h/n", "a database of mysql"),
    ],
)
def test_a_refusal_is_one_line(hilum: Hilum, store: Path, words: str, line: str) -> None:
    assert line in refusal(hilum(*words.split()), 2)
