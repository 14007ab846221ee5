"""How fast detectors predict films: all of them in one run, taking turns, so that a busy minute hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import numpy as np

ROUNDS = 5
BATCH_SIZE = 16
_SHORTEST = 0.2  # seconds: below it the clock and the scheduler are measured


def films_a_second(
    detectors: Mapping[str, tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], int]],
) -> dict[str, float]:
    """The median rate of each network over rounds in which all take their turn.

    Args:
        detectors: by name, what gives probabilities of films and their lungs, both `(n, size, size)` uint8, and that
            size in pixels. All of a film is called lung here; only a system that is shown the lungs looks at that.

    Returns:
        Films a second by name: preprocessed films, `BATCH_SIZE` at a time.
    """
    draws = np.random.default_rng(0)
    films = {
        name: draws.integers(0, 256, (BATCH_SIZE, size, size), dtype=np.uint8)
        for name, (_, size) in detectors.items()
    }
    lungs = {name: np.full_like(each, 255) for name, each in films.items()}
    times = {}
    for name, (probs, _) in detectors.items():
        probs(films[name], lungs[name])  # the first call allocates
        started = time.perf_counter()
        probs(films[name], lungs[name])
        times[name] = max(1, round(_SHORTEST / (time.perf_counter() - started)))
    rates: dict[str, list[float]] = {name: [] for name in detectors}
    for _ in range(ROUNDS):
        for name, (probs, _size) in detectors.items():
            started = time.perf_counter()
            for _ in range(times[name]):
                probs(films[name], lungs[name])
            rates[name].append(BATCH_SIZE * times[name] / (time.perf_counter() - started))
    return {name: median(each) for name, each in rates.items()}
