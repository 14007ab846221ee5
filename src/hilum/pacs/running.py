"""Running a node until a signal ends it, and what has to be there before it starts."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hilum.errors import RequestError
from hilum.inference import Detector
from hilum.pacs.logs import log_event
from hilum.pacs.node import Node
from hilum.pacs.settings import NodeSettings
from hilum.store import open_store


def run_node(settings: NodeSettings) -> None:
    """Take films until a signal ends it (SIGINT or SIGTERM); what has begun is finished, or left for the next start.

    Args:
        settings: as `read_settings` gives them.

    Raises:
        HilumError: something cannot be opened; nothing was taken.
    """
    with _ended_by_signals() as ended:
        node = Node(settings)
        node.start()
        try:
            if settings.receive is not None:
                receive = settings.receive
                log_event("listening", ae_title=receive.ae_title, host=receive.host, port=node.port)
            ended.wait()
        finally:
            node.stop()


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


def check_start(settings: NodeSettings) -> None:
    """Open everything that a node opens, and close it; no film is taken, and nothing is sent.

    Args:
        settings: as `read_settings` gives them.

    Raises:
        HilumError: as the node itself would.
        OSError: its folder cannot be made.
    """
    Path(settings.node.folder).mkdir(parents=True, exist_ok=True)
    Detector(settings.node.bundle, threads=1, trusted=settings.node.trusted or None)
    open_store(settings.node.store).close()
    if settings.receive is not None:
        require_free("receive", settings.receive.host, settings.receive.port)
    if settings.metrics.port:
        require_free("metrics", settings.metrics.host, settings.metrics.port)


def require_free(table: str, host: str, port: int) -> None:
    """Make sure that an address can be listened on.

    Args:
        table: that holds it.
        host: an IP address.
        port: 0 for any that is free.

    Raises:
        RequestError: somebody listens there, or it is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise RequestError(
                f"{host}:{port}: cannot listen there ({error.strerror or error}); name another {table}.host or "
                f"{table}.port"
            ) from None
