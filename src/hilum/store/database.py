"""A database that is read by many and written by one at a time: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from hilum.errors import RequestError, StoreError
from hilum.files import require_regular
from hilum.store.turns import WriterTurns

_WAIT_SECONDS = 30.0  # for another process that writes to the same SQLite file
_HANGING_SECONDS = 10.0  # after which PostgreSQL ends a writer that asks for nothing and does not commit
_WRITER = 0x48494C554D  # the advisory lock of PostgreSQL's one writer: "HILUM"
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
_BEGIN = "hilum_begin"


class Database:
    """A connection pool with one writer.

    SQLite writes ahead into a log and syncs it at each commit, so that what was acknowledged outlives a kill and a
    power cut; what is deleted is overwritten. On PostgreSQL the writer holds an advisory lock until it commits, which
    keeps the hashes of the audit log in one chain whatever number of processes writes.
    """

    def __init__(self, url: str, *, create: bool = True, read_only: bool = False) -> None:
        self._url = parse_url(url)
        self._turns = WriterTurns()
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            _prepare_file(Path(self._url.database or ""), create=create)
        self._engine = _engine(self._url, self.is_sqlite, read_only)
        self._unsynced = _engine(
            self._url, self.is_sqlite, read_only, synced=False
        )  # of SQLite; it connects when used

    @property
    def name(self) -> str:
        """The database as it may be shown: its file, or its URL without the password."""
        return (self._url.database or "") if self.is_sqlite else self._url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for PostgreSQL."""
        return Path(self._url.database or "") if self.is_sqlite else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database, whatever is written meanwhile.

        Raises:
            StoreError: the database does not answer, or is damaged.
        """
        options = {_BEGIN: "BEGIN"} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._translated(), self._engine.connect().execution_options(**options) as connection:
            yield connection

    @contextmanager
    def write(self, *, synced: bool = True, first: bool = False) -> Iterator[Connection]:
        """Give the one writer's connection; what it has done is there once the block ends, or not at all.

        Args:
            synced: whether it outlives a power cut at once. Without that it outlives a kill at once, and a power cut
                from the next commit on that is synced: for what is done again where it is not there. It takes a
                fraction of the time.
            first: whether it goes before the others that wait in this process: somebody waits for it.

        Raises:
            StoreError: the database does not answer, is full or damaged, or another process held it for too long. On
                PostgreSQL, this one may have: who hangs within the block keeps the others out for ten seconds only.
        """
        options = {_BEGIN: "BEGIN IMMEDIATE"} if self.is_sqlite else {"isolation_level": "READ COMMITTED"}
        engine = self._engine if synced or not self.is_sqlite else self._unsynced
        with (
            self._translated(),
            self._turns.turn(first=first),
            engine.connect().execution_options(**options) as connection,
        ):
            if not self.is_sqlite:
                hanging = f"set_config('idle_in_transaction_session_timeout', '{_HANGING_SECONDS * 1000:.0f}', true)"
                connection.exec_driver_sql(f"SELECT {hanging}, pg_advisory_xact_lock({_WRITER})")
                if not synced:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection
            connection.commit()

    def wipe(self) -> None:
        """Take what was deleted out of SQLite's log and PostgreSQL's tables too.

        Raises:
            StoreError: as `write`.
        """
        self._outside_transactions(
            "PRAGMA wal_checkpoint(TRUNCATE)" if self.is_sqlite else "VACUUM films, predictions, verdicts"
        )

    def leave_one_file(self) -> None:
        """Write SQLite's log into its file and do without one, so that the file can be moved and copied alone.

        Raises:
            StoreError: as `write`.
        """
        self._outside_transactions("PRAGMA journal_mode=DELETE")

    def engine_of_others(self, connections: int) -> Engine:
        """An engine for a library that keeps tables of its own beside these; it is closed by whoever asked for it.

        On SQLite what it commits outlives a kill at once, and a power cut from this database's next commit on: both
        write to one log, which is in order. Its transactions and this database's writers take turns by a lock of
        this process: SQLite's own has whoever waits sleep for up to a tenth of a second.

        Args:
            connections: at a time.
        """
        if not self.is_sqlite:
            return create_engine(self._url, pool_size=connections, max_overflow=0, pool_pre_ping=True)
        arguments = {"timeout": _WAIT_SECONDS, "check_same_thread": False}
        engine = create_engine(self._url, pool_size=connections, max_overflow=0, connect_args=arguments)

        @event.listens_for(engine, "connect")
        def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
            connection.isolation_level = "IMMEDIATE"
            cursor = connection.cursor()
            for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        event.listen(engine, "begin", lambda _: self._turns.take())
        for end in ("commit", "rollback"):
            event.listen(engine, end, lambda _: self._turns.give_back())
        return engine

    @property
    def schema(self) -> str:
        """The schema of PostgreSQL that the tables are in; empty for SQLite."""
        if self.is_sqlite:
            return ""
        with self.read() as connection:
            return str(connection.exec_driver_sql("SELECT current_schema()").scalar())

    def close(self) -> None:
        """Close every connection."""
        for engine in (self._engine, self._unsynced):
            engine.dispose()

    def _outside_transactions(self, statement: str) -> None:
        options = {_BEGIN: ""} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        with (
            self._translated(),
            self._turns.turn(),
            self._engine.connect().execution_options(**options) as connection,
        ):
            connection.exec_driver_sql(statement)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(f"{self.name}: {_explained(error)}") from None


def parse_url(text: str) -> URL:
    """The URL of a database: a path is a SQLite file, and PostgreSQL is spoken to by psycopg 3.

    Raises:
        RequestError: neither of the two, or not a URL.

    >>> str(parse_url("hilum.db")), parse_url("postgresql://host/name").drivername
    ('sqlite:///hilum.db', 'postgresql+psycopg')
    """
    if "://" not in text:
        if not text.strip() or "\0" in text:
            raise RequestError("--store: names no database; give a file, such as hilum.db, or postgresql://host/name")
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise RequestError(
            "--store: no URL of a database; give a file, such as hilum.db, or postgresql://user@host/name"
        ) from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite", query={})
    what = "a database in memory, which keeps nothing" if backend == "sqlite" else f"a database of {backend}"
    raise RequestError(f"--store: {what}; give a file, such as hilum.db, or postgresql://user@host/name")


def _prepare_file(path: Path, *, create: bool) -> None:
    """Make the file, which nobody else on the machine may read; SQLite gives its log the same permissions."""
    if path.exists():
        require_regular(path)
        return
    if not create:
        raise RequestError(f"{path}: no such store; hilum serve makes it, or name the one that it uses: --store")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:  # another process was faster
        require_regular(path)


def _engine(url: URL, is_sqlite: bool, read_only: bool, *, synced: bool = True) -> Engine:
    if not is_sqlite:
        try:
            return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
        except (ImportError, NoSuchModuleError):
            raise RequestError('a store in PostgreSQL needs psycopg: pip install "hilum[serve]"') from None
    if read_only:  # nor is a log made beside it
        url = url.set(database=Path(url.database or "").resolve().as_uri(), query={"uri": "true", "immutable": "1"})
    # Transactions begin by the hook below: the driver's own begin with the first statement that writes.
    engine = create_engine(url, connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in () if read_only else _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        if not synced:
            cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get(_BEGIN, "BEGIN"):
            connection.exec_driver_sql(statement)

    return engine


def _explained(error: Exception) -> str:
    """What a driver says, in one line that says what to do."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    low = words.lower()
    if "full" in low or "no space" in low or "disk i/o" in low:
        return "the disk is full; make room, nothing that was acknowledged is lost"
    if "locked" in low or "busy" in low:
        return "another process has been writing for too long; try again"
    if "readonly" in low or "read-only" in low or "unable to open" in low:
        return "cannot be opened and written here; change its permissions, or name another one"
    if "not a database" in low or "malformed" in low:
        return "no database of SQLite, or a damaged one; restore a backup: hilum store restore"
    return f"the database does not answer ({words[:200]})"
