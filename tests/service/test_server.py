"""A real server in a process of its own: killed while it works, stopped while it works, full."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.service.conftest import films, png_of

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("HILUM_TEST_KILLS", "5"))
_SECONDS = 120.0


class Server:
    """`hilum serve` on a free port, until `process` is ended."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "hilum", "serve", "--port", str(port), "--workers", "1"]
        places = ["--store", str(folder / "hilum.db"), "--folder", str(folder)]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([*command, *places, *options], stderr=subprocess.DEVNULL)
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    async def send(self, seeds: range, replies: dict[int, Any] | None = None) -> dict[int, Any]:
        """Send films at the same time; gives the replies that came."""
        replies = {} if replies is None else replies
        async with httpx.AsyncClient(timeout=_SECONDS) as client:

            async def one(seed: int) -> None:
                try:
                    replies[seed] = await client.post(f"{self.url}/v1/predictions", files=films(png_of(seed)))
                except httpx.HTTPError:
                    return

            await asyncio.gather(*map(one, seeds))
        return replies

    def stored(self) -> list[tuple[str, str]]:
        """Hash and id of everything that is stored."""
        found, after = [], ""
        while True:
            query = {"limit": "500", "after": after}
            page = httpx.get(f"{self.url}/v1/predictions", params=query, timeout=_SECONDS).json()
            found += [(each["film"]["sha256"], each["id"]) for each in page["predictions"]]
            after = page["next"]
            if not after:
                return found


def test_nothing_acknowledged_is_lost_or_doubled_when_it_is_killed(tmp_path: Path) -> None:
    acknowledged: dict[str, str] = {}
    for kill in range(KILLS):
        server = Server(tmp_path)

        async def load(server: Server = server, kill: int = kill) -> tuple[int, dict[int, Any]]:
            seeds = range(100 * kill, 100 * kill + 24)
            replies: dict[int, Any] = {}
            sending = asyncio.create_task(server.send(seeds, replies))
            while len(replies) < 1 + kill % 7:
                await asyncio.sleep(0.01)
            assert not sending.done(), "nothing was in flight any more"
            server.process.send_signal(signal.SIGKILL)
            await sending
            return len(seeds) - len(replies), replies

        in_flight, replies = asyncio.run(load())
        server.process.wait()
        print(f"kill {kill + 1}: {in_flight} requests in flight, {len(replies)} acknowledged")
        for seed, reply in replies.items():
            if reply.status_code == 201:
                acknowledged[hashlib.sha256(png_of(seed)).hexdigest()] = reply.json()["predictions"][0]["id"]
    server = Server(tmp_path)
    stored = server.stored()
    assert max(Counter(film for film, _ in stored).values(), default=1) == 1
    assert acknowledged.items() <= set(stored)
    assert not list((tmp_path / "arriving").iterdir())
    server.process.terminate()
    assert server.process.wait(_SECONDS) == 0


def test_a_stop_finishes_what_was_taken(tmp_path: Path) -> None:
    server = Server(tmp_path)

    async def load() -> dict[int, Any]:
        sending = asyncio.create_task(server.send(range(700, 712)))
        await asyncio.sleep(0.6)
        server.process.terminate()
        return await sending

    replies = asyncio.run(load())
    assert server.process.wait(_SECONDS) == 0
    assert replies
    assert {reply.status_code for reply in replies.values()} <= {201, 503}
    assert any(reply.status_code == 201 for reply in replies.values())


def test_a_full_queue_asks_to_come_again(tmp_path: Path) -> None:
    server = Server(tmp_path, "--queue", "2")
    replies = asyncio.run(server.send(range(800, 830)))
    statuses = Counter(reply.status_code for reply in replies.values())
    assert set(statuses) == {201, 503}
    for reply in replies.values():
        if reply.status_code == 503:
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.headers["content-type"] == "application/problem+json"
    again = asyncio.run(server.send(range(800, 801)))
    assert again[800].status_code in (200, 201)
    server.process.terminate()
    assert server.process.wait(_SECONDS) == 0
