"""A node in a process of its own, set up by a file, for tests that end it, watch it, or take its PACS away."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.pacs.wire import VERIFICATION, Association, NotAssociatedError
from tests.ports import free_port
from tests.processes import children_of

SECONDS = 300.0
AE_TITLE = "HILUM"


@dataclass
class NodeFile:
    """What a node's TOML file says; the rest is as it is by itself.

    Attributes:
        folder: the node's, with its file, its log and, unless `store` says otherwise, its database.
        name: of the node.
        store: a SQLite file or a PostgreSQL URL.
        spool: `node.folder`; several nodes share one.
        destinations: ports of PACSs on this machine that take C-STORE, by name.
        port: that it receives on.
        more: TOML that is added at the end, in tables of its own.
        node: TOML that is added to `[node]`.
    """

    folder: Path
    name: str = "node"
    store: str = ""
    spool: Path | None = None
    destinations: dict[str, int] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    more: str = ""
    node: str = "workers = 1"

    def write(self) -> Path:
        """Write it; returns its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            "[node]",
            f'name = "{self.name}"',
            f'store = "{self.store or self.folder / "hilum.db"}"',
            f'folder = "{self.spool or self.folder / "films"}"',
            self.node,
            "[receive]",
            f'ae_title = "{AE_TITLE}"',
            f"port = {self.port}",
            *("[[receive.callers]]", 'ae_title = "TESTS"'),
            *(
                line
                for name, port in self.destinations.items()
                for line in (
                    "[[destinations]]",
                    f'name = "{name}"',
                    'kind = "c-store"',
                    f"port = {port}",
                    'ae_title = "ORTHANC"',
                )
            ),
            self.more,
        ]
        path = self.folder / f"{self.name}.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


class RunningNode:
    """A node's process.

    Attributes:
        file: that it was started with.
        process: the node; the processes that read films are its children.
        log: what it says on stderr.
    """

    def __init__(
        self,
        file: NodeFile,
        *,
        command: Sequence[str] = (),
        ready: bool = True,
        environment: dict[str, str] | None = None,
    ) -> None:
        """Start it, and wait until it answers a C-ECHO unless `ready` is false.

        Args:
            file: is written anew.
            command: instead of `hilum node`; the file's path is added.
            ready: whether to wait.
            environment: more of it.
        """
        path = file.write()
        self.file, self.log = file, file.folder / f"{file.name}.log"
        command = command or [sys.executable, "-m", "hilum", "node"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, str(path)], stdout=log, stderr=log, env={**os.environ, **(environment or {})}
            )
        atexit.register(self.process.kill)  # of a test that failed
        if ready:
            self.wait()

    def wait(self, seconds: float = SECONDS) -> None:
        """Wait until it answers a C-ECHO."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with Association(self.file.port, [(VERIFICATION, "1.2.840.10008.1.2")], AE_TITLE) as association:
                    if association.echo() == 0:
                        return
            except (OSError, NotAssociatedError):
                time.sleep(0.05)
        raise AssertionError(f"the node did not start ({self.process.poll()}): {self.log.read_text()[-4000:]}")

    def children(self) -> list[int]:
        """The processes that it has started."""
        return children_of(self.process.pid)

    def threads(self) -> int:
        """How many threads the node has."""
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def memory(self) -> float:
        """MiB of memory that the node and its children hold for themselves alone, or share (PSS)."""
        return sum(_memory(number) for number in (self.process.pid, *self.children()))

    def kill(self) -> None:
        """End it as a power cut would, and wait until it and its children are gone."""
        children = self.children() if self.process.poll() is None else []
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        require_ended(children)

    def stop(self) -> int:
        """Have it end by itself; gives its exit code."""
        self.process.terminate()
        return self.process.wait(SECONDS)


def wait_until_none(waiting: Callable[[], int], what: str) -> None:
    """Wait until nothing waits any more; at most a minute for there to be less of it, however slow the machine is."""
    fewest, until = waiting(), time.monotonic() + 60
    while number := waiting():
        if number < fewest:
            fewest, until = number, time.monotonic() + 60
        assert time.monotonic() < until, f"{number} {what}"
        time.sleep(0.2)


def require_ended(children: Sequence[int]) -> None:
    """Processes that read films end when nobody asks them any more."""
    until = time.monotonic() + SECONDS
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until, "a process that reads films outlives its node"
        time.sleep(0.02)


def _memory(number: int) -> float:
    """The proportional set size of a process in MiB (Linux, proc(5)); 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
