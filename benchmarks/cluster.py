"""Scoring full-size films over a local Ray cluster against one process: films a second, what starting costs, memory.

    python -m benchmarks.cluster [DIR]

The films of a folder, or generated ones of 1650×1333 pixels, each under many names. A small and a large list are
judged each way; the rate is what the difference takes, and the rest is the start.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from hilum import films
from hilum.inference import Detector, cluster
from hilum.inference.cluster_connection import connect
from hilum.pixels import chest_phantom, decode
from hilum.records import Manifest

FEW, MANY, ROUNDS = 64, 3_072, 2
CLOCK = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What judging a list took: seconds by the clock, and seconds of cores (on Ray, of its workers)."""

    wall: float
    cores: float


def main(folder: Path | None = None) -> None:
    """Print a line for each way: films a second, cores' time for a film, and seconds before the first film."""
    with tempfile.TemporaryDirectory() as place:
        known = [film.path for film in films.find([folder or _generated(Path(place) / "made")])]
        few, many = (_under_many_names(known, Path(place) / str(n), n) for n in (FEW, MANY))
        _read(few)
        size, decoding = _read(many)
        print(f"films of {size / 1e6:.2f} MB; reading and decoding one: {1000 * decoding:.1f} ms of a core")
        ways: dict[str, Callable[[Manifest], Cost]] = {
            "one process, one core": lambda found: _here(found, 1),
            "one process, all cores": lambda found: _here(found, 0),
            "Ray, one worker": lambda found: _on_ray(found, 1),
            "Ray, two workers": lambda found: _on_ray(found, 2),
        }
        taken: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, judge in ways.items():
                taken[name].append((judge(few), judge(many)))
        for name, rounds in taken.items():
            rates = [(MANY - FEW) / (long.wall - short.wall) for short, long in rounds]
            cores = statistics.mean((long.cores - short.cores) / (MANY - FEW) for short, long in rounds)
            starts = [short.wall - FEW / rate for (short, _), rate in zip(rounds, rates, strict=True)]
            print(
                f"{name:<24}{statistics.mean(rates):>6.1f} films/s ({min(rates):.1f} to {max(rates):.1f}), "
                f"{1000 * cores:.1f} ms of a core a film, start {statistics.mean(starts):.1f} s"
            )
        print(f"a worker's memory at its peak: {max(_peaks.values()) / 1000:.0f} MB")


def _read(found: Manifest) -> tuple[float, float]:
    """Bytes of a film, and a core's seconds to read and decode it."""
    started = time.process_time()
    for film in found:
        decode(film.path)
    taken = time.process_time() - started
    return statistics.mean(Path(film.path).stat().st_size for film in found), taken / len(found)


def _generated(folder: Path) -> Path:
    folder.mkdir()
    for number in range(8):
        grey = (chest_phantom(number, (1333, 1650)) * 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.jpeg", quality=90)
    return folder


def _under_many_names(paths: list[str], folder: Path, count: int) -> Manifest:
    folder.mkdir()
    for number in range(count):
        path = Path(paths[number % len(paths)]).absolute()
        (folder / f"{number:05}{path.suffix}").symlink_to(path)
    return films.find([folder])


def _here(found: Manifest, threads: int) -> Cost:
    wall, cores = time.perf_counter(), time.process_time()
    Detector(threads=threads).predict(found)
    return Cost(time.perf_counter() - wall, time.process_time() - cores)


def _on_ray(found: Manifest, workers: int) -> Cost:
    done, used = threading.Event(), dict[str, float]()
    watch = threading.Thread(target=_watch, args=(done, used))
    with tempfile.TemporaryDirectory() as out:
        watch.start()
        started = time.perf_counter()
        with connect("local", workers):
            cluster.predict_on_cluster(found, Path(out))
            wall = time.perf_counter() - started
        done.set()
        watch.join()
    return Cost(wall, sum(used.values()))


_peaks: dict[str, float] = {}  # kilobytes, of every worker by its process


def _watch(done: threading.Event, used: dict[str, float]) -> None:
    """Note the workers' memory and the time of cores that they took, as long as they are there."""
    while not done.wait(0.1):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                    lines = (process / "status").read_text().splitlines()
                    _peaks[process.name] = float(next(line for line in lines if line.startswith("VmHWM")).split()[1])
                    times = (process / "stat").read_text().rpartition(")")[2].split()
                    used[process.name] = (int(times[11]) + int(times[12])) / CLOCK
            except (OSError, StopIteration):
                continue


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
