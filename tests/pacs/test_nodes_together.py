"""Several nodes on one PostgreSQL: what one of them had begun when it died or hung, another one finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from hilum.store import open_store
from hilum.store.database import _WRITER
from tests.pacs.ruled_node import BEAT_SECONDS, DEAD_SECONDS
from tests.postgres import Postgres
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
FILMS = 4


class Nodes:
    """Nodes that share a store and a folder.

    Attributes:
        out: what their destination has taken.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.out = folder, url, folder / "out"
        self.out.mkdir()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.store = open_store(url)

    def start(self, name: str, first: int = 0, last: int = 0) -> subprocess.Popen[bytes]:
        (self.out / f"{name}.ready").unlink(missing_ok=True)
        arguments = [name, self.url, str(self.folder / "films"), str(self.out), str(first), str(last)]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "tests.pacs.ruled_node", *arguments], stderr=log)
        self.processes[name] = process
        wait_until(lambda: (self.out / f"{name}.ready").exists() or process.poll() is not None)
        assert process.poll() is None, (self.folder / f"{name}.log").read_text()
        return process

    def taken(self) -> dict[str, set[str]]:
        """The different contents that were taken, by the result's name."""
        found = defaultdict(set)
        for path in self.out.glob("*.dcm"):
            id_, kind, digest, *_ = path.stem.split("-")
            found[f"{id_}-{kind}"].add(digest)
        return found

    def held(self, name: str) -> set[str]:
        """The results that a node's destination was given while it took nothing."""
        return {path.name for path in (self.out / name).iterdir()}

    def everything_sent(self) -> bool:
        counts = self.store.node_sendings.counts()
        return counts == {("pacs", "sent"): 2 * FILMS} and self.store.node_films.counts() == {"sent": FILMS}

    def stop_while_it_writes(self, process: subprocess.Popen[bytes]) -> None:
        """Stop a node where it holds the lock of those that write to the store."""
        until = time.monotonic() + 300
        while True:
            os.kill(process.pid, signal.SIGSTOP)
            if writers := self._writers():
                time.sleep(0.2)
                if writers == self._writers():
                    return
            os.kill(process.pid, signal.SIGCONT)
            assert time.monotonic() < until
            time.sleep(0.003)

    def _writers(self) -> Sequence[Row[Any]]:
        """The transaction that holds that lock, if there is one."""
        held = f"""SELECT pid, xact_start FROM pg_locks JOIN pg_stat_activity USING (pid)
                   WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = {_WRITER}"""
        with self.store.database.read() as connection:
            return connection.exec_driver_sql(held).all()

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


@pytest.fixture
def nodes(tmp_path: Path, postgres: Postgres) -> Iterator[Nodes]:
    together = Nodes(tmp_path, postgres.schema())
    yield together
    for process in together.processes.values():
        process.kill()
        process.wait()
    together.store.close()


def test_what_a_killed_node_had_begun_another_one_finishes(nodes: Nodes) -> None:
    (nodes.out / "one.hold").touch()
    one = nodes.start("one", 1, 1 + FILMS)
    wait_until(lambda: nodes.held("one"))
    nodes.start("two")
    one.kill()
    wait_until(nodes.everything_sent)
    assert {name: len(contents) for name, contents in nodes.taken().items()} == dict.fromkeys(nodes.taken(), 1)
    assert len(nodes.taken()) == 2 * FILMS


def test_a_node_that_hangs_and_comes_back_late_does_no_harm(nodes: Nodes) -> None:
    (nodes.out / "one.hold").touch()
    one = nodes.start("one", 1, 1 + FILMS)
    wait_until(lambda: nodes.held("one"))
    nodes.start("two")
    nodes.stop_while_it_writes(one)
    wait_until(nodes.everything_sent, seconds=180)
    (nodes.out / "one.hold").unlink()
    os.kill(one.pid, signal.SIGCONT)
    before = {each.node: each.beats for each in nodes.store.node_state.heartbeats()}
    wait_until(lambda: all(each.beats > before[each.node] + 3 for each in nodes.store.node_state.heartbeats()))
    assert nodes.everything_sent()
    assert {name: len(contents) for name, contents in nodes.taken().items()} == dict.fromkeys(nodes.taken(), 1)
    assert one.poll() is None
    assert "Traceback" not in nodes.logs()


def test_a_node_that_is_alive_keeps_its_work_however_long_it_takes(nodes: Nodes) -> None:
    (nodes.out / "one.hold").touch()
    nodes.start("one", 1, 1 + FILMS)
    wait_until(lambda: nodes.held("one"))
    nodes.start("two")
    begun = {each.node: each.beats for each in nodes.store.node_state.heartbeats()}
    beats = 1.5 * DEAD_SECONDS / BEAT_SECONDS
    wait_until(lambda: all(each.beats > begun[each.node] + beats for each in nodes.store.node_state.heartbeats()))
    assert not nodes.held("one") & set(nodes.taken()), "another node has taken what this one still holds"
    (nodes.out / "one.hold").unlink()
    wait_until(nodes.everything_sent)
    assert all(len(list(nodes.out.glob(f"{name}-*"))) == 1 for name in nodes.taken())
