"""What a connection needs that waits for short answers, and not for ever."""

from __future__ import annotations

import socket
import ssl
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


def why_unconnected(error: OSError | UnicodeError) -> str:
    """Why a connection cannot be made or goes on no more, in words for a person that follow the peer's name.

    >>> why_unconnected(ConnectionRefusedError(111, "Connection refused")), why_unconnected(socket.gaierror())
    ('cannot be reached: connection refused', 'cannot be reached: no such host')
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"does not agree on TLS: {(error.reason or 'it ended').lower().replace('_', ' ')}"
    if isinstance(error, UnicodeError | socket.gaierror):
        return "cannot be reached: no such host"
    return f"cannot be reached: {(error.strerror or 'the network fails').lower()}"


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
