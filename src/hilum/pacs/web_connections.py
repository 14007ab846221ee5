"""The connections to a web server, kept open: urllib3's, with an end to every wait.

urllib3's time-outs begin anew with every byte that comes, so that who drips holds a thread for days.
"""

from __future__ import annotations

import math
import socket
import ssl
import time
from typing import Any
from urllib.parse import SplitResult

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from hilum.pacs.tcp import acknowledge_now
from hilum.pacs.tls import client_context

_KEPT = 16  # connections that nobody uses


class _TimelySocket(socket.socket):
    """Takes what comes until a moment, however little comes at a time: a time-out begins anew with every byte.

    Attributes:
        until: that moment, of `time.monotonic`.
    """

    until = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """As a socket does it.

        Raises:
            TimeoutError: the moment is over, or comes before any byte does.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left if left < math.inf else None)
        acknowledge_now(self)
        return super().recv_into(*args, **kwargs)


class _TimelyTlsSocket(_TimelySocket, ssl.SSLSocket):
    """The same with TLS, for `ssl.SSLContext.sslsocket_class`."""


class _Timely(HTTPConnection):
    def _new_conn(self) -> _TimelySocket:
        made = super()._new_conn()
        timely = _TimelySocket(fileno=made.detach())
        timely.settimeout(self.timeout)
        return timely

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # of http.client, which urllib3 overrides so
        """As urllib3 does it, in what is left of the time."""
        if isinstance(self.sock, _TimelySocket) and self.timeout is not None:
            self.sock.until = time.monotonic() + self.timeout
        return super().getresponse()


class _TimelyTls(_Timely, HTTPSConnection):
    pass


def connections_to(server: SplitResult, authorities: str, whose: str, seconds: float) -> HTTPConnectionPool:
    """Connections to one server, none of them made yet.

    Args:
        server: its address.
        authorities: a PEM file with who may have signed its certificate; empty for the machine's list.
        whose: of whom a refusal speaks.
        seconds: that a question may take, from the connecting to the last byte of the answer.

    Raises:
        RequestError: the authorities cannot be read.
    """
    host, limit = server.hostname or "", Timeout(total=seconds)
    if server.scheme == "http":
        plain = HTTPConnectionPool(host, server.port, limit, _KEPT)
        plain.ConnectionCls = _Timely
        return plain
    context = client_context(None, authorities, whose)
    context.sslsocket_class = _TimelyTlsSocket
    secure = HTTPSConnectionPool(host, server.port, limit, _KEPT, ssl_context=context)
    secure.ConnectionCls = _TimelyTls
    return secure
