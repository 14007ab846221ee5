"""A store copied into one file, and back: a backup is a SQLite database, whichever database the store is in.

So a backup is also the way from SQLite to PostgreSQL and back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select

from hilum.errors import RequestError, StoreError
from hilum.files import hidden_beside
from hilum.store.audit import append, head_of
from hilum.store.database import Database
from hilum.store.schema import latest_version, migrate, version_of
from hilum.store.tables import plain_tables
from hilum.store.verify import Verified, verify

_BATCH = 500
_NOT_COPIED = {"sessions"}  # whoever was signed in signs in again
_EMPTY = ("predictions", "audit_log", "users")  # what is empty in a store that nobody has used
_NUMBERED = ("films", "verdicts")


@dataclass(frozen=True, slots=True)
class Copied:
    """A store that was copied.

    Attributes:
        verified: what was checked in the copy, which is sound.
        bytes: of the backup's file.
    """

    verified: Verified
    bytes: int


def backup(database: Database, out: Path) -> Copied:
    """Copy a store into a file that is not there yet, while others go on writing.

    The copy is one state of the store, and is checked before it gets its name. It holds everything but sessions:
    films, hashes of passwords, and the secret of the pseudonyms. Only its owner can read it.

    Args:
        database: of the store.
        out: the file.

    Raises:
        RequestError: the file is there already.
        StoreError: the database does not answer, a row was changed behind Hilum's back, or the disk is full.
    """
    if out.exists():
        raise RequestError(f"--out {out}: is there already, and a backup is never replaced; name another file")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = hidden_beside(out, ".part")
    part.unlink(missing_ok=True)  # of a command that was killed
    try:
        copy = Database(str(part))  # which only its owner can read
        try:
            with copy.write() as target:
                migrate(target, str(out))
                with database.read() as source:
                    _copy(source, target)
            verified = verify(copy)
            copy.leave_one_file()
        finally:
            copy.close()
        _refuse_unsound(verified, database.name)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        for path in (part, *(part.with_name(f"{part.name}-{log}") for log in ("wal", "shm", "journal"))):
            path.unlink(missing_ok=True)
    return Copied(verified, out.stat().st_size)


def restore(database: Database, file: Path) -> Copied:
    """Copy a backup into an empty store: all of it, or nothing.

    Args:
        database: SQLite or PostgreSQL, with or without tables, and nothing in them.
        file: what `backup` wrote; it is not changed.

    Raises:
        RequestError: there is no such file, it is no backup or a newer Hilum's, or the store is not empty.
        StoreError: the backup was changed, or the database does not answer.
    """
    if not file.exists():
        raise RequestError(f"{file}: no such backup")
    source_of = Database(str(file), create=False, read_only=True)
    try:
        with source_of.read() as source:
            at = version_of(source)
        if at is None or at > latest_version():
            what = f"its tables are of version {at}" if at else "it has no tables of Hilum's"
            raise RequestError(f"{file}: no backup that this Hilum reads ({what})")
        _refuse_unsound(verify(source_of), str(file))
        with database.write() as target, source_of.read() as source:
            migrate(target, database.name)
            _refuse_used(target, database.name)
            _copy(source, target)
            _continue_numbers(target, database.is_sqlite)
            append(target, "hilum", "restored", detail={"head": str(head_of(target))})
        return Copied(verify(database), file.stat().st_size)
    finally:
        source_of.close()


def _copy(source: Connection, target: Connection) -> None:
    there = set(inspect(source).get_table_names())
    for name, table in plain_tables.items():
        if name in _NOT_COPIED or name not in there:  # a backup of an older Hilum has fewer tables
            continue
        step = 1 if name == "films" else _BATCH  # a film may have a hundred megabytes
        key, last = next(iter(table.columns)), None
        query = select(table).order_by(key).limit(step)
        while rows := source.execute(query if last is None else query.where(key > last)).mappings().all():
            target.execute(table.insert(), list(map(dict, rows)))
            last = rows[-1][key.name]


def _continue_numbers(target: Connection, is_sqlite: bool) -> None:
    """Let PostgreSQL go on after the numbers that were copied; SQLite does so by itself."""
    for name in () if is_sqlite else _NUMBERED:
        largest = f"(SELECT max(id) FROM {name})"
        target.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), coalesce({largest}, 1), {largest} IS NOT NULL)"
        )


def _refuse_used(target: Connection, where: str) -> None:
    for name in _EMPTY:
        if target.execute(select(func.count()).select_from(plain_tables[name])).scalar_one():
            raise RequestError(f"{where}: has been used already; restore into a store that is empty")
    target.execute(plain_tables["settings"].delete())


def _refuse_unsound(verified: Verified, where: str) -> None:
    if not verified.is_sound:
        more = len(verified.problems) + verified.more_problems - 1
        others = f" (and {more:,} more; hilum store verify lists them)" if more else ""
        raise StoreError(f"{where}: changed by something else than Hilum: {verified.problems[0]}{others}")
