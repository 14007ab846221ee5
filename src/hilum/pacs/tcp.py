"""What a connection needs that waits for short answers, and not for ever."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def acknowledge_now(connection: socket.socket) -> None:
    """Have the system acknowledge what comes next at once, and not wait up to 40 ms for something to send along.

    Peers that write an answer in two pieces (DCMTK its PDUs, some web servers) hold the second one back until the
    first is acknowledged. Linux forgets the wish by itself; other systems do not have it.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


@contextmanager
def cut_at(deadline: float, cut: Callable[[], None]) -> Iterator[None]:
    """Cut a connection at a time, unless the block has ended: who says a byte now and then never times out.

    Args:
        deadline: of `time.monotonic`.
        cut: is called by another thread.
    """
    watch = threading.Timer(max(deadline - time.monotonic(), 0.001), cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
