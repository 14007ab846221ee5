"""A server of HTTP that answers what it is told to, and keeps what it was asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class WebAsked(NamedTuple):
    """A question; names of headers, in which case means nothing, are written `As-This`."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes


class WebSaid(NamedTuple):
    """An answer; a content that is no bytes is written as JSON, and None closes the connection instead."""

    status: int = 200
    content: object = b""
    kind: str = "application/dicom+json"
    headers: Mapping[str, str] = {}


@dataclass
class WebPeer:
    """The server; what it answers may be changed while it runs.

    Attributes:
        answer: to a question.
        asked: every question, in order.
        connections: that were made.
    """

    answer: Callable[[WebAsked], WebSaid | None]
    asked: list[WebAsked] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"


@contextmanager
def web_peer(answer: Callable[[WebAsked], WebSaid | None], tls: ssl.SSLContext | None = None) -> Iterator[WebPeer]:
    peer = WebPeer(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            peer.connections += 1

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            question = WebAsked(
                self.command, self.path, {name.title(): value for name, value in self.headers.items()}, content
            )
            peer.asked.append(question)
            said = peer.answer(question)
            if said is None:
                self.close_connection = True
                return
            body = said.content if isinstance(said.content, bytes) else json.dumps(said.content).encode()
            self.send_response(said.status)
            for key, value in {"Content-Type": said.kind, "Content-Length": str(len(body)), **said.headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a client that ends a connection is what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        peer.port = server.server_address[1]
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield peer
        server.shutdown()
        thread.join()


@contextmanager
def answering(
    status: int = 200,
    content: object = b"",
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[WebPeer]:
    """A server that always answers the same."""
    with web_peer(lambda _: WebSaid(status, content, headers=headers or {}), tls) as peer:
        yield peer
