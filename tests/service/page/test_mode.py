"""*Read first, reveal after*: whose reading counts as unaided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from hilum.service.page.mode import ReadFirst

ON = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def asked(cookie: str) -> ReadFirst:
    return ReadFirst.of(Request({"type": "http", "headers": [(b"cookie", f"hilum_read_first={cookie}".encode())]}))


def film(answer: str, minutes: int) -> Any:
    """An answer that was given so many minutes after the mode was switched on."""
    return SimpleNamespace(row=SimpleNamespace(answer=answer), created=ON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("answer", "minutes", "is_read", "is_hidden", "is_unaided"),
    [
        ("PNEUMONIA", 5, False, True, True),
        ("not sure", 0, False, True, True),
        ("PNEUMONIA", -5, False, True, False),  # its answer stood in the list until then
        ("PNEUMONIA", 5, True, False, False),  # after the first reading the answer was shown
        ("not judged", 5, False, False, False),
    ],
)
def test_a_reading_is_unaided_if_no_answer_can_have_been_seen(
    answer: str, minutes: int, is_read: bool, is_hidden: bool, is_unaided: bool
) -> None:
    mode, stored = asked(str(int(ON.timestamp() * 1000))), film(answer, minutes)
    assert mode.since == ON
    assert mode.hides(stored, is_read=is_read) == is_hidden
    assert mode.is_unaided(stored, is_read=is_read) == is_unaided


@pytest.mark.parametrize("cookie", ["", "0", "-1", "on", "9" * 15, "١٢٣", "1e3"])
def test_without_a_time_the_mode_is_off(cookie: str) -> None:
    assert asked(cookie).since is None
    assert not asked(cookie).hides(film("PNEUMONIA", 5), is_read=False)
