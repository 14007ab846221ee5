"""What has to be there before a node starts."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from hilum.errors import HilumError, RequestError
from hilum.inference import Detector
from hilum.pacs.certificates import shown_certificates
from hilum.pacs.folders import NodeFolders
from hilum.pacs.records import Arrival
from hilum.pacs.senders.sending import Refused, Unreachable, open_sender
from hilum.pacs.settings import Destination, NodeSettings
from hilum.pacs.sources.following import SourceFollower
from hilum.pacs.sources.opening import open_source
from hilum.store import open_store


def check_start(settings: NodeSettings) -> tuple[str, ...]:
    """Open everything that a node opens, and close it; no film is taken, and no result is sent.

    Each source and each destination is asked whether it is there (C-ECHO, or a question of HTTP). A node starts
    without them too.

    Args:
        settings: as `read_settings` gives them.

    Returns:
        A line for a store that is new, for each certificate that is over or soon will be, for each source and
            for each destination.

    Raises:
        HilumError: as the node itself would; or it runs already.
    """
    node = settings.node
    folders = NodeFolders(Path(node.folder))
    Detector(node.bundle, threads=1, trusted=node.trusted or None)
    is_new = "://" not in node.store and not Path(node.store).exists()
    with open_store(node.store) as store, folders.held(node.name, store.database):
        sources = [
            _source_asked(each.name, open_source(each, settings, folders.films, _take_none, store.node_state))
            for each in settings.sources
        ]
    if settings.receive is not None:
        require_free("receive", settings.receive.host, settings.receive.port)
    if settings.metrics.port:
        require_free("metrics", settings.metrics.host, settings.metrics.port)
    now = datetime.now(UTC)
    over = tuple(filter(None, (each.trouble(now) for each in shown_certificates(settings))))
    new = (f"node.store: {node.store} was not there; it is made now, and empty",) if is_new else ()
    return (*new, *over, *sources, *(() if node.shadow else map(_asked, settings.destinations)))


def _take_none(arrival: Arrival) -> None:
    """No film comes while it is only asked whether a source is there."""


def _source_asked(name: str, source: SourceFollower) -> str:
    try:
        source.check()
    except HilumError as error:
        return f"source {name}: not there now: {str(error).removeprefix(f'source {name}: ')}"
    finally:
        source.stop()
    return f"source {name}: answers"


def _asked(destination: Destination) -> str:
    sender = open_sender(destination)
    try:
        sender.check()
    except (Refused, Unreachable) as error:
        return f"{destination.name}: not there now: {str(error).removeprefix(f'{destination.name}: ')}"
    finally:
        sender.close()
    return f"{destination.name}: answers"


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
                f"{host}:{port}: cannot listen there ({os.strerror(error.errno or 0)}); name another {table}.host or "
                f"{table}.port"
            ) from None
