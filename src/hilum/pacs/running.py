"""Running a node until a signal ends it."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hilum.pacs.logs import log_event
from hilum.pacs.node import Node
from hilum.pacs.settings import NodeSettings

_M_ARENA_MAX = -8  # malloc.h
_LOOK_SECONDS = 0.5  # between two looks for a signal that another thread was given


def run_node(settings: NodeSettings) -> None:
    """Take films until a signal ends it (SIGINT or SIGTERM); what has begun is finished, or left for the next start.

    Args:
        settings: as `read_settings` gives them.

    Raises:
        HilumError: something cannot be opened; nothing was taken.
    """
    _share_memory()
    with _ended_by_signals() as ended:
        node = Node(settings)
        node.start()
        try:
            if settings.receive is not None:
                receive = settings.receive
                log_event("listening", ae_title=receive.ae_title, host=receive.host, port=node.port)
            # The kernel may give a signal to a thread that is just being started. Python runs the signal's handler in
            # this thread all the same, which nothing wakes then.
            while not ended.wait(_LOOK_SECONDS):
                pass
        finally:
            node.stop()


def _share_memory() -> None:
    """Have glibc keep what a film has freed for whichever thread needs it next.

    By itself it keeps a pool for each of many threads. A node has a hundred, held half as much memory again, and more
    after each burst (benchmarks/pacs.py).
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 2)


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """An event that the first signal sets; the second one ends the process."""
    ended, kinds = threading.Event(), (signal.SIGINT, signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        ended.set()

    before = {kind: signal.signal(kind, end) for kind in kinds}
    try:
        yield ended
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
