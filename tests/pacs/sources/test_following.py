"""A source is looked at in a thread: one that fails less often, and said once."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from hilum.errors import HilumError
from hilum.pacs.sources.following import SourceFollower


class Failing:
    def __init__(self, *looks: int | str) -> None:
        self.looks, self.times = list(looks), [time.monotonic()]
        self.done, self.closed = threading.Event(), False

    def look(self, stopping: threading.Event) -> int:
        self.times.append(time.monotonic())
        if not self.looks:
            self.done.set()
            return 0
        look = self.looks.pop(0)
        if isinstance(look, str):
            raise HilumError(look)
        return look

    def check(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def test_what_fails_is_looked_at_less_and_less_often_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    source = Failing(2, "it is down", "it is down", "it is down", 3)
    follower = SourceFollower("archive", source, 0.02)
    with caplog.at_level(logging.INFO, logger="hilum"):
        follower.start()
        assert source.done.wait(10)
        follower.stop()
    assert [record.getMessage() for record in caplog.records] == ["source fails", "source answers again"]
    assert follower.state.films == 5
    assert follower.state.failing_since is None
    assert follower.state.looked is not None
    assert source.closed
    pauses = [later - earlier for earlier, later in zip(source.times[2:6], source.times[3:6], strict=False)]
    assert [pause > 0.02 * 2**number for number, pause in enumerate(pauses, 1)] == [True] * 3


def test_a_failure_can_be_read() -> None:
    source = Failing(*["it is down"] * 1000)
    follower = SourceFollower("archive", source, 0.01)
    follower.start()
    while follower.state.failing_since is None:
        time.sleep(0.01)
    assert (follower.state.name, follower.state.failure) == ("archive", "it is down")
    follower.stop()
