"""Intervals over patients: every figure of two classes and of three, and the paired difference of two detectors.

Target: 10,000 resamples of the figures of two classes on 624 films (as many as Kermany's test split) in under 2 s on
2 cores. The machine may be busy, so the best of several runs is given, and the processor's time beside the clock's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from hilum.metrics import binary_differences, binary_metrics, multiclass_metrics

FILMS, RESAMPLES, RUNS = 624, 10_000, 5


def main() -> None:
    """Print three lines."""
    draws = np.random.default_rng(0)
    labels = draws.random(FILMS) < 0.625
    first, second = (np.clip(0.5 * labels + draws.normal(0.25, 0.2, FILMS), 0, 1) for _ in range(2))
    patients = [str(number // 2) for number in range(FILMS)]
    three, classes = draws.dirichlet((1, 1, 1), FILMS), draws.integers(0, 3, FILMS)
    _print("two classes", lambda: binary_metrics(labels, first, 0.5, patients, RESAMPLES))
    _print("two detectors", lambda: binary_differences(labels, (first, second), (0.5, 0.5), patients, RESAMPLES))
    _print("three classes", lambda: multiclass_metrics(classes, three, patients, RESAMPLES))


def _print(what: str, run: Callable[[], object]) -> None:
    clock, processor = zip(*(_once(run) for _ in range(RUNS)), strict=True)
    print(
        f"{what:<14}{RESAMPLES:,} resamples of {FILMS} films   {min(clock):.2f} s "
        f"({min(processor):.2f} s of processor; slowest of {RUNS} runs {max(clock):.2f} s)"
    )


def _once(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and by the processors."""
    started, worked = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - started, time.process_time() - worked


if __name__ == "__main__":
    main()
