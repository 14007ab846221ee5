"""A node's way from a film's file to its answer, without its network and its queue, against scoring offline.

    python -m benchmarks.pacs_answering
    python -m benchmarks.pacs_answering --size 2048

- Films a second with six threads that ask, in turn with `Detector.predict` of the same files, each 5 rounds; and the
  processor time that a film takes in each, which other programs on the machine change less.
- The processor time of a film in forward passes, with the gate and the answer, of so many films.
- One film's time where no other is asked for, and that of one heat map with its picture.

The films are children's, of 224 × 224 pixels, as DICOM; `--size` takes drawn ones of that size.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydicom import Dataset
from tests.pacs.films import film, jpeg_levels, save
from tests.processes import children_of

from benchmarks.data import films_in, training_films
from benchmarks.rows import ROUNDS
from hilum.inference import Detector
from hilum.inference.engines import BATCH_SIZE
from hilum.pacs.answerer import Answerer
from hilum.records import Film

FILMS, LARGE_FILMS, THREADS, ALONE, HEATS = 160, 24, 6, 40, 20
_TICK = os.sysconf("SC_CLK_TCK")


class Took(NamedTuple):
    """A round.

    Attributes:
        seconds: on the clock, a film.
        processor: seconds of processor time, a film.
    """

    seconds: float
    processor: float


def main() -> None:
    """Print a line for each system."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--threads", type=int, default=THREADS)
    options = parser.parse_args()
    size, count = options.size, options.threads
    with tempfile.TemporaryDirectory() as folder:
        paths = [save(Path(folder) / f"{number}.dcm", ds) for number, ds in enumerate(_films(size))]
        detector, answerer = Detector(), Answerer()
        try:
            with ThreadPoolExecutor(count) as threads:
                systems: dict[str, Callable[[], object]] = {
                    "Detector.predict": lambda: detector.predict(paths),
                    f"Answerer, {count} threads": lambda: list(threads.map(answerer.answer, paths)),
                }
                rounds: dict[str, list[Took]] = {name: [] for name in systems}
                for number in range(ROUNDS + 1):
                    for name, work in systems.items():
                        took = _took(work, len(paths))
                        if number:  # the first warms up
                            rounds[name].append(took)
            for name, each in rounds.items():
                rate = statistics.median(1 / took.seconds for took in each)
                print(f"{name:<24}{rate:>7.1f} films/s{1000 * _median(each):>8.1f} ms of processor time a film")
            offline, asked = rounds.values()
            ratios = sorted(one.processor / other.processor for one, other in zip(asked, offline, strict=True))
            low, high = ratios[0], ratios[-1]
            print(f"{'processor time, ratio':<24}{statistics.median(ratios):>7.2f} ({low:.2f} to {high:.2f})")
            squares = [detector.read_square(str(path)) for path in paths[:BATCH_SIZE]]
            for films in (1, 2, 3, BATCH_SIZE):
                predict = partial(detector.predict_squares, [Film("")] * films, squares[:films])
                each_film = statistics.median(_took(predict, films).processor for _ in range(ALONE))
                print(f"{f'forward passes of {films}':<24}{1000 * each_film:>7.1f} ms of processor time a film")
            _print_alone("one film", answerer.answer, paths[:ALONE])
            _print_alone("one heat map", answerer.heat, paths[:HEATS])
        finally:
            answerer.close()


def _print_alone(name: str, call: Callable[[Path], object], paths: Sequence[Path]) -> None:
    times = sorted(_took(partial(call, path), 1).seconds for path in paths)
    print(f"{name:<24}{1000 * statistics.median(times):>7.1f} ms ({1000 * times[0]:.1f} to {1000 * times[-1]:.1f})")


def _films(size: int) -> Iterator[Dataset]:
    if size:
        return (film(number, size=(size, size)) for number in range(LARGE_FILMS))
    jpegs = films_in(training_films())[:FILMS]
    return (film(number, grey=jpeg_levels(Path(path))) for number, path in enumerate(jpegs))


def _took(work: Callable[[], object], films: int) -> Took:
    began, before = time.perf_counter(), _processor()
    work()
    return Took((time.perf_counter() - began) / films, (_processor() - before) / films)


def _median(rounds: list[Took]) -> float:
    return statistics.median(each.processor for each in rounds)


def _processor() -> float:
    """Seconds of processor time of this process and of its children, which go on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    stats = [Path(f"/proc/{number}/stat").read_text() for number in children_of(os.getpid())]
    ticks = [int(field) for stat in stats for field in stat.rpartition(")")[2].split()[11:13]]
    return used.ru_utime + used.ru_stime + sum(ticks) / _TICK


if __name__ == "__main__":
    main()
