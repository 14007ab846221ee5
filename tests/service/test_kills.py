"""A real service is killed again and again while it works: what it has acknowledged is there, and there once.

make test-kills KILLS=100
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from hilum.store import Search, open_store, verify
from tests.service.conftest import StoreUrl, films, png_of
from tests.service.serving import SECONDS, Server

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("HILUM_TEST_KILLS", "5"))
CLIENTS = 6
MOST_ANSWERED = 20  # requests, before a service is killed
LONGEST = 20.0  # seconds from its first request to its end, however few were answered
EARLY = 5  # of so many services one is killed while it starts, with requests that wait for it


@dataclass
class Ledger:
    """What clients have sent, and what was acknowledged to them.

    Attributes:
        sent: films that were sent at least once, by their hash.
        ids: of predictions that were acknowledged, by the film's hash.
        verdicts: the labels that may stand on a prediction, by its id: the last one that was acknowledged (none: ""),
            and those that were sent after it and never acknowledged.
        judging: predictions on which a verdict is on its way.
        in_flight: requests that are not answered, by number.
        doubled: films that were answered by two predictions.
    """

    sent: dict[str, bytes] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, list[str]] = field(default_factory=dict)
    judging: set[str] = field(default_factory=set)
    in_flight: set[int] = field(default_factory=set)
    doubled: list[str] = field(default_factory=list)
    number: int = 0

    def acknowledge(self, sha256: str, id_: str) -> None:
        """Note the prediction that a film was answered by."""
        if self.ids.setdefault(sha256, id_) != id_:
            self.doubled.append(sha256)


@dataclass(frozen=True)
class Kill:
    """One kill: after how many seconds, with how many requests that were never answered, after how many that were."""

    early: bool
    after: float
    unanswered: int
    answered: int


def numbered(film: bytes, number: int) -> bytes:
    """The same film in other bytes: a PNG with a text chunk (PNG 11.3.4.3) before its end."""
    content = b"tEXt" + b"number\0%d" % number
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    return film[:-12] + chunk + film[-12:]


async def client(server: Server, ledger: Ledger, chance: random.Random, film: bytes, answered: list[int]) -> None:
    """Send new films, films that were sent before, and verdicts, one after another, until the service is gone."""
    async with httpx.AsyncClient(timeout=SECONDS, base_url=server.url) as http:
        while server.process.poll() is None:
            ledger.number += 1
            number, kind = ledger.number, chance.random()
            unjudged = sorted(set(ledger.ids.values()) - ledger.judging)
            if kind < 0.2 and unjudged:  # one verdict at a time: of two, nobody could say which one came last
                id_, label = chance.choice(unjudged), chance.choice(("NORMAL", "PNEUMONIA"))
                ledger.verdicts.setdefault(id_, [""]).append(label)
                ledger.judging.add(id_)
                body = {"verdict": "modify", "label": label}
                sending = http.post(f"/v1/predictions/{id_}/verdict", json=body)
            else:
                again = kind < 0.4 and ledger.sent
                content = chance.choice(list(ledger.sent.values())) if again else numbered(film, number)
                sha256, id_ = hashlib.sha256(content).hexdigest(), ""
                ledger.sent[sha256] = content
                sending = http.post("/v1/predictions", files=films(content))
            ledger.in_flight.add(number)
            try:
                reply = await sending
            except httpx.ConnectError:  # it listens no more: this was never in flight
                ledger.in_flight.discard(number)
                return
            except httpx.HTTPError:
                return
            ledger.in_flight.discard(number)
            answered.append(reply.status_code)
            if reply.status_code not in (200, 201):
                continue
            if id_:
                ledger.verdicts[id_] = [reply.json()["label"]]
                ledger.judging.discard(id_)
            else:
                ledger.acknowledge(sha256, reply.json()["predictions"][0]["id"])


async def kill(server: Server, ledger: Ledger, chance: random.Random, film: bytes, *, early: bool) -> Kill:
    """Load a service, and kill it at a random moment at which requests are in flight."""
    answered: list[int] = []
    ledger.in_flight.clear()
    ledger.judging.clear()
    sending = [asyncio.create_task(client(server, ledger, chance, film, answered)) for _ in range(CLIENTS)]
    while not ledger.in_flight:
        await asyncio.sleep(0.005)
    began, most = time.monotonic(), 0 if early else chance.randrange(MOST_ANSWERED)
    while len(answered) < most and time.monotonic() < began + LONGEST:
        await asyncio.sleep(0.002)
    await asyncio.sleep(chance.uniform(0, 0.2))
    while not ledger.in_flight:
        await asyncio.sleep(0)
    server.process.send_signal(signal.SIGKILL)
    after = time.monotonic() - began
    await asyncio.to_thread(server.process.wait)
    await asyncio.gather(*sending)
    return Kill(early, after, len(ledger.in_flight), len(answered))


def test_nothing_acknowledged_is_lost_or_doubled(
    store_url: StoreUrl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, ledger, chance, film = store_url(), Ledger(), random.Random(20), png_of(1)
    kills: list[Kill] = []
    while len(kills) < KILLS:
        early = len(kills) % EARLY == EARLY - 1
        server = Server(tmp_path, store=store, ready=not early)
        server.wait_for_port()
        children = server.children()
        done = asyncio.run(kill(server, ledger, chance, film, early=early))
        if done.unanswered:  # else every reply was on its way already, and the kill is no test
            kills.append(done)
        require_ended(children)
        if len(kills) % 10 == 0:
            with open_store(store) as opened:
                assert verify(opened.database).problems == ()

    server = Server(tmp_path, store=store)
    assert not list((tmp_path / "arriving").iterdir()), "a film that was arriving was left"
    with httpx.Client(timeout=SECONDS, base_url=server.url) as http:
        for sha256, content in ledger.sent.items():
            reply = http.post("/v1/predictions", files=films(content))
            assert reply.status_code in (200, 201), reply.text
            ledger.acknowledge(sha256, reply.json()["predictions"][0]["id"])
        for id_, given in ledger.verdicts.items():
            stands = http.get(f"/v1/predictions/{id_}").json()["verdict"]
            assert (stands["label"] if stands else "") in given
    assert server.stop() == 0
    assert not ledger.doubled
    with open_store(store) as opened:
        stored = everything(opened)
        assert verify(opened.database).problems == ()
    assert max(Counter(stored.values()).values()) == 1
    assert {id_: sha256 for sha256, id_ in ledger.ids.items()} == stored
    with capsys.disabled():
        print(f"\n{histogram(kills)}\n{len(ledger.sent)} films and {len(ledger.verdicts)} predictions with verdicts")


def everything(opened: Any) -> dict[str, str]:
    """The film's hash of every prediction in a store."""
    found: dict[str, str] = {}
    after = ""
    while True:
        page = opened.predictions.search(Search(limit=1000, after=after))
        found |= {row.id: row.key.film_sha256 for row in page.rows}
        after = page.next_page
        if not after:
            return found


def require_ended(children: list[int]) -> None:
    """Processes that read films end when nobody asks them any more."""
    until = time.monotonic() + SECONDS
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until, "a process that reads films outlives its service"
        time.sleep(0.02)


def histogram(kills: list[Kill]) -> str:
    """How many requests were in flight, how far the service had come, and when it was."""
    lines = [f"{len(kills)} kills, {sum(each.early for each in kills)} of them while it started"]
    for name, values in (
        ("requests in flight", [each.unanswered for each in kills]),
        ("requests answered before", [each.answered // 5 * 5 for each in kills]),
        ("after seconds", [int(each.after) for each in kills]),
    ):
        lines += [f"{name}:", *(f"{value:>6} {'#' * n} {n}" for value, n in sorted(Counter(values).items()))]
    return "\n".join(lines)
