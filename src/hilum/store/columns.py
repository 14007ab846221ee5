"""What the tables' columns hold: times, structures and text, in the same form on SQLite and on PostgreSQL.

Times are text of a fixed width in UTC and structures are JSON text, so that both databases keep, sort and give back
the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, MetaData, String, Text
from sqlalchemy.types import TypeDecorator

metadata = MetaData()
_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Moment(TypeDecorator[datetime]):
    """A time in UTC, to the microsecond, as text: `2026-11-29T07:30:00.000000Z`."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To text."""
        return None if value is None else moment_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """From text."""
        return None if value is None else datetime.strptime(value, _MOMENT).replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """A list of texts or numbers as JSON, every number as it was."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str:
        """To text."""
        return json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From text."""
        return None if value is None else json.loads(value)


def moment_text(value: datetime) -> str:
    """A time as the tables hold it.

    >>> moment_text(datetime(2026, 11, 29, 7, 30, tzinfo=UTC))
    '2026-11-29T07:30:00.000000Z'
    """
    return value.astimezone(UTC).strftime(_MOMENT)


def json_text(value: object) -> str:
    """JSON in one form only, so that the same value has the same hash."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


def row_digest(values: Mapping[str, object]) -> str:
    """The SHA-256 of a row's values as the table keeps them: times and structures are text. The audit log has it."""
    return hashlib.sha256(json_text({name: _kept(value) for name, value in values.items()}).encode()).hexdigest()


def _kept(value: object) -> object:
    if isinstance(value, datetime):
        return moment_text(value)
    return json_text(value) if isinstance(value, list) else value


def clean(text: str) -> str:
    r"""Text that every database holds: neither a zero byte nor half of a pair of surrogates.

    >>> clean("a\0b")
    'a\\x00b'
    """
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
