"""How long one shift of a film of 224 px takes, for each shift of the batteries: the median of many, and the fastest.

    python -m benchmarks.shifts

Target: under 5 ms each, on one thread (OMP_NUM_THREADS=1).
"""

from __future__ import annotations

import statistics
import time

from hilum.pixels import chest_phantom
from hilum.shifts import BATTERIES, Grey, Shift

FILMS, SIDE = 50, 224


def main() -> None:
    """Print a line for each shift."""
    films = [chest_phantom(seed, (SIDE, SIDE), opacity=0.5) for seed in range(FILMS)]
    for battery in BATTERIES.values():
        for name, shift in battery.shifts.items():
            times = [_milliseconds(shift, film) for film in films]
            print(f"{battery.name:<12}{name:<18}{statistics.median(times):6.2f} ms (fastest {min(times):.2f} ms)")


def _milliseconds(shift: Shift, film: Grey) -> float:
    started = time.perf_counter()
    shift(film)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
