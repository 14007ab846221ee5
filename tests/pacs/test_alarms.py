"""What people should look at is said in words, and for as long as it lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hilum.pacs.alarms import alarm_of
from hilum.pacs.settings import Alarm
from hilum.pacs.sources.following import SourceState
from hilum.store import Backlog

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ALARM = Alarm(waiting_films=10, waiting_seconds=60)
NOTHING = Backlog(0, None)


def failing_for(seconds: float, name: str = "archive") -> SourceState:
    return SourceState(name, 0, None, NOW - timedelta(seconds=seconds), "http://pacs/DOE^JANE does not answer")


def test_a_backlog_is_one_by_its_length_or_by_its_age() -> None:
    assert alarm_of(NOTHING, [], ALARM, NOW) == ""
    assert alarm_of(Backlog(9, NOW), [], ALARM, NOW) == ""
    assert alarm_of(Backlog(10, NOW), [], ALARM, NOW) == "10 films wait for their answer"
    old = Backlog(1, NOW - timedelta(minutes=5))
    assert alarm_of(old, [], ALARM, NOW) == "a film has waited for its answer for 5 minutes"
    assert alarm_of(Backlog(1, NOW), [], ALARM, NOW - timedelta(hours=2)) == "", "the clock went back"


def test_a_source_is_one_once_it_has_failed_for_as_long() -> None:
    well = SourceState("vna", 7, NOW, None, "")
    assert alarm_of(NOTHING, [well, failing_for(59)], ALARM, NOW) == ""
    assert alarm_of(NOTHING, [well, failing_for(180)], ALARM, NOW) == "source archive has failed for 3 minutes"


def test_all_that_is_wrong_is_said() -> None:
    said = alarm_of(Backlog(10, NOW), [failing_for(60, "one"), failing_for(600, "two")], ALARM, NOW)
    assert said.split("; ") == [
        "10 films wait for their answer",
        "source one has failed for a minute",
        "source two has failed for 10 minutes",
    ]
