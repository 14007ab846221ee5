"""Trying again: after a time that grows up to about a minute, and until the node stops."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from hilum.pacs.logs import log_event

T = TypeVar("T")

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 60.0


class Stopping(BaseException):
    """The node stops: what is being done is left as it is, for the next start.

    No `Exception`, so that the library that keeps the queue does not take it for the outcome of a workflow.
    """


class Clock(Protocol):
    """What waits; another one in tests."""

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the node stops; gives whether it does."""


class StoppableClock:
    """Waits by the system's monotonic clock, which no correction of the time of day moves."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def stop(self) -> None:
        """End every wait, and every later one at once."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the node stops; gives whether it does."""
        return self._stop.wait(seconds)


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures: twice as long each time, up to a minute, and never twice the same.

    Without the random part all that failed together would come back together, again and again.

    >>> 0.25 <= pause_after(1) <= 0.5, 30 <= pause_after(50) <= 60
    (True, True)
    """
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 30))
    return longest * random.uniform(0.5, 1.0)


def trying_again(
    what: str,
    work: Callable[[], T],
    clock: Clock,
    *,
    for_good: Callable[[Exception], bool],
    endless: Callable[[Exception], bool],
    most: int,
) -> T:
    """Do something until it succeeds; an error that is for good, or comes too often, is raised.

    Args:
        what: is done, for the log: no identifier.
        work: does it; it may be done twice.
        clock: waits.
        for_good: whether an error stays, however often it is tried.
        endless: whether it is tried as often as it takes.
        most: times that it is tried after other errors.

    Raises:
        Stopping: the node stops meanwhile.
    """
    failures = 0
    while True:
        try:
            return work()
        except Exception as error:
            if clock.wait(0):
                raise Stopping from None
            failures += 1
            if for_good(error) or (failures >= most and not endless(error)):
                raise
            pause = pause_after(failures)
            log_event("tried again", step=what, error=type(error).__name__, seconds=pause, level=logging.WARNING)
        if clock.wait(pause):
            raise Stopping
