"""DICOMweb and Orthanc's REST API as this node asks them: urllib3, kept to one server.

No proxy of the environment, no redirect, no password in a message, an end to every wait and a limit to every answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from functools import partial
from http.client import IncompleteRead
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, ProtocolError

from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.tcp import why_unconnected
from hilum.pacs.web_address import authorization, web_parts
from hilum.pacs.web_connections import connections_to

T = TypeVar("T")

MIB = 1 << 20
_BLOCK = 1 << 16
_CLOSED = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)
_REFUSALS = {
    401: "wants another user or password ({})",
    403: "does not allow it ({}); give the user that right",
    407: "wants another user or password ({})",
    **dict.fromkeys((408, 425, 429, 502, 503, 504), "has no time ({})"),
    **dict.fromkeys(range(300, 400), "redirects elsewhere ({}), which is not followed"),
}  # what is said of this node, and not of what it asks for


def json_of(content: bytes, kind: type[T]) -> T | None:
    """An answer's content as JSON of a kind; None where it is none."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class WebAnswer(NamedTuple):
    """An answer: status of HTTP, media type, the type's boundary, and the content, which can be gone through once."""

    status: int
    kind: str
    boundary: str
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
        parts = web_parts(f"{name}: url", url)
        self.name, self.where = name, f"{parts.scheme}://{parts.netloc}"
        self._root, self._seconds = parts.path.rstrip("/"), seconds
        self._headers = authorization(name, user, password_file)
        self._pool = connections_to(parts, authorities, name, seconds)

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
            whole = bytearray()
            for block in answer.blocks:
                whole += block
                if len(whole) > limit:
                    raise Unreachable(f"{self.name}: {self.where} answers with more than {limit // MIB} MiB")
            return answer, bytes(whole)

    @contextmanager
    def opened(
        self,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[WebAnswer]:
        """Ask as `ask`, and give the answer before its content was read, which is there inside the `with` alone.

        Raises:
            Unreachable: as for `ask`; while the content is read too.
        """
        target = f"{self._root}{path}" + (f"?{urlencode(query, safe=',')}" if query else "")
        with self._named():
            response = self._response(target, content, {**self._headers, **(headers or {})})
        try:
            if refusal := _REFUSALS.get(response.status):
                raise Unreachable(f"{self.name}: {self.where} {refusal.format(response.status)}")
            media = Message()
            media["Content-Type"] = response.headers.get("Content-Type", "")
            yield WebAnswer(response.status, media.get_content_type(), media.get_boundary(""), self._blocks(response))
        finally:
            response.close()  # its connection too, unless the content was read to its end
            response.release_conn()

    def close(self) -> None:
        """End the connections; it is not asked again."""
        self._pool.close()

    def _response(self, target: str, content: bytes | None, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        method = "GET" if content is None else "POST"
        ask = partial(self._pool.urlopen, method, target, content, headers)
        try:
            return ask(retries=False, redirect=False, preload_content=False)
        except ProtocolError as error:
            if not isinstance(error.args[-1], _CLOSED):
                raise  # but one that was closed since it was used last is no sign of anything
        return ask(retries=False, redirect=False, preload_content=False)

    def _blocks(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        while True:
            with self._named():
                block = response.read1(_BLOCK, decode_content=False)
            if not block:
                return
            yield block

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except HTTPError as error:
            raise Unreachable(f"{self.name}: {self.where} {_why(error, self._seconds)}") from error


def _why(error: HTTPError, seconds: float) -> str:
    """What has gone wrong, in a few words of our own."""
    cause = error.__cause__ or next(reversed(error.args), None)
    match cause if isinstance(cause, Exception) else error:
        case TimeoutError() | urllib3.exceptions.TimeoutError():
            return f"does not answer in {seconds:g} s"
        case BrokenPipeError() | ConnectionResetError() | ConnectionAbortedError() | IncompleteRead():
            return "closed the connection in the middle"
        case LocationValueError():
            return "cannot be reached: no such host"
        case OSError() | UnicodeError() as bad:
            return why_unconnected(bad)
        case _:
            return "does not answer as HTTP does"
