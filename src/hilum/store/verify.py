"""Whether anything in a store was changed by something else than Hilum: the chain of the audit log, row by row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from hilum.store.audit import START, Head, digest_of
from hilum.store.columns import row_digest
from hilum.store.database import Database
from hilum.store.records import DECISIONS
from hilum.store.tables import plain_tables

_BATCH = 500
_MOST_SHOWN = 20  # problems


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, and what is wrong.

    Attributes:
        entries: of the audit log.
        predictions: rows.
        verdicts: rows.
        films: whose bytes are there.
        head: of the audit log, to be kept elsewhere.
        problems: one line each, the first twenty; empty where all is as Hilum wrote it.
        more_problems: how many further ones there are.
    """

    entries: int
    predictions: int
    verdicts: int
    films: int
    head: Head
    problems: tuple[str, ...]
    more_problems: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(slots=True)
class _Expected:
    """What the rows are to be, by the log."""

    predictions: dict[str, str] = field(default_factory=dict)  # digests by id
    verdicts: dict[int, tuple[str, str]] = field(default_factory=dict)  # prediction and digest by number
    withdrawn: set[int] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)


class _Problems:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.more = 0

    def add(self, line: str) -> None:
        if len(self.lines) < _MOST_SHOWN:
            self.lines.append(line)
        else:
            self.more += 1


def verify(database: Database, expected: Head | None = None) -> Verified:
    """Check the audit log's chain, and every prediction, verdict and film against it, in one state of the database.

    It finds what was changed, added or removed behind Hilum's back, except by somebody who computes the whole chain
    anew, or cuts off the log's end together with the rows that it names. Both change or remove the head: give one
    that was noted earlier.

    Args:
        database: of a store.
        expected: the log's head at an earlier time.

    Raises:
        StoreError: the database does not answer, or is damaged.
    """
    problems = _Problems()
    with database.read() as connection:
        log, head, entries = _check_log(connection, expected, problems)
        predictions, films_of = _check_predictions(connection, log, problems)
        verdicts = _check_verdicts(connection, log, problems)
        films = _check_films(connection, films_of, problems)
    return Verified(entries, predictions, verdicts, films, head, tuple(problems.lines), problems.more)


def _check_log(connection: Connection, expected: Head | None, problems: _Problems) -> tuple[_Expected, Head, int]:
    log, head, entries = _Expected(), Head(0, START), 0
    met = expected is None or expected == head
    for row in _rows(connection, plain_tables["audit_log"], "number"):
        number, at, previous = row["number"], row["at"], row["previous"]
        words = (row["actor"], row["action"], row["subject"], row["detail"])
        if number != head.number + 1:
            missing = f"{head.number + 1}" if number == head.number + 2 else f"{head.number + 1} to {number - 1}"
            problems.add(f"audit log: entry {missing} is missing")
        elif previous != head.digest:
            problems.add(f"audit log: entry {number} does not follow from the one before; one of them was changed")
        if digest_of(number, at, *words, previous) != row["digest"]:
            problems.add(f"audit log: entry {number} was changed")
        head, entries = Head(number, row["digest"]), entries + 1
        met = met or head == expected
        _note(log, row)
    if not met and expected is not None:
        problems.add(
            f"audit log: it has no entry {expected.number} with the hash that was noted; its end was cut off, or it "
            "was written anew"
        )
    return log, head, entries


def _note(log: _Expected, row: Mapping[str, Any]) -> None:
    """What an entry says of the rows."""
    try:
        detail = json.loads(row["detail"])
    except ValueError:
        detail = {}  # a changed entry, which is a problem already
    action, subject = row["action"], row["subject"]
    if action == "predicted":
        log.predictions[subject] = str(detail.get("row"))
    elif action in DECISIONS and "verdict" in detail:
        log.verdicts[detail["verdict"]] = subject, str(detail.get("row"))
        log.withdrawn.discard(detail["verdict"])
    elif action == "withdrew" and "verdict" in detail:
        log.withdrawn.add(detail["verdict"])
    elif action == "erased":
        log.predictions.pop(subject, None)
        log.erased.add(subject)


def _check_predictions(
    connection: Connection, log: _Expected, problems: _Problems
) -> tuple[int, set[tuple[str, str]]]:
    left, films, count = dict(log.predictions), set(), 0
    for row in _rows(connection, plain_tables["predictions"], "id"):
        count += 1
        films.add((row["user_name"], row["film_sha256"]))
        expected = left.pop(row["id"], None)
        if expected is None:
            what = "was erased, and is there again" if row["id"] in log.erased else "is not in the audit log"
            problems.add(f"prediction {row['id']}: {what}")
        elif row_digest(row) != expected:
            problems.add(f"prediction {row['id']}: was changed")
    for id_ in sorted(left):
        problems.add(f"prediction {id_}: is missing, and was not erased by Hilum")
    return count, films


def _check_verdicts(connection: Connection, log: _Expected, problems: _Problems) -> int:
    left, count = {number: row for number, (id_, row) in log.verdicts.items() if id_ not in log.erased}, 0
    for row in _rows(connection, plain_tables["verdicts"], "id"):
        count += 1
        number, withdrawn = row["id"], row["withdrawn"] is not None
        expected = left.pop(number, None)
        if expected is None:
            problems.add(f"verdict {number}: is not in the audit log, or was erased")
        elif row_digest({name: value for name, value in row.items() if name != "withdrawn"}) != expected:
            problems.add(f"verdict {number}: was changed")
        elif withdrawn != (number in log.withdrawn):
            problems.add(f"verdict {number}: {'stands by' if withdrawn else 'is taken back in'} the audit log")
    for number in sorted(left):
        problems.add(f"verdict {number}: is missing, and was not erased by Hilum")
    return count


def _check_films(connection: Connection, known: set[tuple[str, str]], problems: _Problems) -> int:
    count, table = 0, plain_tables["films"]
    for row in _rows(connection, table, "id", leave_out="content"):
        count += 1
        content = connection.execute(select(table.c.content).where(table.c.id == row["id"])).scalar_one()
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            problems.add(f"film {row['sha256'][:16]}: its bytes were changed")
        if (row["user_name"], row["sha256"]) not in known:
            problems.add(f"film {row['sha256'][:16]}: belongs to no prediction")
    return count


def _rows(connection: Connection, table: Table, key: str, leave_out: str = "") -> Iterator[dict[str, Any]]:
    """All rows in the order of a key, a few hundred at a time."""
    columns = [column for column in table.columns if column.name != leave_out]
    query, last = select(*columns).order_by(table.c[key]).limit(_BATCH), None
    while rows := connection.execute(query if last is None else query.where(table.c[key] > last)).mappings().all():
        yield from map(dict, rows)
        last = rows[-1][key]
