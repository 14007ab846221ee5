"""A node in a hospital's network under load: films in by C-STORE, reports accepted by Orthanc, all on one machine.

    python -m benchmarks.pacs
    python -m benchmarks.pacs --burst 200 --bursts 1

- Films one by one on an idle node: from the last byte to the report that Orthanc has accepted. The pictures with
  the heat maps follow behind, and are not waited for.
- A burst over four associations: films a second until the last report was accepted, and the 99th percentile of how
  long a film took to be acknowledged meanwhile.
- Pictures a second, while the node has nothing else to do.
- Memory of the node and its processes after each of several smaller bursts.

Times of reports are from the node's store; that Orthanc has every one of them is asked at the end, of Orthanc.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.pacs.nodes import NodeFile, RunningNode
from tests.pacs.orthanc import Orthanc, an_orthanc

from benchmarks.data import films_in, training_films
from benchmarks.pacs_load import PacsPlan, PacsSent, finish, start
from hilum.training.precision import describe_processor

IDLE, BURST, BURSTS = 30, 1000, 4
_SMALL = 250  # films of a burst after which memory is looked at
_CAPTURES_SECONDS = 15.0
_TICK = os.sysconf("SC_CLK_TCK")
_ACCEPTED = "SELECT changed FROM node_sendings WHERE kind = ? AND state = 'sent' AND changed >= ? ORDER BY changed"
_SCHEME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Hospital:
    """A node, its PACS, and the store in which the node notes what it has done.

    Attributes:
        node: that is sent films.
        orthanc: that is sent results.
        films: JPEGs whose pixels are sent.
    """

    node: RunningNode
    orthanc: Orthanc
    films: tuple[str, ...]

    def send(self, first: int, count: int, associations: int = 4, pause: float = 0.0) -> PacsSent:
        """Send films, and wait until they are acknowledged."""
        sent = finish(start(PacsPlan(self.node.file.port, self.films, first, count, associations, pause)))
        assert set(sent.statuses) == {0}, sent.statuses
        return sent

    def accepted(self, kind: str, since: float = 0.0) -> list[float]:
        """When Orthanc accepted each result of a kind, as seconds since the epoch, the earliest first."""
        query = (
            "SELECT changed FROM node_sendings WHERE kind = ? AND state = 'sent' AND changed >= ? ORDER BY changed"
        )
        after = datetime.fromtimestamp(since, UTC).strftime(_SCHEME)
        with sqlite3.connect(
            f"file:{self.node.file.folder / 'hilum.db'}?mode=ro", uri=True, timeout=30
        ) as connection:
            rows = connection.execute(query, (kind, after)).fetchall()
        return [datetime.strptime(text, _SCHEME).replace(tzinfo=UTC).timestamp() for (text,) in rows]

    def wait_for(self, count: int, kind: str, since: float, seconds: float = 180.0) -> list[float]:
        """Wait until so many results of a kind were accepted since a moment; gives when."""
        until = time.monotonic() + seconds
        while len(found := self.accepted(kind, since)) < count:
            assert time.monotonic() < until, f"{len(found)} of {count} {kind}s were accepted after {seconds:g} s"
            time.sleep(0.2)
        return found

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time so far: of the node, of the processes that read films, of Orthanc."""
        return {
            "node": _cpu(self.node.process.pid),
            "readers": sum(map(_cpu, self.node.children())),
            "Orthanc": _cpu(self.orthanc.process),
        }


@contextmanager
def hospital(workers: int = 1, more: str = "") -> Iterator[Hospital]:
    """A node and an Orthanc with nothing in them, in this block."""
    films = tuple(str(each) for each in films_in(training_films())[:320])
    with tempfile.TemporaryDirectory() as folder, an_orthanc(Path(folder, "orthanc")) as orthanc:
        file = NodeFile(
            Path(folder, "node"),
            destinations={"orthanc": orthanc.dicom_port},
            node=f"workers = {workers}",
            more=more,
        )
        node = RunningNode(file)
        try:
            yield Hospital(node, orthanc, films)
        finally:
            node.kill()


def one_by_one(place: Hospital, count: int, first: int = 1) -> list[float]:
    """Seconds from a film's last byte to its accepted report, of films that find the node idle."""
    found = []
    for number in range(count):
        before = time.time()
        sent = place.send(first + number, 1, associations=1)
        (accepted,) = place.wait_for(1, "report", before)
        found.append(accepted - sent.ends[0])
        place.wait_for(1, "capture", before)
    return found


def burst(place: Hospital, count: int, first: int) -> tuple[float, PacsSent, dict[str, float]]:
    """Films a second until the last report is accepted, what was sent, and milliseconds of processor time a film."""
    before = place.cpu()
    sent = place.send(first, count)
    accepted = place.wait_for(count, "report", sent.began)
    after = place.cpu()
    cpu = {name: 1000 * (after[name] - before[name]) / count for name in before}
    return count / (accepted[-1] - sent.began), sent, {**cpu, "sender": 1000 * sent.cpu / count}


def _cpu(number: int) -> float:
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def main() -> None:
    """Print the figures; the status is 1 where Orthanc lacks a report, or has one twice."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=int, default=IDLE, help="films one by one")
    parser.add_argument("--burst", type=int, default=BURST, help="films of the burst")
    parser.add_argument("--bursts", type=int, default=BURSTS, help="smaller bursts, for memory")
    parser.add_argument("--workers", type=int, default=1, help="processes that read films")
    options = parser.parse_args()
    began = time.monotonic()
    print(f"{describe_processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before it began")
    with hospital(options.workers) as place:
        warm = place.send(900_000, 8)
        place.wait_for(8, "capture", warm.began)
        idle = one_by_one(place, options.idle)
        print(f"one by one, {options.idle} films, from the last byte to the accepted report:")
        print(f"  {statistics.median(idle):.3f} s (median), {max(idle):.3f} s (longest)", flush=True)
        rate, sent, cpu = burst(place, options.burst, 10_000)
        took = [1000 * each for each in sent.seconds]
        middle, late, longest = statistics.median(took), _percentile(took, 99), max(took)
        print(f"burst of {options.burst} films over 4 associations, to the last accepted report: {rate:.1f} films/s")
        print(f"  acknowledged after {middle:.0f} ms (median), {late:.0f} ms (p99), {longest:.0f} ms (longest)")
        print("  processor time a film: " + ", ".join(f"{who} {spent:.1f} ms" for who, spent in cpu.items()))
        there, at = len(place.accepted("capture")), time.time()
        time.sleep(_CAPTURES_SECONDS)
        captures = (len(place.accepted("capture")) - there) / (time.time() - at)
        print(f"pictures: {there} were there when the last report was; then {captures:.1f} pictures/s", flush=True)
        memory = [place.node.memory()]
        for number in range(options.bursts):
            burst(place, _SMALL, 20_000 + number * _SMALL)
            memory.append(place.node.memory())
        print("memory of node and readers: " + ", ".join(f"{each:.0f}" for each in memory) + " MiB")
        films = 8 + options.idle + options.burst + options.bursts * _SMALL
        reports = len(place.orthanc.uids("SR"))
        print(f"Orthanc has {reports} reports of {films} films; {time.monotonic() - began:.0f} s in all")
    sys.exit(reports != films)


if __name__ == "__main__":
    main()
