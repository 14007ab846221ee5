"""`hilum serve` in a process of its own."""

from __future__ import annotations

import atexit
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx

from tests.ports import free_port
from tests.processes import children_of

SECONDS = 120.0


class Server:
    """`hilum serve` on a free port, until `process` is ended.

    Attributes:
        url: of the service.
        process: the service; the processes that read films are its children.
    """

    def __init__(
        self, folder: Path, *options: str, store: str = "", ready: bool = True, log: Path | None = None
    ) -> None:
        """Start it, and wait until it answers unless `ready` is false."""
        self.port = free_port()
        command = [sys.executable, "-m", "hilum", "serve", "--port", str(self.port), "--workers", "1"]
        places = ["--store", store or str(folder / "hilum.db"), "--folder", str(folder)]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log or folder / "serve.log"
        with self.log.open("ab") as file:
            self.process = subprocess.Popen([*command, *places, *options], stderr=file)
        atexit.register(self.process.kill)  # of a test that failed
        if ready:
            self.wait()

    def wait(self) -> None:
        """Wait until films can be answered."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the server did not start: {self.log.read_text()}")

    def wait_for_port(self) -> None:
        """Wait until connections are taken; they wait until it answers."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"the server does not listen: {self.log.read_text()}")

    def children(self) -> list[int]:
        """The processes that read films."""
        return children_of(self.process.pid)

    def stop(self) -> int:
        """Have it end by itself; gives its exit code."""
        self.process.terminate()
        return self.process.wait(SECONDS)
