"""The audit log: who did what when, only ever appended to, each entry with the hash of the one before.

A changed, removed or inserted entry breaks the chain from there on (Haber and Stornetta, J. Cryptology 3 (1991):
99–111). Entries cut off at the end leave a shorter chain that is sound, so that `head` is worth keeping elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, func, select

from hilum.store.columns import clean, json_text, moment_text
from hilum.store.database import Database
from hilum.store.records import AuditEntry
from hilum.store.tables import audit_log

START = "0" * 64


class Head(NamedTuple):
    """The end of the audit log.

    Attributes:
        number: of the last entry; 0 where there is none.
        digest: its hash; 64 zeros where there is none.
    """

    number: int = 0
    digest: str = START

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


class NewEntry(NamedTuple):
    """An entry that is to be appended; its fields are those of `AuditLog.log`."""

    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


class AuditLog:
    """The audit log of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def log(self, actor: str, action: str, subject: str = "", detail: Mapping[str, object] | None = None) -> None:
        """Append an entry, such as a sign-in or a setting that was changed.

        Args:
            actor: who.
            action: what was done, in a word or two.
            subject: what it was done to. Never a patient's or a file's name: no entry is ever erased.
            detail: further facts, which JSON can hold; never such names either.

        Raises:
            StoreError: the database does not answer.
        """
        with self._database.write() as connection:
            append(connection, actor, action, subject, detail)

    def entries(self, after: int = 0, limit: int = 100, subject: str | None = None) -> tuple[AuditEntry, ...]:
        """Entries in their order.

        Args:
            after: the number of the last entry that is known.
            limit: the largest number of entries.
            subject: only those about it.
        """
        query = select(audit_log).where(audit_log.c.number > after).order_by(audit_log.c.number).limit(limit)
        if subject is not None:
            query = query.where(audit_log.c.subject == subject)
        with self._database.read() as connection:
            return tuple(map(_entry, connection.execute(query)))

    def head(self) -> Head:
        """The end of the log, to be kept where nobody who can change the database can reach it."""
        with self._database.read() as connection:
            return head_of(connection)


def append(
    connection: Connection, actor: str, action: str, subject: str = "", detail: Mapping[str, object] | None = None
) -> None:
    """Append an entry in the writer's transaction."""
    append_all(connection, [NewEntry(actor, action, subject, detail or {})])


def append_all(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """Append entries in the writer's transaction, in their order."""
    number, previous = head_of(connection)
    rows = []
    for each in entries:
        number, at = number + 1, datetime.now(UTC)
        words = (clean(each.actor), clean(each.action), clean(each.subject), json_text(dict(each.detail)))
        digest = digest_of(number, moment_text(at), *words, previous)
        values = dict(zip(("actor", "action", "subject", "detail"), words, strict=True))
        rows.append({"number": number, "at": at, "previous": previous, "digest": digest, **values})
        previous = digest
    connection.execute(audit_log.insert(), rows)


def head_of(connection: Connection) -> Head:
    """The end of the log as a transaction sees it."""
    last = select(func.max(audit_log.c.number)).scalar_subquery()
    row = connection.execute(select(audit_log.c.number, audit_log.c.digest).where(audit_log.c.number == last)).first()
    return Head(row.number, row.digest) if row else Head()


def digest_of(number: int, at: str, actor: str, action: str, subject: str, detail: str, previous: str) -> str:
    """The hash of an entry: SHA-256 of its other fields, as the table keeps them, as a list in JSON."""
    return hashlib.sha256(json_text([number, at, actor, action, subject, detail, previous]).encode()).hexdigest()


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    return AuditEntry(**row._mapping)
