"""A real server in a process of its own: stopped while it works, full."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.service.conftest import films, png_of
from tests.service.serving import SECONDS, Server

pytestmark = pytest.mark.slow


async def send(server: Server, seeds: range, replies: dict[int, Any] | None = None) -> dict[int, Any]:
    """Send films at the same time; gives the replies that came, and notes each as it comes."""
    replies = {} if replies is None else replies
    async with httpx.AsyncClient(timeout=SECONDS) as client:

        async def one(seed: int) -> None:
            with suppress(httpx.HTTPError):
                replies[seed] = await client.post(f"{server.url}/v1/predictions", files=films(png_of(seed)))

        await asyncio.gather(*map(one, seeds))
    return replies


def test_a_stop_finishes_what_was_taken(tmp_path: Path) -> None:
    server = Server(tmp_path)

    async def load() -> dict[int, Any]:
        replies: dict[int, Any] = {}
        sending = asyncio.create_task(send(server, range(700, 712), replies))
        while not (replies or sending.done()):
            await asyncio.sleep(0.005)
        server.process.terminate()
        return await sending

    replies = asyncio.run(load())
    assert server.process.wait(SECONDS) == 0
    assert replies
    assert {reply.status_code for reply in replies.values()} <= {201, 503}
    assert any(reply.status_code == 201 for reply in replies.values())


def test_a_full_queue_asks_to_come_again(tmp_path: Path) -> None:
    server = Server(tmp_path, "--queue", "2")
    replies = asyncio.run(send(server, range(800, 830)))
    statuses = Counter(reply.status_code for reply in replies.values())
    assert set(statuses) == {201, 503}
    for reply in replies.values():
        if reply.status_code == 503:
            assert int(reply.headers["retry-after"]) >= 1
            assert reply.headers["content-type"] == "application/problem+json"
    again = asyncio.run(send(server, range(800, 801)))
    assert again[800].status_code in (200, 201)
    assert server.stop() == 0
