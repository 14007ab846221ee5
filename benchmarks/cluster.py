"""Scoring full-size films over a local Ray cluster against one process: films a second, what starting costs, memory.

    python -m benchmarks.cluster [DIR]

The films of a folder, or generated ones of 1650×1333 pixels, each under many names. A small and a large list are
judged each way; the rate is what the difference takes, and the rest is the start.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from hilum import films
from hilum.inference import Detector, cluster
from hilum.pixels import chest_phantom
from hilum.records import Manifest

FEW, MANY, ROUNDS = 64, 576, 2


def main(folder: Path | None = None) -> None:
    """Print a line for each way, and the plan's input."""
    with tempfile.TemporaryDirectory() as place:
        known = list(films.find([folder])) if folder else list(films.find(_generated(Path(place) / "made")))
        few, many = (_under_many_names([film.path for film in known], Path(place) / str(n), n) for n in (FEW, MANY))
        size = statistics.mean(Path(film.path).stat().st_size for film in many)
        print(f"films of {size / 1e6:.2f} MB")
        ways: dict[str, Callable[[Manifest], float]] = {
            "one process, one core": lambda found: _here(found, 1),
            "one process, all cores": lambda found: _here(found, 0),
            "Ray, one worker": lambda found: _on_ray(found, 1),
            "Ray, two workers": lambda found: _on_ray(found, 2),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, judge in ways.items():
                taken[name].append((judge(few), judge(many)))
        for name, rounds in taken.items():
            rates = [(MANY - FEW) / (long - short) for short, long in rounds]
            starts = [short - FEW / rate for (short, _), rate in zip(rounds, rates, strict=True)]
            print(
                f"{name:<24}{statistics.mean(rates):>6.1f} films/s ({min(rates):.1f} to {max(rates):.1f}), "
                f"start {statistics.mean(starts):.1f} s"
            )
        print(f"a worker's memory at its peak: {max(_peaks.values()) / 1000:.0f} MB")


def _generated(folder: Path) -> list[Path]:
    folder.mkdir()
    for number in range(8):
        grey = (chest_phantom(number, (1333, 1650)) * 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.jpeg", quality=90)
    return sorted(folder.iterdir())


def _under_many_names(paths: list[str], folder: Path, count: int) -> Manifest:
    folder.mkdir()
    for number in range(count):
        path = Path(paths[number % len(paths)]).absolute()
        (folder / f"{number:05}{path.suffix}").symlink_to(path)
    return films.find([folder])


def _here(found: Manifest, threads: int) -> float:
    started = time.perf_counter()
    Detector(threads=threads).predict(found)
    return time.perf_counter() - started


def _on_ray(found: Manifest, workers: int) -> float:
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(done,))
    with tempfile.TemporaryDirectory() as out:
        watch.start()
        started = time.perf_counter()
        with cluster.connected("local", workers):
            cluster.score(found, Path(out))
            seconds = time.perf_counter() - started
        done.set()
        watch.join()
    return seconds


_peaks: dict[str, float] = {}  # kilobytes, of every worker by its process


def _watch(done: threading.Event) -> None:
    while not done.wait(0.25):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                    lines = (process / "status").read_text().splitlines()
                    _peaks[process.name] = float(next(line for line in lines if line.startswith("VmHWM")).split()[1])
            except (OSError, StopIteration):
                continue


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
