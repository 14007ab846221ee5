"""Which associations have a place, and who has to go where there is none."""

from __future__ import annotations

import threading
import time

from hilum.pacs.connections import CallerSocket
from hilum.pacs.settings import Limits


class Seats:
    """All connections under pynetdicom, and which of them have a place.

    Attributes:
        limits: on what they may take.
        evicted: associations that had to make room for others.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.evicted = 0
        self._lock = threading.Lock()
        self._all: dict[CallerSocket, bool] = {}  # whether it has a place

    def add(self, caller: CallerSocket) -> None:
        """A connection gets the threads of an association; it has no place yet."""
        with self._lock:
            self._all[caller] = False

    def seat(self, caller: CallerSocket) -> bool:
        """Whether there is room for its association; if so, it has a place from here on.

        Where there is none, the one that has owed something for longest has to go, if one does.
        """
        with self._lock:
            same = [each for each in self._seated() if each.caller == caller.caller]
            if len(same) >= self.limits.associations_an_address and not self._evict_one_of(same):
                return False
            seated = self._seated()
            if len(seated) >= self.limits.associations and not self._evict_one_of(seated):
                return False
            self._all[caller] = True
            return True

    def unseat(self, caller: CallerSocket) -> None:
        """Its association is over, and its threads may still end."""
        with self._lock:
            if caller in self._all:
                self._all[caller] = False

    def remove(self, caller: CallerSocket) -> None:
        """Its threads have ended."""
        with self._lock:
            self._all.pop(caller, None)

    def all(self) -> list[CallerSocket]:
        """Those that are there."""
        with self._lock:
            return list(self._all)

    def associations(self) -> int:
        """How many have a place."""
        with self._lock:
            return len(self._seated())

    def received(self) -> int:
        """Bytes that they have received in part."""
        return sum(each.received for each in self.all())

    def _seated(self) -> list[CallerSocket]:
        return [each for each, has_place in self._all.items() if has_place]

    def _evict_one_of(self, callers: list[CallerSocket]) -> bool:
        now = time.monotonic()
        longest = max(callers, key=lambda each: each.stalled(now))
        if not longest.stalled(now):
            return False
        self._all[longest] = False
        self.evicted += 1
        longest.end()
        return True
