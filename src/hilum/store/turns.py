"""One writer at a time, and who may not be kept waiting goes first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class WriterTurns:
    """A lock that is handed from one thread to the next, in the order in which they came.

    `threading.Lock` goes to whichever thread asks at the right moment, so that one of many waits for as long as it
    has bad luck.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._first: deque[threading.Lock] = deque()  # of those who go first, each a lock that is released for it
        self._others: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self, *, first: bool = False) -> Iterator[None]:
        """Hold the lock in this block.

        Args:
            first: whether to go before all who have not said so.
        """
        self.take(first=first)
        try:
            yield
        finally:
            self.give_back()

    def take(self, *, first: bool = False) -> None:
        """Wait for the lock, and hold it until it is given back, by any thread."""
        with self._guard:
            if not self._held:
                self._held = True
                return
            mine = threading.Lock()
            mine.acquire()
            (self._first if first else self._others).append(mine)
        mine.acquire()

    def give_back(self) -> None:
        """Hand the lock to who waits for it."""
        with self._guard:
            if waiting := self._first or self._others:
                waiting.popleft().release()
            else:
                self._held = False
