"""The reading room at twice what it can bear, for an hour: nothing may be lost or doubled, nor its memory grow.

    python -m benchmarks.overload --minutes 60

Requests come at random times, twice as many a second as 32 clients had reached. Of those that are refused some come
again, as a client does that was told to, and some films are sent again that were answered: those have to get the same
answer. At the end the store is held against what the clients were told, and its audit log is checked. An hour takes
about 3 GB in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import films_in, training_films
from benchmarks.load import Plan, Sent, send
from benchmarks.serving import CLIENTS, Room, median_batch

_FILMS = 320
_CAPACITY_SECONDS = 20.0
_GROWTH_MB, _GROWTH = 15.0, 1.05  # of memory, that are no growth: of a short run, of a long one


@dataclass(frozen=True, slots=True)
class Overload:
    """What an overload came to.

    Attributes:
        capacity: requests a second that were answered to 32 clients.
        batch: films in a forward pass then, the median.
        statuses: how many replies of each.
        seconds: from when a request was due to its answer, of those that were answered: median and 99th percentile.
        refusal_seconds: the same of those that were refused.
        memory: megabytes of the service and its processes, from the second fifth of the time to its end.
        faults: what was lost, doubled or answered otherwise, one line each; empty where all is right.
    """

    capacity: float
    batch: float
    statuses: dict[int, int]
    seconds: tuple[float, float]
    refusal_seconds: tuple[float, float]
    memory: tuple[float, ...]
    faults: tuple[str, ...]

    @property
    def grown(self) -> float:
        """Megabytes by which the memory of the last fifth of the time is above that of the second fifth."""
        part = max(1, len(self.memory) // 4)
        return statistics.median(self.memory[-part:]) - statistics.median(self.memory[:part])

    @property
    def is_flat(self) -> bool:
        """Whether the memory has not grown."""
        return self.grown <= max(_GROWTH_MB, (_GROWTH - 1) * self.memory[0])


def overload(minutes: float) -> Overload:
    """Load a reading room of its own with twice its capacity."""
    films = tuple(str(each) for each in films_in(training_films())[:_FILMS])
    with tempfile.TemporaryDirectory() as folder:
        room = Room(Path(folder))
        try:
            room.wait()
            warm = send(Plan(room.port, films, "warm", requests=2 * CLIENTS, clients=CLIENTS))
            before = room.batches()
            at_most = send(Plan(room.port, films, "capacity", seconds=_CAPACITY_SECONDS, clients=CLIENTS))
            capacity, batch = len(at_most.films) / at_most.wall, median_batch(before, room.batches())
            plan = Plan(room.port, films, "overload", seconds=60 * minutes, rate=2 * capacity, resend=True)
            memory: list[float] = []
            over = threading.Event()
            watching = threading.Thread(target=_watch, args=(room, memory, over, 60 * minutes))
            watching.start()
            sent = send(plan)
            over.set()
            watching.join()
            others = {*warm.ids, *at_most.ids}
            stored = [each for each in _stored(room) if each not in others]
            faults = _faults(sent, stored)
            if status := room.end():
                faults.append(f"the service ended with status {status}")
            verified = subprocess.run(
                [sys.executable, "-m", "hilum", "store", "verify", "--store", f"{folder}/hilum.db"],
                capture_output=True,
                text=True,
                check=False,
            )
            if verified.returncode:
                faults.append(f"hilum store verify: {verified.stderr.strip() or verified.stdout.strip()}")
        finally:
            room.process.kill()
            room.process.wait()
    return Overload(
        capacity,
        batch,
        dict(sorted(Counter(sent.statuses).items())),
        _seconds(sent, 200, 201),
        _seconds(sent, 503),
        tuple(memory[len(memory) // 5 :]),
        tuple(faults),
    )


def _watch(room: Room, memory: list[float], over: threading.Event, seconds: float) -> None:
    every = min(10.0, max(0.25, seconds / 100))
    while not over.wait(every):
        memory.append(room.megabytes())


def _stored(room: Room) -> list[str]:
    """The ids of all answers, the oldest first."""
    found, after = [], ""
    while True:
        page = json.loads(room.get(f"/v1/predictions?order=oldest&limit=1000&after={after}"))
        found += [each["id"] for each in page["predictions"]]
        after = page["next"]
        if not after:
            return found


def _faults(sent: Sent, stored: list[str]) -> list[str]:
    """What of the replies, and of the store beside them, is not as it should be."""
    faults = []
    if strange := sorted({*sent.statuses} - {200, 201, 503}):
        faults.append(f"replies of status {', '.join(map(str, strange))} (0: none came)")
    ids: dict[int, set[str]] = {}
    made: Counter[int] = Counter()
    for film, status, id_ in zip(sent.films, sent.statuses, sent.ids, strict=True):
        if status in (200, 201):
            ids.setdefault(film, set()).add(id_)
            made[film] += status == 201
    if several := sum(len(each) > 1 for each in ids.values()):
        faults.append(f"{several} films got several answers")
    if again := sum(count > 1 for count in made.values()):
        faults.append(f"{again} films were answered anew though they had been answered")
    told = {next(iter(each)) for each in ids.values()}
    if lost := told - set(stored):
        faults.append(f"{len(lost)} answers that were given are not in the store")
    if more := set(stored) - told:
        faults.append(f"{len(more)} answers are in the store that nobody was given")
    if len(set(stored)) < len(stored):
        faults.append("answers are in the store twice")
    return faults


def _seconds(sent: Sent, *statuses: int) -> tuple[float, float]:
    found = [each for each, status in zip(sent.seconds, sent.statuses, strict=True) if status in statuses]
    if len(found) < 2:
        return 0.0, 0.0
    return statistics.median(found), statistics.quantiles(found, n=100)[98]


def main() -> None:
    """Print what came of it; the status is 1 where something was lost or doubled, or memory grew."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    began = time.monotonic()
    came = overload(parser.parse_args().minutes)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes")
    print(f"capacity with {CLIENTS} clients: {came.capacity:.1f} films/s, {came.batch:g} films in a forward pass")
    print(f"at twice that: {', '.join(f'{count:,} replies of {status}' for status, count in came.statuses.items())}")
    print(f"answered within {came.seconds[0]:.2f} s (median), {came.seconds[1]:.2f} s (99th percentile)")
    print(f"refused within {came.refusal_seconds[0]:.3f} s (median), {came.refusal_seconds[1]:.3f} s")
    low, high = min(came.memory), max(came.memory)
    print(f"memory: {low:.0f} to {high:.0f} MB, grown by {came.grown:.0f} MB{'' if came.is_flat else ': NOT FLAT'}")
    for fault in came.faults:
        print(f"FAULT: {fault}")
    sys.exit(bool(came.faults) or not came.is_flat)


if __name__ == "__main__":
    main()
