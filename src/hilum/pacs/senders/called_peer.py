"""Whom results are sent to by DICOM, and why there is no connection."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass


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


def why_unconnected(peer: CalledPeer, deadline: float) -> str:
    """Why there is no connection, which pynetdicom does not say: by making one."""
    plain: socket.socket | None = None
    try:
        plain = socket.create_connection((peer.host, peer.port), max(deadline - time.monotonic(), 0.1))
        if peer.tls is not None:
            plain = peer.tls.wrap_socket(plain, server_hostname=peer.host)
    except TimeoutError:
        return "does not answer in time"
    except ssl.SSLCertVerificationError as error:
        return f"shows a certificate that is not trusted: {error.verify_message}"
    except ssl.SSLError as error:
        return f"does not agree on TLS: {network_words(error)}"
    except OSError as error:
        return f"cannot be reached: {network_words(error)}"
    finally:
        if plain is not None:
            plain.close()
    return "could not be reached a moment ago"


def network_words(error: OSError | UnicodeError) -> str:
    """An error of the network, in words for a person."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it ended").lower().replace("_", " ")
    if isinstance(error, UnicodeError | socket.gaierror):
        return "no such host"
    return (error.strerror or "the network fails").lower()
