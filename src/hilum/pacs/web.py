"""DICOMweb and Orthanc's REST API as this node asks them: HTTP that goes to one server and no further.

No proxy of the environment, no redirect, no password in a message, an end to every wait and a limit to every answer;
`dicomweb-client` on `requests` has none of these, and writes objects anew instead of sending their bytes.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.tcp import acknowledge_now, cut_at
from hilum.pacs.tls import client_context
from hilum.pacs.web_address import authorization, media_type, web_parts

MIB = 1 << 20
_BLOCK = 1 << 16
_STALE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError)


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """An answer of a server.

    Attributes:
        status: of HTTP.
        kind: its media type without parameters, in lower case.
        parameters: of the media type; names in lower case.
        blocks: of its content, which can be gone through once and inside the `with` block alone.
    """

    status: int
    kind: str
    parameters: Mapping[str, str]
    blocks: Iterator[bytes]


class WebServer:
    """A server that is asked again and again; threads may share it.

    Attributes:
        name: of the source or the destination, for messages.
        where: its address without a password.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        user: str = "",
        password_file: str = "",
        authorities: str = "",
        seconds: float = 30.0,
    ) -> None:
        """Connect to nobody yet.

        Args:
            name: of the source or the destination.
            url: that all paths are below.
            user: for basic authentication (RFC 7617); empty for none.
            password_file: whose first line is the password.
            authorities: a PEM file with who may have signed the server's certificate; empty for the machine's list.
            seconds: that one question may take.

        Raises:
            RequestError: the URL is none of HTTP, or names a user; a file cannot be read.
        """
        self.name = name
        self._parts = web_parts(name, url)
        self.where = f"{self._parts.scheme}://{self._parts.netloc}"
        self._root = self._parts.path.rstrip("/")
        self._headers = authorization(name, user, password_file)
        self._tls = client_context(None, authorities, name) if self._parts.scheme == "https" else None
        self._seconds = seconds
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def ask(
        self,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = 64 * MIB,
    ) -> tuple[WebAnswer, bytes]:
        """Ask, and give the answer and its whole content.

        Args:
            path: below the URL, with a leading slash.
            query: its parameters.
            content: that is sent; None asks by GET, anything else by POST.
            headers: besides those of every question.
            limit: bytes that an answer has at most.

        Raises:
            Unreachable: it does not answer, in time or at all, redirects, or wants a password that it was not given.
        """
        with self.opened(path, query=query, content=content, headers=headers) as answer:
            parts: list[bytes] = []
            size = 0
            for block in answer.blocks:
                parts.append(block)
                size += len(block)
                if size > limit:
                    raise Unreachable(f"{self.name}: {self.where} answers with more than {limit // MIB} MiB")
            return answer, b"".join(parts)

    @contextmanager
    def opened(
        self,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[WebAnswer]:
        """Ask as `ask`, and give the answer before its content was read.

        Raises:
            Unreachable: as for `ask`; while the content is read too.
        """
        deadline = time.monotonic() + self._seconds
        target = f"{self._root}{path}" + (f"?{urlencode(query, safe=',')}" if query else "")
        connection, response = self._response(target, content, {**self._headers, **(headers or {})}, deadline)
        whole = False
        try:
            self._refuse(response)
            kind, parameters = media_type(response.headers.get("Content-Type", ""))
            yield WebAnswer(response.status, kind, parameters, self._blocks(connection, response, deadline))
            whole = response.isclosed() and not response.will_close
        finally:
            if whole:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """End the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _response(
        self, target: str, content: bytes | None, headers: Mapping[str, str], deadline: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        while True:
            with self._lock:
                used = self._idle.pop() if self._idle else None
            connection = used or self._connection()
            try:
                with self._named(), _answered_by(deadline, connection):
                    connection.request("GET" if content is None else "POST", target, content, dict(headers))
                    acknowledge_now(connection.sock)
                    return connection, connection.getresponse()
            except Unreachable as error:
                connection.close()
                if used is None or not isinstance(error.__cause__, _STALE):
                    raise  # one that was closed since it was used last is no sign of anything

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls:
            return http.client.HTTPSConnection(host, port, timeout=self._seconds, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._seconds)

    def _blocks(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, deadline: float
    ) -> Iterator[bytes]:
        while True:
            with self._named():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                if connection.sock is not None:
                    connection.sock.settimeout(left)
                    acknowledge_now(connection.sock)
                block = response.read1(_BLOCK)
                if not block and response.length:
                    raise http.client.IncompleteRead(b"")
            if not block:
                if connection.sock is not None:
                    connection.sock.settimeout(self._seconds)
                response.close()
                return
            yield block

    def _refuse(self, response: http.client.HTTPResponse) -> None:
        """What is said of this node, and not of what it asks for."""
        status = response.status
        if 300 <= status < 400:
            raise Unreachable(f"{self.name}: {self.where} redirects elsewhere ({status}), which is not followed")
        if status in (401, 407):
            raise Unreachable(f"{self.name}: {self.where} wants another user or password ({status})")
        if status == 403:
            raise Unreachable(f"{self.name}: {self.where} does not allow it ({status}); give the user that right")
        if status in (408, 425, 429, 502, 503, 504):
            raise Unreachable(f"{self.name}: {self.where} has no time ({status})")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise Unreachable(f"{self.name}: {self.where} does not answer in {self._seconds:g} s") from error
        except ssl.SSLCertVerificationError as error:
            reason = f"shows a certificate that is not trusted: {error.verify_message}"
            raise Unreachable(f"{self.name}: {self.where} {reason}") from error
        except ssl.SSLError as error:
            reason = (error.reason or "it ended").lower().replace("_", " ")
            raise Unreachable(f"{self.name}: {self.where} does not agree on TLS: {reason}") from error
        except (*_STALE, http.client.IncompleteRead) as error:
            raise Unreachable(f"{self.name}: {self.where} closed the connection in the middle") from error
        except http.client.HTTPException as error:
            raise Unreachable(f"{self.name}: {self.where} does not answer as HTTP does") from error
        except (socket.gaierror, UnicodeError) as error:
            raise Unreachable(f"{self.name}: {self.where} cannot be reached: no such host") from error
        except OSError as error:
            reason = (error.strerror or "the network fails").lower()
            raise Unreachable(f"{self.name}: {self.where} cannot be reached: {reason}") from error


@contextmanager
def _answered_by(deadline: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut a connection whose answer has not begun in time.

    Raises:
        TimeoutError: it was cut.
    """
    late = threading.Event()

    def cut() -> None:
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    try:
        with cut_at(deadline, cut):
            yield
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
