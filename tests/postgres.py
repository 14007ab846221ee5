"""A PostgreSQL server of the tests' own, where Debian's package is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

REQUIRED = "HILUM_REQUIRE_POSTGRES" in os.environ
_numbers = count()


class Postgres:
    """A server in a folder of its own, reached by a socket in it.

    Attributes:
        url: of its database.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        # PostgreSQL refuses to run as root, and the name of a socket is short.
        self._user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        self._folder, self._programs = folder, programs
        self.url = f"postgresql://hilum@/postgres?host={folder}"
        if self._user:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-A", "trust", "-U", "hilum", "-E", "UTF8", "--no-sync")

    def start(self, *settings: str) -> None:
        """Start it; nothing listens on the network."""
        options = ("listen_addresses=", f"unix_socket_directories={self._folder}", "shared_buffers=16MB", *settings)
        joined = " ".join(f"-c {each}" for each in options)
        self._run("pg_ctl", "-o", joined, "-l", str(self._folder / "log"), "-w", "-t", "300", "start")

    def kill(self) -> None:
        """End it as a power cut would: without writing anything more."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def schema(self) -> str:
        """The URL of a schema that nobody has used, which is there sooner than a database."""
        import psycopg

        name = f"test{next(_numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url}&options=-csearch_path={name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._user, str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL, timeout=300)


@contextmanager
def a_server(*settings: str) -> Iterator[Postgres]:
    """A server that runs in this block; the test is skipped where there is none, unless that is required."""
    programs = _programs()
    if programs is None:
        if REQUIRED:
            pytest.fail("PostgreSQL is not installed, and these tests have to run on it")
        pytest.skip("PostgreSQL is not installed")
    with TemporaryDirectory(prefix="pg-") as folder:
        server = Postgres(Path(folder), programs)
        server.start(*settings)
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for tests that leave it running; what it has acknowledged would not outlive a power cut."""
    with a_server("fsync=off") as server:
        yield server


def _programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest one that Debian's packages have installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None
