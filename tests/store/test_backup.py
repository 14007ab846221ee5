"""A backup is one file, checked, and restores into either database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hilum.errors import RequestError, StoreError
from hilum.store import Database, Search, Store, backup, open_store, restore, verify
from tests.store.conftest import MakePrediction, NewStore


@pytest.fixture
def used(store: Store, prediction: MakePrediction) -> Store:
    for number in range(3):
        content = b"%d" % number
        stored = store.predictions.put(
            prediction(content=content, film=content, patient=store.pseudonym("patient", "A"))
        )
    store.verdicts.add(stored.id, "ada", "accept", comment="漢字 '; --")
    store.accounts.put_user("ada", "hash", ["read"])
    return store


def restored(url: str, file: Path) -> Store:
    database = Database(url)
    restore(database, file)
    database.close()
    return open_store(url)


def test_a_backup_restores_everything_into_either_database(
    used: Store, new_store: NewStore, tmp_path: Path, prediction: MakePrediction
) -> None:
    copied = backup(used.database, tmp_path / "backup.db")
    assert copied.verified.predictions == 3
    assert copied.bytes == (tmp_path / "backup.db").stat().st_size
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
    for url in (new_store(), str(tmp_path / "other.db")):
        with restored(url, tmp_path / "backup.db") as again:
            before, after = used.predictions.search(Search()).rows, again.predictions.search(Search()).rows
            assert after == before
            ids = [row.id for row in before]
            assert again.verdicts.of(ids) == used.verdicts.of(ids)
            assert [again.predictions.film(id_) for id_ in ids] == [used.predictions.film(id_) for id_ in ids]
            assert again.pseudonym("patient", "A") == before[0].patient
            assert again.accounts.users() == used.accounts.users()
            assert again.audit.entries()[:-1] == used.audit.entries()
            assert again.audit.entries()[-1].action == "restored"
            more = again.predictions.put(prediction(content=b"new", film=b"new"))
            again.verdicts.add(more.id, "ada", "accept")
            assert verify(again.database).problems == ()


def test_a_backup_is_of_one_moment_and_nobody_waits_for_it(used: Store, tmp_path: Path) -> None:
    with used.database.read() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM predictions")
        used.audit.log("ada", "signed in")  # while the reader holds its state
        assert reading.exec_driver_sql("SELECT count(*) FROM audit_log").scalar() == 5
    assert backup(used.database, tmp_path / "backup.db").verified.entries == 6


def test_nothing_is_replaced(used: Store, tmp_path: Path) -> None:
    (tmp_path / "backup.db").write_text("mine")
    with pytest.raises(RequestError, match="a backup is never replaced"):
        backup(used.database, tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_text() == "mine"
    (tmp_path / "backup.db").unlink()
    backup(used.database, tmp_path / "backup.db")
    with pytest.raises(RequestError, match="has been used already"):
        restore(used.database, tmp_path / "backup.db")
    assert used.predictions.search(Search()).total == 3


def test_a_store_that_was_changed_has_no_backup(used: Store, tmp_path: Path) -> None:
    with used.database.write() as connection:
        connection.exec_driver_sql("UPDATE predictions SET why = ''")
    with pytest.raises(StoreError, match=r"changed by something else than Hilum: prediction .* \(and 2 more"):
        backup(used.database, tmp_path / "backup.db")
    assert not list(tmp_path.glob("*backup*"))


def test_a_backup_that_was_changed_is_refused(used: Store, new_store: NewStore, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    backup(used.database, file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE predictions SET why = ''")
    connection.close()
    database = Database(new_store())
    with pytest.raises(StoreError, match="changed by something else than Hilum"):
        restore(database, file)
    database.close()


@pytest.mark.parametrize(
    ("content", "error", "line"),
    [
        (None, RequestError, "no such backup"),
        (b"", RequestError, "no tables of Hilum's"),
        (b"x" * 5000, StoreError, "no database of SQLite, or a damaged one"),
    ],
)
def test_what_is_no_backup_is_refused(
    tmp_path: Path, content: bytes | None, error: type[Exception], line: str
) -> None:
    file = tmp_path / "backup.db"
    if content is not None:
        file.write_bytes(content)
    database = Database(str(tmp_path / "new.db"))
    with pytest.raises(error, match=line):
        restore(database, file)
    database.close()


def make_old(file: Path) -> None:
    """Take out what version 0001 of the tables had not."""
    with sqlite3.connect(file) as connection:
        for name in ("node_films", "node_sendings", "node_destinations", "node_cursors", "node_heartbeats"):
            connection.execute(f"DROP TABLE {name}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()


def test_a_backup_of_an_older_hilum_restores(used: Store, new_store: NewStore, tmp_path: Path) -> None:
    """It has fewer tables; those that it has are as they were."""
    file = tmp_path / "backup.db"
    backup(used.database, file)
    make_old(file)
    with restored(new_store(), file) as again:
        assert again.predictions.search(Search()).rows == used.predictions.search(Search()).rows
        assert again.node_films.counts() == {}


def test_a_store_of_an_older_hilum_is_brought_up_to_date(used: Store, tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    backup(used.database, file)
    make_old(file)
    with open_store(str(file)) as again:
        assert again.predictions.search(Search()).total == 3
        assert again.node_films.counts() == {}
        assert verify(again.database).is_sound
