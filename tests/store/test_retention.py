"""What must not be kept goes, all of it and from the disk too; what else there is stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hilum.errors import RequestError
from hilum.store import Erased, Search, Store, open_store, verify
from tests.store.conftest import MakePrediction

CANARY = b"CANARY-OF-THE-FILM" * 300


@pytest.mark.parametrize("what", ["patient", "study"])
def test_a_patient_or_a_study_is_erased_and_nobody_else(store: Store, prediction: MakePrediction, what: str) -> None:
    keys = [store.pseudonym(what, name) for name in ("A", "B")]  # type: ignore[arg-type]
    for number, key in enumerate([keys[0], keys[0], keys[1], ""]):
        content = b"%d" % number
        stored = store.predictions.put(prediction(content=content, film=content, **{what: key}))
        store.verdicts.add(stored.id, "ada", "accept", comment="words")
    erase = store.retention.erase_patient if what == "patient" else store.retention.erase_study
    assert erase(keys[0], dry_run=True) == Erased(2, 2, 2)
    assert store.predictions.search(Search()).total == 4
    assert erase(keys[0], actor="ada") == Erased(2, 2, 2)
    assert erase(keys[0]) == Erased()
    left = store.predictions.search(Search()).rows
    assert sorted(getattr(row, what) for row in left) == ["", keys[1]]
    assert all(row.has_film for row in left)
    assert len(store.verdicts.of([row.id for row in left])) == 2
    assert verify(store.database).problems == ()
    assert [entry.action for entry in store.audit.entries(limit=1000)][-3:] == ["erased", "erased", f"erased {what}"]
    with pytest.raises(RequestError, match="empty key"):
        erase("")


def test_predictions_that_are_too_old_go(store: Store, prediction: MakePrediction) -> None:
    old = store.predictions.put(prediction(content=b"1"))
    new = store.predictions.put(prediction(content=b"2"))
    assert store.retention.erase_before(new.created) == Erased(1, 0, 0)
    assert store.predictions.get(old.id) is None
    assert store.predictions.get(new.id) == new
    assert store.retention.erase_before(datetime.now(UTC) - timedelta(days=1)) == Erased()


def test_what_was_erased_is_on_the_disk_no_more(tmp_path: Path, prediction: MakePrediction) -> None:
    with open_store(str(tmp_path / "hilum.db")) as store:
        key = store.pseudonym("patient", "A")
        store.predictions.put(prediction(content=CANARY, film=CANARY, patient=key))
        assert any(CANARY[:64] in path.read_bytes() for path in tmp_path.iterdir())
        store.retention.erase_patient(key)
        assert not any(CANARY[:18] in path.read_bytes() for path in tmp_path.iterdir())


def test_pseudonyms_are_the_stores_own(store: Store, tmp_path: Path) -> None:
    key = store.pseudonym("patient", " 123 ")
    assert key == store.pseudonym("patient", "123") != store.pseudonym("study", "123")
    assert len(key) == 64
    assert store.pseudonym("patient", " ") == ""
    with open_store(str(tmp_path / "other.db")) as other:
        assert other.pseudonym("patient", "123") != key
    with open_store(str(tmp_path / "other.db")) as other, open_store(str(tmp_path / "other.db")) as again:
        assert other.pseudonym("patient", "123") == again.pseudonym("patient", "123")
