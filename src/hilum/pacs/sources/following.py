"""A source that is looked at again and again, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from hilum.errors import HilumError
from hilum.pacs.logs import log_event

_LONGEST_PAUSE = 300.0  # seconds between two looks at a source that fails


class FilmSource(Protocol):
    """Something that films come from."""

    def look(self, stopping: threading.Event) -> int:
        """Take every film that is new; gives how many. It ends early, and well, once it is asked to stop.

        Raises:
            HilumError: the source or the store does not answer; what was not taken is taken by the next look.
        """

    def check(self) -> None:
        """Ask whether it is there; nothing is taken.

        Raises:
            HilumError: it is not, or does not let this node in.
        """

    def close(self) -> None:
        """End its connections."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source is doing.

    Attributes:
        name: of it.
        films: that were taken since the node was started.
        looked: when it was last looked at without an error, in UTC; None before that.
        failing_since: when it began to fail; None where it does not.
        failure: why, in a line; empty where it does not.
    """

    name: str
    films: int
    looked: datetime | None
    failing_since: datetime | None
    failure: str


class SourceFollower:
    """Looks at a source every few seconds; at one that fails less and less often, up to five minutes."""

    def __init__(self, name: str, source: FilmSource, every_seconds: float) -> None:
        """Begin nothing yet.

        Args:
            name: of the source.
            source: that is looked at.
            every_seconds: from the end of a look to the next one.
        """
        self._name, self._source, self._seconds = name, source, every_seconds
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._state = SourceState(name, 0, None, None, "")

    @property
    def state(self) -> SourceState:
        """How it is doing."""
        return self._state

    def check(self) -> None:
        """Ask the source whether it is there, before `start`.

        Raises:
            HilumError: it is not, or does not let this node in.
        """
        self._source.check()

    def start(self) -> None:
        """Look for the first time now, in a thread."""
        self._thread = threading.Thread(target=self._follow, name=f"hilum-source-{self._name}", daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Take the film that is being taken, and no further one.

        Args:
            seconds: that it is waited for.
        """
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(seconds)
            self._thread = None
        self._source.close()

    def _follow(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                films = self._source.look(self._stopping)
            except HilumError as error:
                failures += 1
                self._fail(str(error))
            else:
                failures = 0
                self._succeed(films)
            pause = self._seconds * 2 ** min(failures, 20)
            self._stopping.wait(min(pause, max(_LONGEST_PAUSE, self._seconds)))

    def _succeed(self, films: int) -> None:
        if self._state.failing_since:
            log_event("source answers again", source=self._name)
        self._state = SourceState(self._name, self._state.films + films, datetime.now(UTC), None, "")

    def _fail(self, why: str) -> None:
        before = self._state
        if before.failure != why:  # once, and not every time
            log_event("source fails", level=logging.WARNING, source=self._name, why=why)
        since = before.failing_since or datetime.now(UTC)
        self._state = SourceState(self._name, before.films, before.looked, since, why)
