"""Events that a stranger can cause are written once a minute, and counted."""

from __future__ import annotations

import logging

import pytest

from hilum.pacs.seldom import SeldomLog


def test_an_event_is_written_once_a_minute_for_each_address(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    log = SeldomLog(lambda: now[0])
    with caplog.at_level(logging.WARNING, "hilum"):
        for seconds in (0, 1, 59, 60, 61):
            now[0] = 100.0 + seconds
            log.warn("rejected", "10.0.0.1")
            log.warn("closed", "10.0.0.1")
        log.warn("rejected", "10.0.0.2", "CT-1")
    facts = [(each.message, each.event_facts) for each in caplog.records]  # type: ignore[attr-defined]
    assert [(event, fact["address"], fact["times"]) for event, fact in facts] == [
        ("rejected", "10.0.0.1", 1),
        ("closed", "10.0.0.1", 1),
        ("rejected", "10.0.0.1", 3),
        ("closed", "10.0.0.1", 3),
        ("rejected", "10.0.0.2", 1),
    ]
    assert facts[-1][1]["caller"] == "CT-1"


def test_many_addresses_take_no_memory() -> None:
    log = SeldomLog(lambda: 0.0)
    for number in range(5000):
        log.warn("rejected", str(number))
    assert len(log._last) <= 1000
