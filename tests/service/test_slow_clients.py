"""Clients that send slowly, too much, or nothing: each is told so or cut off, and others are answered meanwhile."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from hilum.service import bodies, connections
from hilum.service.server import server_of
from hilum.service.settings import ServiceSettings
from hilum.service.uploads import UploadLimits
from tests.service.conftest import films, png_of

HEAD, IDLE, RATE = 2.0, 1.5, 4 << 10
POST = "POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/dicom\r\n"


@dataclass
class Listening:
    port: int
    folder: Path

    def connect(self, text: str | bytes = b"") -> socket.socket:
        """Connect, and send something."""
        connected = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connected.sendall(text.encode() if isinstance(text, str) else text)
        return connected

    def status(self) -> int:
        """What a client that behaves gets for a film."""
        address = f"http://127.0.0.1:{self.port}/v1/predictions"
        return int(httpx.post(address, files=films(png_of(90)), timeout=60).status_code)


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """A server with little patience and room for 24 connections."""
    folder = tmp_path_factory.mktemp("listening")
    limits = UploadLimits(films=8, bytes=4 << 20, film_bytes=4 << 20, idle_seconds=IDLE, seconds=20, rate=RATE)
    settings = ServiceSettings(store=str(folder / "hilum.db"), folder=folder, workers=1, uploads=limits)
    with pytest.MonkeyPatch.context() as patch, socket.socket() as listener:
        patch.setattr(connections, "HEAD_SECONDS", HEAD)
        patch.setattr(connections, "LINGER_SECONDS", HEAD)
        patch.setattr(connections, "READ_SECONDS", HEAD)
        patch.setattr(connections, "MOST", 24)
        patch.setattr(bodies, "SECONDS", HEAD)
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        server = server_of(settings)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Listening(listener.getsockname()[1], folder)
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


def reply(connected: socket.socket) -> tuple[int, Any]:
    """The status and the problem that a server sends before it closes a connection, or ends its reply."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := connected.recv(65536):
            received += piece
            head, _, body = received.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if length and len(body) >= int(length[0].partition(b":")[2]):
                break
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, received
    return int(head.split()[1]), json.loads(body)


def ended(connected: socket.socket) -> bool:
    """Wait until a server closes a connection without a word."""
    with suppress(ConnectionResetError):
        return connected.recv(1) == b""
    return True


def test_sockets_that_send_one_byte_are_closed_and_the_others_are_answered(listening: Listening) -> None:
    sockets = [listening.connect("P") for _ in range(20)]
    began = time.monotonic()
    assert listening.status() in (200, 201)
    assert all(map(ended, sockets))
    assert time.monotonic() - began < 30
    for each in sockets:
        each.close()


def test_a_head_that_comes_byte_by_byte_is_cut_off(listening: Listening) -> None:
    with closing(listening.connect()) as connected:
        began = time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):
            for byte in POST.encode() * 100:
                connected.sendall(bytes([byte]))
                time.sleep(0.05)
        assert HEAD / 2 < time.monotonic() - began < 30


def test_more_silent_connections_than_there_is_room_for_keep_nobody_out(listening: Listening) -> None:
    sockets = [listening.connect() for _ in range(100)]
    assert listening.status() in (200, 201)
    for each in sockets:
        each.close()


def test_a_connection_is_used_again_and_closed_when_nothing_comes(listening: Listening) -> None:
    with closing(listening.connect()) as connected:
        for _ in range(2):
            connected.sendall(b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert reply(connected)[0] == 404


def test_a_client_that_does_not_take_its_reply_is_cut_off(listening: Listening) -> None:
    with closing(listening.connect()) as connected:
        connected.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000)
        until = time.monotonic() + 30
        with suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < until:
                connected.sendall(b"\r\n")
                time.sleep(0.05)
        assert time.monotonic() < until
    assert listening.status() in (200, 201)


@pytest.mark.parametrize("pieces", [[b"x"], [b"x"] * 1000], ids=["stops", "drips"])
def test_a_film_that_stops_or_drips_is_refused(listening: Listening, pieces: list[bytes]) -> None:
    with closing(listening.connect(f"{POST}Content-Length: 100000\r\n\r\n")) as connected:
        connected.settimeout(0.05)
        told: list[bytes] = []
        for piece in pieces:
            with suppress(TimeoutError, ConnectionResetError, BrokenPipeError):
                connected.sendall(piece)
                told.append(connected.recv(1, socket.MSG_PEEK))
                break
        connected.settimeout(60)
        status, problem = reply(connected)
    assert status == 408
    assert "too slowly" in problem["detail"]
    assert not list((listening.folder / "arriving").iterdir())


def test_a_body_that_ends_early_leaves_nothing(listening: Listening) -> None:
    with closing(listening.connect(f"{POST}Content-Length: 100000\r\n\r\nhalf a film")):
        pass
    until = time.monotonic() + 30
    while list((listening.folder / "arriving").iterdir()):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert listening.status() in (200, 201)


def test_two_gigabytes_are_refused_before_they_are_sent(listening: Listening) -> None:
    with closing(listening.connect(f"{POST}Content-Length: {2 << 30}\r\n\r\n")) as connected:
        assert reply(connected)[0] == 413


def test_two_gigabytes_in_pieces_are_refused_where_the_limit_is(listening: Listening) -> None:
    sent, piece = 0, b"40000\r\n" + bytes(0x40000) + b"\r\n"
    with closing(listening.connect(f"{POST}Transfer-Encoding: chunked\r\n\r\n")) as connected:
        connected.settimeout(0.001)
        while sent < 2 << 30:
            with suppress(TimeoutError):
                if connected.recv(1, socket.MSG_PEEK):
                    break
            connected.settimeout(60)
            with suppress(BrokenPipeError, ConnectionResetError):
                connected.sendall(piece)
            connected.settimeout(0.001)
            sent += len(piece)
        connected.settimeout(60)
        status, problem = reply(connected)
        began = time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):  # what still comes is thrown away, and not for ever
            while time.monotonic() < began + 30:
                connected.sendall(piece)
                time.sleep(0.05)
        assert time.monotonic() < began + 30
    assert status == 413
    assert "at most 4 MiB" in problem["detail"]
    assert sent < 64 << 20
    assert not list((listening.folder / "arriving").iterdir())


def test_another_body_that_drips_is_refused(listening: Listening) -> None:
    head = f"POST /v1/predictions/{'0' * 32}/verdict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n"
    with closing(listening.connect(head + "{")) as connected:
        assert reply(connected)[0] == 408


@pytest.mark.parametrize(
    "text",
    [
        "no HTTP\r\n\r\n",
        "\x16\x03\x01 TLS\r\n\r\n",
        f"GET / HTTP/1.1\r\nA: {'x' * 100_000}\r\n\r\n",
    ],
    ids=["nonsense", "TLS", "a long head"],
)
def test_what_is_no_http_is_refused(listening: Listening, text: str) -> None:
    with closing(listening.connect(text)) as connected:
        status, problem = reply(connected)
    assert status == 400
    assert "no HTTP" in problem["detail"]
