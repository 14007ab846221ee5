"""When people should look at a node: too many films wait, one has waited for too long, or a source fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hilum.pacs.settings import Alarm
from hilum.pacs.sources.following import SourceState
from hilum.store import Backlog


def alarm_of(backlog: Backlog, sources: Sequence[SourceState], alarm: Alarm, now: datetime) -> str:
    """What is wrong, in words that hold no identifier; empty where nothing is.

    Args:
        backlog: the films that wait.
        sources: how each is doing.
        alarm: when it is one.
        now: in UTC.
    """
    found = [_waiting(backlog, alarm, now)]
    for each in sources:
        if each.failing_since and (seconds := (now - each.failing_since).total_seconds()) >= alarm.waiting_seconds:
            found.append(f"source {each.name} has failed for {_minutes(seconds)}")
    return "; ".join(filter(None, found))


def _waiting(backlog: Backlog, alarm: Alarm, now: datetime) -> str:
    waited = (now - backlog.oldest).total_seconds() if backlog.oldest else 0.0
    if backlog.films >= alarm.waiting_films:
        return f"{backlog.films:,} films wait for their answer"
    if waited >= alarm.waiting_seconds:
        return f"a film has waited for its answer for {_minutes(waited)}"
    return ""


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes:,} minutes"
