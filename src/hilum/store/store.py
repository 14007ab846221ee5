"""The store as one object, and how it is opened."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from types import TracebackType
from typing import Literal, Self

from sqlalchemy import select

from hilum.store.accounts import Accounts
from hilum.store.audit import AuditLog
from hilum.store.database import Database
from hilum.store.node_films import NodeFilms
from hilum.store.node_sendings import NodeSendings
from hilum.store.node_state import NodeState
from hilum.store.predictions import StoredPredictions
from hilum.store.retention import Retention
from hilum.store.schema import migrate
from hilum.store.tables import settings
from hilum.store.verdicts import Verdicts

_SECRET = "pseudonyms"  # the setting that keeps the key of all pseudonyms
_SECRET_BYTES = 32


class Store:
    """Predictions, verdicts, accounts and the audit log in one database. Any thread may call it.

    Attributes:
        predictions: to put, find, search; the bytes of films.
        verdicts: of readers.
        audit: the log.
        retention: what removes.
        accounts: people, tokens, sessions.
        node_films: that nodes in a hospital's network were sent.
        node_sendings: their results, and how the destinations do.
        node_state: how far their sources were read, and which nodes are alive.
        database: for what is done to a whole database: `store.backup`, `store.verify`.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.predictions = StoredPredictions(database)
        self.verdicts = Verdicts(database)
        self.audit = AuditLog(database)
        self.retention = Retention(database)
        self.accounts = Accounts(database)
        self.node_films = NodeFilms(database)
        self.node_sendings = NodeSendings(database)
        self.node_state = NodeState(database)
        self._secret = self._read_secret()

    @property
    def name(self) -> str:
        """The database as it may be shown: its file, or its URL without the password."""
        return self.database.name

    def check(self) -> None:
        """Raise StoreError where the database does not answer; for `/readyz`."""
        with self.database.read() as connection:
            connection.execute(select(1))

    def pseudonym(self, what: Literal["patient", "study", "film"], identifier: str) -> str:
        """The key under which a patient, study or film is stored: 64 hexadecimal digits; empty for an empty one.

        HMAC-SHA256 (RFC 2104) with a secret that was drawn when the store was made: the same identifier has the same
        key in this store and another in every other one. Whoever has the whole database has the secret too.

        Args:
            what: whose identifier it is.
            identifier: DICOM's Patient ID, Study Instance UID or SOP Instance UID, without the spaces around it.
        """
        plain = identifier.strip()
        if not plain:
            return ""
        message = f"{what}\0{plain}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_secret(self) -> bytes:
        query = select(settings.c.value).where(settings.c.name == _SECRET)
        with self.database.read() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            with self.database.write() as connection:
                found = connection.execute(query).scalar()  # another process may have been faster
                if found is None:
                    found = secrets.token_hex(_SECRET_BYTES)
                    connection.execute(settings.insert().values(name=_SECRET, value=found))
        return bytes.fromhex(found)


def open_store(url: str, *, create: bool = True) -> Store:
    """Open a store; its tables are made, or brought up to date where an older Hilum made them.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, open_store(f"{folder}/hilum.db") as store:
    ...     store.audit.log("ada", "opened the store")
    ...     store.audit.head().number
    1

    Args:
        url: a file for SQLite, such as `hilum.db`, which only its owner can read; or a URL,
            `postgresql://user:password@host/name`.
        create: whether SQLite's file is made where it is missing.

    Raises:
        RequestError: neither, not a store of Hilum's or a newer one's, or no such file and `create` is not set.
        StoreError: the database does not answer or cannot be written.
    """
    database = Database(url, create=create)
    try:
        with database.write() as connection:
            migrate(connection, database.name)
        return Store(database)
    except BaseException:
        database.close()
        raise
