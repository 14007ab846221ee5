"""Whom results are sent to by DICOM, and why there is no connection."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass

from hilum.pacs.tcp import why_unconnected


@dataclass(frozen=True, slots=True)
class CalledPeer:
    """Whom an association is asked of.

    Attributes:
        name: of the destination, for messages.
        host: name or address.
        port: of TCP.
        called: AE title.
        calling: AE title, of this node.
        tls: None speaks without it.
    """

    name: str
    host: str
    port: int
    called: str
    calling: str
    tls: ssl.SSLContext | None = None


def why_no_connection(peer: CalledPeer, deadline: float) -> str:
    """Why there is no connection, which pynetdicom does not say: by making one."""
    plain: socket.socket | None = None
    try:
        plain = socket.create_connection((peer.host, peer.port), max(deadline - time.monotonic(), 0.1))
        if peer.tls is not None:
            plain = peer.tls.wrap_socket(plain, server_hostname=peer.host)
    except TimeoutError:
        return "does not answer in time"
    except OSError as error:
        return why_unconnected(error)
    finally:
        if plain is not None:
            plain.close()
    return "could not be reached a moment ago"
