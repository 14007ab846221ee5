"""The reading room under load: the shipped detector behind HTTP, against the same films scored offline.

    python -m benchmarks.serving
    python -m benchmarks.serving --parts cold

- Films a second with 32 clients, in turn with offline scoring of the same bytes, each 5 rounds; and the processor
  time that a film takes in each, which other programs on the machine change less.
- How many films go through the network together meanwhile, from the service's own `/metrics`.
- One request's time on an idle service, and the 99th percentile of those that come at half the rate that 32 clients
  reached, at random times.
- From the start of the process to its first answer.

No film is sent twice: each gets a comment of its own (`benchmarks.load`). An hour at twice the capacity is
`benchmarks.overload`.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from tests.processes import children_of

from benchmarks.data import films_in, training_films
from benchmarks.load import Plan, Sent, carry_out, marked, send
from benchmarks.rows import ROUNDS, Row, Target
from benchmarks.table import in_words
from hilum.inference import Detector
from hilum.records import Film

CLIENTS = 32
FILMS = 320  # a round
OFFLINE, PREDICT, ROOM = "offline scoring", "hilum predict", "Hilum's reading room"
# Python keeps modules compiled, as it does wherever nobody has told it not to, as some container images do.
COMPILING = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_TICK = os.sysconf("SC_CLK_TCK")
_STARTS = 7


class Room:
    """`hilum serve` with the shipped detector, in a process of its own.

    Attributes:
        port: where it listens.
        process: which it is.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        """Start it; it need not answer yet."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        command = [sys.executable, "-m", "hilum", "serve", "--port", str(self.port), "--rate", "1000000000"]
        places = ["--store", str(folder / "hilum.db"), "--folder", str(folder)]
        self.process = subprocess.Popen([*command, *places, *options], stderr=subprocess.DEVNULL, env=COMPILING)

    def wait(self, seconds: float = 120.0) -> None:
        """Wait until it listens; what is sent then waits for the answer."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.005)
        raise AssertionError("the reading room did not start")

    def get(self, path: str) -> bytes:
        """What it gives for a path."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=120) as reply:
            return bytes(reply.read())

    def processes(self) -> list[int]:
        """Its own number and its children's."""
        return [self.process.pid, *sorted(children_of(self.process.pid))]

    def cpu_seconds(self) -> float:
        """Processor time of it and its children."""
        total = 0
        for number in self.processes():
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICK

    def megabytes(self) -> float:
        """Memory of it and its children; what they share counts once."""
        rollups = [Path(f"/proc/{number}/smaps_rollup").read_text() for number in self.processes()]
        return sum(int(re.findall(r"(?m)^Pss: +(\d+)", each)[0]) for each in rollups) / 1000

    def batches(self) -> dict[float, float]:
        """How many forward passes had at most so many films, so far."""
        found = re.findall(r'(?m)^hilum_batch_films_bucket\{le="([^"]+)"\} (\S+)', self.get("/metrics").decode())
        return {float(most): float(count) for most, count in found}

    def end(self) -> int:
        """Stop it as an operator does; gives the process's status."""
        self.process.terminate()
        return self.process.wait(120)


@contextmanager
def room_with(*options: str) -> Iterator[Room]:
    """A reading room with an empty store for this block, which answers."""
    with tempfile.TemporaryDirectory() as folder:
        room = Room(Path(folder), *options)
        try:
            room.wait()
            room.get("/readyz")
            yield room
            assert room.end() == 0, "it did not stop as it should"
        finally:
            room.process.kill()
            room.process.wait()


def median_batch(before: dict[float, float], after: dict[float, float]) -> float:
    """The median number of films in a forward pass between two looks at the metrics.

    >>> median_batch({1: 5, 2: 5, 8: 5}, {1: 6, 2: 7, 8: 12})
    8
    """
    between = {most: after[most] - before.get(most, 0) for most in sorted(after)}
    half = max(between.values()) / 2
    return next(most for most, count in between.items() if count > half)


class _Files(NamedTuple):
    """A round's films: as they lie here, and with their comments, in a folder."""

    plain: tuple[str, ...]
    marked: tuple[Film, ...]


@dataclass(slots=True)
class _Films:
    """Gives each round other bytes."""

    folder: Path
    round: int = 0

    def next(self, number: int) -> tuple[str, _Files]:
        self.round += 1
        mark = f"round {self.round}"
        plain = [str(each) for each in films_in(training_films())[:number]]
        written = []
        for place, path in enumerate(plain):
            to = self.folder / f"{self.round}-{place}.jpeg"
            to.write_bytes(marked(Path(path).read_bytes(), f"{mark} {place}"))
            written.append(Film(str(to)))
        return mark, _Files(tuple(plain), tuple(written))


def load() -> list[Row]:
    """Throughput, processor time and batches with 32 clients, beside offline scoring; latency at half of that."""
    films = Detector("shipped")
    rates: dict[str, list[float]] = {OFFLINE: [], ROOM: []}
    cores: dict[str, list[float]] = {OFFLINE: [], ROOM: []}
    batches, one, half, client = [], [], [], []
    with tempfile.TemporaryDirectory() as folder, room_with() as room:
        source = _Films(Path(folder))
        for round_ in range(ROUNDS + 1):
            mark, files = source.next(FILMS)
            offline = _timed(lambda: list(films.stream(files.marked)))  # noqa: B023
            before, cpu = room.batches(), room.cpu_seconds()
            sent = _all_answered(send(Plan(room.port, files.plain, mark, requests=FILMS, clients=CLIENTS)))
            cpu, median = room.cpu_seconds() - cpu, median_batch(before, room.batches())
            alone = _all_answered(send(Plan(room.port, files.plain, f"{mark} alone", requests=FILMS // 8, clients=1)))
            halved = Plan(room.port, files.plain, f"{mark} half", requests=FILMS, rate=FILMS / sent.wall / 2)
            at_half = _all_answered(send(halved))
            if not round_:
                continue  # all have warmed up
            rates[OFFLINE].append(FILMS / offline.wall)
            rates[ROOM].append(FILMS / sent.wall)
            cores[OFFLINE].append(1000 * offline.cpu / FILMS)
            cores[ROOM].append(1000 * cpu / FILMS)
            client.append(1000 * sent.cpu / FILMS)
            batches.append(median)
            one.append(1000 * statistics.median(alone.seconds))
            half.append(1000 * statistics.quantiles(at_half.seconds, n=100)[98])
    work = f"the shipped detector, {CLIENTS} clients"
    cpu_work, time_work = "the same, processor time a film", "a request's time"
    more = "the 99th percentile at half the rate"
    return [
        Row(work, OFFLINE, tuple(rates[OFFLINE])),
        Row(work, ROOM, tuple(rates[ROOM]), targets=(Target(0.8, OFFLINE),)),
        Row(cpu_work, OFFLINE, tuple(cores[OFFLINE]), "ms"),
        Row(cpu_work, ROOM, tuple(cores[ROOM]), "ms", (Target(1.25, OFFLINE, at_most=True),)),
        Row(cpu_work, "what sends the films", tuple(client), "ms"),
        Row("films in a forward pass, the median", ROOM, tuple(batches), "films", (Target(5),)),
        Row(time_work, "one on an idle service", tuple(one), "ms"),
        Row(time_work, more, tuple(half), "ms", (Target(5, "one on an idle service", at_most=True),)),
    ]


def cold() -> list[Row]:
    """Seconds from the start of the process to its first answer, in turn with `hilum predict` on the same film.

    The store is there already and modules are compiled, as they are whenever but the first time.
    """
    film = str(films_in(training_films())[0])
    walls: dict[str, list[float]] = {PREDICT: [], ROOM: []}
    cpu = []
    with tempfile.TemporaryDirectory() as folder:
        for start in range(_STARTS + 1):
            command = [sys.executable, "-m", "hilum", "predict", film]
            predicted = _timed(lambda: subprocess.run(command, capture_output=True, check=True, env=COMPILING))  # noqa: B023
            began = time.monotonic()
            room = Room(Path(folder))
            room.wait()
            _all_answered(carry_out(Plan(room.port, (film,), f"start {start}", requests=1, clients=1)))
            wall, seconds = time.monotonic() - began, room.cpu_seconds()
            room.end()
            if start:  # the first one has made the store
                walls[PREDICT].append(predicted.wall)
                walls[ROOM].append(wall)
                cpu.append(seconds)
    work = "from a cold start to the first answer"
    return [
        Row(work, PREDICT, tuple(walls[PREDICT]), "s"),
        Row(work, ROOM, tuple(walls[ROOM]), "s", (Target(1.5, at_most=True),)),
        Row(f"{work}, processor time", ROOM, tuple(cpu), "s"),
    ]


PARTS = {"load": load, "cold": cold}


class _Timed(NamedTuple):
    wall: float
    cpu: float


def _timed(work: Callable[[], object]) -> _Timed:
    began, cpu = time.monotonic(), time.process_time()
    work()
    return _Timed(time.monotonic() - began, time.process_time() - cpu)


def _all_answered(sent: Sent) -> Sent:
    assert set(sent.statuses) == {201}, f"not every film was answered: {sorted(set(sent.statuses))}"
    assert len(set(sent.ids)) == len(sent.ids), "two films got one answer"
    return sent


def measure() -> list[Row]:
    """The rows that targets are held to."""
    return [row for part in PARTS.values() for row in part()]


def main() -> None:
    """Print what was measured, and what became of the targets."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    rows = [row for part in parser.parse_args().parts for row in PARTS[part]()]
    print(in_words(rows, []))


if __name__ == "__main__":
    main()
