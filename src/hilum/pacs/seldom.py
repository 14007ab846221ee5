"""Events that a stranger can cause as often as they like: each is written once a minute, with how often it came."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from hilum.pacs.logs import log_event

_SECONDS = 60.0
_MOST = 1000  # events and addresses that are remembered


class SeldomLog:
    """Writes warnings about peers, each event of each address at most once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], tuple[float, int]] = {}  # when it was written, and how often it came since

    def warn(self, event: str, address: str, caller: str = "") -> None:
        """Write an event, unless the same one was written in the last minute.

        Args:
            event: in our own words.
            address: of the peer.
            caller: its AE title, if it is listed; else empty.
        """
        now = self._clock()
        with self._lock:
            last, since = self._last.get((event, address), (now - _SECONDS, 0))
            if now - last < _SECONDS:
                self._last[event, address] = last, since + 1
                return
            if len(self._last) >= _MOST:
                self._last.clear()
            self._last[event, address] = now, 0
        more = {"caller": caller} if caller else {}
        log_event(event, level=logging.WARNING, address=address, times=since + 1, **more)
