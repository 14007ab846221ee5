"""A disk that is full or cannot be written, a database that is killed: said so, nothing lost, and over afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest

from hilum.store import open_store, verify
from tests.postgres import a_server
from tests.service.conftest import films, png_of, problem
from tests.service.serving import SECONDS, Server
from tests.service.test_kills import numbered

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def post(server: Server, content: bytes) -> Any:
    return httpx.post(f"{server.url}/v1/predictions", files=films(content), timeout=SECONDS)


def test_a_full_disk_is_said_and_what_was_acknowledged_stays(disk: Path, tmp_path: Path) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(3 << 20))
    server = Server(disk, log=tmp_path / "log")
    noise = bytes(np.random.default_rng(1).integers(0, 256, 300_000, np.uint8))
    acknowledged: dict[int, str] = {}
    full: list[int] = []
    for number in range(40):  # bytes after a picture's end are no part of it
        reply = post(server, numbered(png_of(1), number) + noise)
        if reply.status_code == 201:
            acknowledged[number] = reply.json()["predictions"][0]["id"]
        else:
            assert "disk is full" in problem(reply, 507)
            full.append(number)
    assert acknowledged
    assert full
    assert httpx.get(f"{server.url}/healthz", timeout=SECONDS).status_code == 200
    for id_ in acknowledged.values():
        assert httpx.get(f"{server.url}/v1/predictions/{id_}", timeout=SECONDS).status_code == 200
    ballast.unlink()
    assert post(server, numbered(png_of(1), full[0])).status_code == 201
    for number, id_ in acknowledged.items():
        again = post(server, numbered(png_of(1), number) + noise)
        assert again.status_code == 200, again.text
        assert again.json()["predictions"][0]["id"] == id_
    assert server.stop() == 0
    with open_store(str(disk / "hilum.db")) as opened:
        assert verify(opened.database).problems == ()
    assert "Traceback" not in server.log.read_text()


def test_a_disk_that_cannot_be_written_is_one_line(disk: Path) -> None:
    with open_store(str(disk / "hilum.db")):
        pass
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    places = ["--store", str(disk / "hilum.db"), "--folder", str(disk / "room")]
    done = subprocess.run(
        [sys.executable, "-m", "hilum", "serve", "--check", *places], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert str(disk) in last
    assert "Traceback" not in done.stderr


def test_a_database_that_is_killed_loses_nothing_and_is_found_again(tmp_path: Path) -> None:
    with a_server() as postgres:
        store = postgres.schema()
        server = Server(tmp_path, store=store)
        acknowledged: dict[int, str] = {}

        async def load(numbers: range, *, kill: bool) -> list[int]:
            """Send films at the same time, and kill the database meanwhile; gives the statuses."""
            statuses = []
            async with httpx.AsyncClient(timeout=SECONDS) as client:

                async def one(number: int) -> None:
                    content = numbered(png_of(1), number)
                    reply = await client.post(f"{server.url}/v1/predictions", files=films(content))
                    statuses.append(reply.status_code)
                    if reply.status_code in (200, 201):
                        id_ = reply.json()["predictions"][0]["id"]
                        assert acknowledged.setdefault(number, id_) == id_
                    else:
                        assert "database does not answer" in problem(reply, 503)
                        assert int(reply.headers["retry-after"]) >= 1

                sending = [asyncio.create_task(one(number)) for number in numbers]
                if kill:
                    while len(acknowledged) < 4:
                        await asyncio.sleep(0.005)
                    assert len(statuses) < len(numbers), "nothing is in flight any more"
                    await asyncio.to_thread(postgres.kill)
                await asyncio.gather(*sending)
                if kill and 503 not in statuses:  # all of them were faster
                    await one(numbers.stop)
            return statuses

        statuses = asyncio.run(load(range(40), kill=True))
        assert {201, 503} == set(statuses)
        assert problem(post(server, png_of(2)), 503)
        assert httpx.get(f"{server.url}/readyz", timeout=SECONDS).json()["status"] == "broken"
        assert httpx.get(f"{server.url}/healthz", timeout=SECONDS).status_code == 200
        postgres.start()
        until = time.monotonic() + SECONDS
        while httpx.get(f"{server.url}/readyz", timeout=SECONDS).status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        before = dict(acknowledged)
        assert set(asyncio.run(load(range(40), kill=False))) <= {200, 201}
        assert acknowledged.items() >= before.items()
        assert len(set(acknowledged.values())) == 40
        assert server.stop() == 0
        with open_store(store) as opened:
            assert verify(opened.database).problems == ()
            assert len({entry.subject for entry in opened.audit.entries(limit=1000)}) == 40
        assert "Traceback" not in server.log.read_text()
