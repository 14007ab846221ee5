"""Intervals that hold at every look: against SciPy's functions, and in a thousand looks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import betaln, xlog1py, xlogy

from hilum.monitoring.confidence_sequences import share_interval


@pytest.mark.parametrize(("hits", "films"), [(0, 7), (3, 10), (50, 1000), (999, 1000), (1, 1)])
def test_the_ends_are_where_the_mixture_is_twenty_times_as_probable(hits: int, films: int) -> None:
    misses = films - hits

    def excess(p: float) -> float:
        return float(betaln(hits + 1, misses + 1) - xlogy(hits, p) - xlog1py(misses, -p) - np.log(20))

    found = share_interval(hits, films)
    tiny = 1e-12
    assert found.low == pytest.approx(brentq(excess, tiny, hits / films) if hits else 0, abs=1e-6)
    assert found.high == pytest.approx(brentq(excess, hits / films, 1 - tiny) if misses else 1, abs=1e-6)


def test_over_a_thousand_looks_the_share_is_missed_in_one_run_of_twenty_at_most() -> None:
    rng = np.random.default_rng(1)
    runs, looks, share = 300, 1000, 0.1
    hits = np.cumsum(rng.random((runs, looks)) < share, axis=1)
    films = np.arange(1, looks + 1)
    # The share lies within the interval where the mixture is not twenty times as probable as it.
    misses = films - hits
    mixture = betaln(hits + 1, misses + 1) - hits * np.log(share) - misses * np.log1p(-share)
    missed = (mixture >= np.log(20)).any(axis=1)
    assert missed.mean() <= 0.05
    run, look = 3, 700
    interval = share_interval(int(hits[run, look]), look + 1)
    assert (interval.low < share < interval.high) == (mixture[run, look] < np.log(20))  # type: ignore[operator]
    fixed = 1.96 * np.sqrt(hits / films * misses / films / films)  # one that holds at one look only
    assert (np.abs(hits / films - share) > fixed)[:, 50:].any(axis=1).mean() > 0.2
