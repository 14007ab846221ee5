from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import RequestError
from hilum.metrics import sensitivity, specificity, youden_threshold
from hilum.metrics.counts import Bools, Floats

from .strategies import films


def youden(labels: Bools, probs: Floats, threshold: float) -> float:
    return float(sensitivity(labels, probs, threshold) + specificity(labels, probs, threshold) - 1)


@settings(max_examples=40)
@given(case=films())
def test_no_threshold_decides_better(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, _ = case
    threshold = youden_threshold(labels, probs)
    assert 0 <= threshold <= 1
    every = [*np.unique(probs), 0.0, 1.0, *(np.unique(probs) + 1e-9).clip(max=1)]
    assert youden(labels, probs, threshold) == pytest.approx(max(youden(labels, probs, t) for t in every), abs=1e-12)


def test_a_clean_separation_is_cut_in_the_middle() -> None:
    assert youden_threshold([False, False, True, True], [0.1, 0.2, 0.8, 0.9]) == pytest.approx(0.5)


def test_among_equally_good_gaps_the_widest_is_taken() -> None:
    labels = [False, True, False, True]  # cutting above .1 or above .7 both give 1 + 1/2 - 1
    assert youden_threshold(labels, [0.1, 0.2, 0.7, 0.9]) == pytest.approx(0.8)
    assert youden_threshold(labels, [0.1, 0.5, 0.7, 0.8]) == pytest.approx(0.3)


def test_a_detector_that_is_always_wrong_still_gets_a_threshold_within_range() -> None:
    assert youden_threshold([True, False], [0.0, 1.0]) == 0.0
    assert 0 <= youden_threshold([True, False], [0.3, 0.4]) <= 1


@settings(max_examples=40)
@given(st.floats(0, 1, allow_subnormal=False), st.integers(1, 3))
def test_neighbouring_floats_are_told_apart(score: float, steps: int) -> None:
    above = score
    for _ in range(steps):
        above = float(np.nextafter(above, 2))
    if above <= 1:
        assert score < youden_threshold([False, True], [score, above]) <= above


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_one_class_cannot_be_weighed(labels: list[bool]) -> None:
    with pytest.raises(RequestError, match="both classes"):
        youden_threshold(labels, [0.2, 0.4])
