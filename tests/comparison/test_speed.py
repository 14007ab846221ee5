"""Rates are of what was called, and all detectors take their turn."""

from __future__ import annotations

import time

import numpy as np

from hilum.comparison import films_a_second


def test_a_slower_network_has_a_lower_rate() -> None:
    calls: list[str] = []

    def sleeper(name: str, seconds: float) -> tuple[object, int]:
        def probs(films: np.ndarray, lungs: np.ndarray) -> np.ndarray:
            assert films.shape[1:] == (8, 8)
            calls.append(name)
            time.sleep(seconds)
            return np.zeros((len(films), 2))

        return probs, 8

    rates = films_a_second({"slow": sleeper("slow", 0.04), "fast": sleeper("fast", 0.01)})  # type: ignore[dict-item]
    assert rates["fast"] > 2 * rates["slow"]
    assert 0 < rates["slow"] <= 16 / 0.04
    assert calls.index("fast") < len(calls) - calls[::-1].index("slow")
