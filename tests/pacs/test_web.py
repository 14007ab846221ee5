"""One server over HTTP: whoever drips, cuts off or floods is left in time, with TLS as without."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.web import WebServer
from tests.pacs.web_peer import WebSaid, web_peer

SECONDS = 0.3
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nDICM"


@contextmanager
def saying(first: bytes, drip: bytes = b"", context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that says something to everybody, and then drips without an end, or closes; its port."""
    stopping = threading.Event()

    def answer(listener: socket.socket) -> None:
        while not stopping.is_set():
            with suppress(OSError):
                caller = listener.accept()[0]
                caller = context.wrap_socket(caller, server_side=True) if context else caller
                with caller:
                    caller.recv(1 << 16)
                    caller.sendall(first)
                    while drip and not stopping.wait(0.02):
                        caller.sendall(drip)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        stopping.set()
        thread.join()


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_who_drips_is_left_in_time(first: bytes) -> None:
    """Wherever it drips: in a status, a header, a content, the length of a chunk, a chunk, or to the end."""
    with saying(first, drip=b"1") as port:
        server = WebServer("archive", f"http://127.0.0.1:{port}", seconds=SECONDS)
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"does not answer in 0\.3 s$"):
            server.ask("/")
        assert SECONDS * 0.9 < time.monotonic() - began < 10 * SECONDS
        server.close()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (b"", "closed the connection in the middle"),
        (WHOLE[:-1], "closed the connection in the middle"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nDI", "closed the connection in the middle"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nDICM\r\n", "closed the connection in the middle"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer as HTTP does"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "does not answer as HTTP does"),
    ],
)
def test_who_says_half_or_something_else_is_one_line(said: bytes, line: str) -> None:
    with saying(said) as port:
        server = WebServer("archive", f"http://127.0.0.1:{port}", seconds=5)
        with pytest.raises(Unreachable, match=f"^archive: http://127.0.0.1:{port} {line}$"):
            server.ask("/")
        server.close()


@pytest.mark.parametrize(
    "said",
    [
        WHOLE,
        b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nD\r\n3;a=b\r\nICM\r\n0\r\nTrailer: 1\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nDICM",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nDICM",
    ],
)
def test_every_way_to_say_how_long_an_answer_is(said: bytes) -> None:
    with saying(said) as port:
        server = WebServer("archive", f"http://127.0.0.1:{port}", seconds=5)
        for _ in range(3):  # each time by another connection, for this server closes them
            assert server.ask("/")[1] == b"DICM"
        server.close()


def test_a_connection_is_used_again_where_the_answer_was_read_to_its_end() -> None:
    with web_peer(lambda _: WebSaid(200, b"x" * (1 << 20), 'Multipart/Related; boundary="a b"; type=x')) as peer:
        server = WebServer("archive", peer.url, seconds=5)
        for _ in range(3):
            answer, content = server.ask("/")
            assert (answer.status, answer.kind, answer.boundary) == (200, "multipart/related", "a b")
            assert len(content) == 1 << 20
        assert peer.connections == 1
        for _ in range(2):
            with server.opened("/") as answer:
                next(answer.blocks)
        with pytest.raises(Unreachable, match="answers with more than 0 MiB"):
            server.ask("/", limit=1000)
        server.ask("/")
        assert peer.connections == 4
        server.close()


def test_a_password_is_sent_as_its_file_has_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes("§ä:€\r\n".encode())
    with web_peer(lambda _: WebSaid(204)) as peer:
        server = WebServer("archive", peer.url, user="nöde", password_file=str(tmp_path / "password"), seconds=5)
        server.ask("/")
        assert peer.asked[0].headers["Authorization"] == "Basic bsO2ZGU6wqfDpDrigqw="  # UTF-8, RFC 7617
        server.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=archive"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "server.pem"]
    subprocess.run([*command.split(), *files], cwd=folder, check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "server.pem").read_text())
    return folder


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "both.pem")
    return context


def test_over_tls_too_who_drips_is_left_in_time(certificate: Path) -> None:
    with saying(b"HTTP/1.1 200 OK\r\nX: ", drip=b"1", context=tls(certificate)) as port:
        url = f"https://127.0.0.1:{port}"
        server = WebServer("archive", url, authorities=str(certificate / "server.pem"), seconds=2 * SECONDS)
        with pytest.raises(Unreachable, match=r"does not answer in 0\.6 s$"):
            server.ask("/")


def test_who_speaks_no_tls_is_one_line(certificate: Path) -> None:
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        url = f"https://127.0.0.1:{port}"
        server = WebServer("archive", url, authorities=str(certificate / "server.pem"), seconds=5)
        with pytest.raises(Unreachable, match="does not agree on TLS: wrong version number"):
            server.ask("/")
