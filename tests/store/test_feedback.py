"""Readers' verdicts become a table that `hilum index` takes."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from hilum import films
from hilum.errors import RequestError
from hilum.store import Exported, Store, export_feedback
from tests.conftest import WriteFilm
from tests.store.conftest import MakePrediction


@pytest.fixture
def contents(tmp_path: Path, write_film: WriteFilm) -> list[bytes]:
    """Six films."""
    endings = (".png", ".jpeg", ".png", ".jpeg", ".png", ".png")
    return [write_film(tmp_path / f"{seed}{end}", seed).read_bytes() for seed, end in enumerate(endings)]


def test_the_table_is_indexed(
    store: Store, prediction: MakePrediction, contents: list[bytes], tmp_path: Path
) -> None:
    ids = []
    for number, content in enumerate(contents):
        kept = None if number == 5 else content
        patient = store.pseudonym("patient", str(number))
        ids.append(store.predictions.put(prediction(content=content, film=kept, patient=patient)).id)
    store.verdicts.add(ids[0], "ada", "accept", unaided=True)
    store.verdicts.add(ids[1], "ada", "modify", label="NORMAL")
    store.verdicts.add(ids[2], "ada", "accept")
    store.verdicts.add(ids[2], "bob", "modify", label="NORMAL")
    store.verdicts.add(ids[3], "ada", "reject")
    store.verdicts.withdraw(store.verdicts.add(ids[4], "ada", "accept").id, "ada")
    store.verdicts.add(ids[5], "ada", "accept")
    exported = export_feedback(store.database, tmp_path / "out")
    assert exported == Exported(tmp_path / "out" / "feedback.csv", films=2, gone=1, disputed=1, without_label=1)
    with exported.table.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"NORMAL", "PNEUMONIA"}
    assert {row["patient"] for row in rows} == {store.pseudonym("patient", "0"), store.pseudonym("patient", "1")}
    assert {(row["age"], row["sex"], row["view"]) for row in rows} == {("7", "F", "AP")}
    for row in rows:
        content = (exported.table.parent / row["path"]).read_bytes()
        assert row["path"].startswith(f"films/{hashlib.sha256(content).hexdigest()}.")
    indexed = films.index(exported.table, val_fraction=0.5)
    assert sorted((film.label, film.sha256) for film in indexed) == sorted(
        [("PNEUMONIA", hashlib.sha256(contents[0]).hexdigest()), ("NORMAL", hashlib.sha256(contents[1]).hexdigest())]
    )
    assert export_feedback(store.database, tmp_path / "before", unaided=True).films == 1
    assert store.audit.entries(limit=1000)[-1].action == "exported feedback"


def test_what_cannot_be_exported_is_one_line(
    store: Store, prediction: MakePrediction, contents: list[bytes], tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match="no verdict stands"):
        export_feedback(store.database, tmp_path / "out")
    gone = store.predictions.put(prediction(content=contents[0]))
    store.verdicts.add(gone.id, "ada", "accept")
    with pytest.raises(RequestError, match="of 1 films with a verdict their films are gone"):
        export_feedback(store.database, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(RequestError, match="is not empty"):
        export_feedback(store.database, tmp_path / "full")
