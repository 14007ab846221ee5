"""What cannot be used is refused in one line; what can has the tables that the code describes."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from hilum.errors import HilumError, RequestError, StoreError
from hilum.store import Search, Store, database, open_store, verify
from hilum.store.database import Database, parse_url
from hilum.store.migrating import scripts_of_migrations
from hilum.store.migrations import MIGRATIONS
from hilum.store.schema import latest_version
from hilum.store.tables import metadata
from tests.postgres import Postgres
from tests.store.conftest import MakePrediction, NewStore


def test_the_migrations_make_the_tables_that_the_code_describes(store: Store) -> None:
    with store.database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_a_store_is_opened_again(new_store: NewStore, prediction: MakePrediction) -> None:
    url = new_store()
    with open_store(url) as store:
        stored = store.predictions.put(prediction())
    with open_store(url, create=False) as store:
        assert store.predictions.get(stored.id) == stored


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("", "names no database"),
        ("sqlite://", "a database in memory, which keeps nothing"),
        ("sqlite:///:memory:", "a database in memory, which keeps nothing"),
        ("mysql://me:secret@host/name", "a database of mysql"),
        ("http://host:port/", "no URL of a database"),
    ],
)
def test_what_is_no_database_is_refused(url: str, line: str) -> None:
    with pytest.raises(RequestError, match=line) as caught:
        parse_url(url)
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_one_line_without_the_password() -> None:
    with pytest.raises(StoreError, match="does not answer") as caught:
        open_store("postgresql://me:secret@127.0.0.1:1/name")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_store_are_refused_and_not_changed(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE predictions (x)")
    connection.commit()
    connection.close()
    (tmp_path / "text").write_text("no database at all, but a text that is long enough" * 10)
    (tmp_path / "folder").mkdir()
    for name, line in (("other.db", "another program's database"), ("text", "no database of SQLite")):
        with pytest.raises(HilumError, match=line):
            open_store(str(tmp_path / name))
    with pytest.raises(OSError, match="a folder, not a file"):
        open_store(str(tmp_path / "folder"))
    with pytest.raises(RequestError, match="no such store"):
        open_store(str(tmp_path / "missing.db"), create=False)
    assert "long enough" in (tmp_path / "text").read_text()


def test_a_newer_store_is_refused(new_store: NewStore) -> None:
    url = new_store()
    with open_store(url) as store, store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RequestError, match="written by a newer Hilum"):
        open_store(url)


def test_the_names_of_the_migrations_are_their_versions() -> None:
    scripts = scripts_of_migrations()
    assert latest_version() == scripts.get_current_head()
    assert {f"v{each.revision}" for each in scripts.walk_revisions()} == {
        path.name[:5] for path in (MIGRATIONS / "versions").glob("v*.py")
    }


def test_a_store_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    url = str(tmp_path / "hilum.db")
    open_store(url).close()
    program = (
        "import sys; from hilum.store import open_store; open_store(sys.argv[1]); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_only_its_owner_reads_it(tmp_path: Path, prediction: MakePrediction) -> None:
    with open_store(str(tmp_path / "deep" / "hilum.db")) as store:
        store.predictions.put(prediction())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep").iterdir()}
    assert modes == dict.fromkeys(("hilum.db", "hilum.db-wal", "hilum.db-shm"), 0o600)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, prediction: MakePrediction) -> None:
    with open_store(str(tmp_path / "hilum.db")) as store:
        kept = store.predictions.put(prediction())
        with store.database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        # The next write has no page left to go to.
        store.database._outside_transactions(f"PRAGMA max_page_count={pages}")
        large = bytes(1_000_000)
        with pytest.raises(StoreError, match="the disk is full"):
            store.predictions.put(prediction(content=large, film=large))
        assert store.predictions.search(Search()).rows == (kept,)


KILLED = """
import sys, os, hashlib
from hilum.records import Film, Prediction
from hilum.store import NewPrediction, PredictionKey, open_store
store = open_store(sys.argv[1])
row = Prediction(Film(""), (0.1, 0.9), "PNEUMONIA", answer="PNEUMONIA", why="x")
number = 0
while True:
    content = b"%d" % number * 1000
    key = PredictionKey("ada", hashlib.sha256(content).hexdigest(), "seal", "youden")
    stored = store.predictions.put(NewPrediction(key, row, ("NORMAL", "PNEUMONIA"), 0.5, film=content))
    os.write(1, f"{stored.id}\\n".encode())
    number += 1
"""


def test_a_killed_writer_loses_nothing_that_it_acknowledged(new_store: NewStore) -> None:
    url = new_store()
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ids = [process.stdout.readline().strip() for _ in range(5)]
    process.kill()
    ids += process.stdout.read().split()
    process.wait()
    process.stdout.close()
    with open_store(url) as store:
        assert all(store.predictions.film(id_) for id_ in ids)
        assert len(ids) <= store.predictions.search(Search()).total <= len(ids) + 1
        assert verify(store.database).problems == ()


def test_a_writer_that_hangs_keeps_the_others_out_for_some_seconds_only(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is stopped, or whose machine is, holds the writers' lock and does not let go."""
    monkeypatch.setattr(database, "_HANGING_SECONDS", 1.0)
    url = postgres.schema()
    hanging, other = Database(url), Database(url)

    def hang() -> None:
        with hanging.write() as connection:
            connection.exec_driver_sql("CREATE TABLE hung (id INTEGER)")
            with other.write() as writing:
                writing.exec_driver_sql("CREATE TABLE written (id INTEGER)")

    with pytest.raises(StoreError, match="does not answer"):
        hang()
    with hanging.write() as connection:
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        assert connection.exec_driver_sql(tables).scalars().all() == ["written"]
    hanging.close()
    other.close()


def test_a_commit_of_another_library_that_fails_leaves_the_database_to_the_next_writer(tmp_path: Path) -> None:
    """SQLite finds a full disk, or here a missing row that another one names, only when it commits."""
    with open_store(str(tmp_path / "hilum.db")) as store:
        engine = store.database.engine_of_others(2)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE one (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE two (one REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED)")
        for _ in range(2):
            with pytest.raises(IntegrityError), engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO two VALUES (7)")
        with store.database.write() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM two").scalar() == 0
        engine.dispose()
