"""Probabilities against frequencies: the bins of scikit-learn, slow loops, and detectors whose error is known."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from hilum import metrics
from hilum.metrics import binary_metrics, clusters_of, resampled_weights
from hilum.metrics.counts import Bools, Floats

from .strategies import films


@settings(max_examples=40)
@given(case=films(both_classes=False), bins=st.integers(1, 15))
def test_ece_agrees_with_the_bins_of_scikit_learn(case: tuple[Bools, Floats, Floats], bins: int) -> None:
    labels, probs, _ = case
    frequency, mean_prob = calibration_curve(labels, probs, n_bins=bins)
    edges = np.linspace(0, 1, bins + 1)
    share = np.bincount(np.searchsorted(edges[1:-1], probs), minlength=bins) / probs.size
    expected = float(np.sum(share[share > 0] * np.abs(frequency - mean_prob)))
    assert float(metrics.ece(labels, probs, bins=bins)) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40)
@given(case=films(both_classes=False))
def test_ece_agrees_with_a_slow_loop_also_under_weights(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, weights = case
    error = 0.0
    for b in range(15):
        inside = [i for i, p in enumerate(probs) if b / 15 < p <= (b + 1) / 15 or (b == 0 and p == 0)]
        total = sum(weights[i] for i in inside)
        if total:
            mean = sum(weights[i] * probs[i] for i in inside) / total
            frequency = sum(weights[i] * labels[i] for i in inside) / total
            error += total / max(weights.sum(), 1) * abs(mean - frequency)
    ours = float(metrics.ece(labels, probs, weights))
    assert ours == pytest.approx(error, abs=1e-12) if weights.sum() else math.isnan(ours)


def slow_debiased(labels: Bools, probs: Floats, weights: Floats, bins: int) -> float:
    """Film by film, in whole numbers where a bin is chosen."""
    total = int(weights.sum())
    if total < 2 * bins:
        return math.nan
    chosen = []
    for prob in probs:
        twice_middle = 2 * int(weights[probs < prob].sum()) + int(weights[probs == prob].sum())
        chosen.append(min(int(Fraction(bins * twice_middle, 2 * total)), bins - 1))
    error = counted = 0.0
    for b in range(bins):
        inside = [i for i, place in enumerate(chosen) if place == b and weights[i] > 0]
        if len(inside) < 2:
            continue
        w = weights[inside]
        frequency = float(w @ labels[inside] / w.sum())
        mean = float(w @ probs[inside] / w.sum())
        noise = frequency * (1 - frequency) * (w @ w) / (w.sum() ** 2 - w @ w)
        error += w.sum() * ((mean - frequency) ** 2 - noise)
        counted += w.sum()
    return math.sqrt(max(error / counted, 0)) if counted else math.nan


@settings(max_examples=100)
@given(case=films(both_classes=False), bins=st.integers(1, 6))
def test_debiased_agrees_with_a_slow_loop(case: tuple[Bools, Floats, Floats], bins: int) -> None:
    labels, probs, weights = case
    for times in (np.ones(labels.size), weights):
        ours = float(metrics.ece_debiased(labels, probs, times, bins))
        assert ours == pytest.approx(slow_debiased(labels, probs, times, bins), abs=1e-7, nan_ok=True)


def test_debiased_is_the_estimator_of_kumar_liang_and_ma() -> None:
    draws = np.random.default_rng(0)
    probs = draws.random(150)
    labels = draws.random(150) < probs**2
    squared = 0.0
    for inside in np.split(np.argsort(probs), 15):  # ten films a bin, no ties
        frequency = labels[inside].mean()
        noise = frequency * (1 - frequency) / (len(inside) - 1)
        squared += len(inside) / 150 * ((probs[inside].mean() - frequency) ** 2 - noise)
    assert float(metrics.ece_debiased(labels, probs)) == pytest.approx(math.sqrt(squared))


@pytest.mark.parametrize("off", [0.1, 0.2])
def test_debiased_finds_the_error_that_is_there_and_no_more(off: float) -> None:
    """What a detector is off by, over many sets of films; without the correction it would come out larger."""
    draws = np.random.default_rng(1)
    squares = []
    for _ in range(400):
        truth = draws.uniform(0.2, 0.6, 300)
        squares.append(float(metrics.ece_debiased(draws.random(300) < truth, truth + off)) ** 2)
    assert np.mean(squares) == pytest.approx(off**2, rel=0.1)


def test_a_calibrated_detector_often_shows_no_error_at_all() -> None:
    draws = np.random.default_rng(2)
    found, binned = [], []
    for _ in range(200):
        probs = draws.random(300)
        labels = draws.random(300) < probs
        found.append(float(metrics.ece_debiased(labels, probs)))
        binned.append(float(metrics.ece(labels, probs)))
    assert 0.35 < np.mean([error == 0 for error in found]) < 0.75
    assert min(binned) > 0.02  # what chance adds


def test_resamples_do_not_take_their_copies_for_new_films() -> None:
    draws = np.random.default_rng(3)
    drift, drift_of_copies = [], []
    for seed in range(12):
        truth = draws.uniform(0.1, 0.7, 400)
        labels, probs = draws.random(400) < truth, truth + 0.2
        weights = np.concatenate(list(resampled_weights(clusters_of(labels), 100, seed)))
        squared = float(metrics.ece_debiased(labels, probs)) ** 2
        drift.append(np.mean(metrics.ece_debiased(labels, probs, weights) ** 2) - squared)
        for row in weights[:10].astype(int):
            drift_of_copies.append(float(metrics.ece_debiased(labels.repeat(row), probs.repeat(row))) ** 2 - squared)
    assert abs(np.mean(drift)) < 0.002
    assert np.mean(drift_of_copies) > 0.005  # of 0.04


def test_films_of_one_probability_share_a_bin() -> None:
    labels, probs = np.arange(60) % 3 == 0, np.full(60, 0.5)
    expected = math.sqrt((0.5 - 1 / 3) ** 2 - (1 / 3) * (2 / 3) / 59)
    assert float(metrics.ece_debiased(labels, probs)) == pytest.approx(expected)


def test_a_film_alone_in_its_bin_is_left_out() -> None:
    labels, probs = np.arange(81) >= 40, np.array([0.0] * 40 + [0.4] + [1.0] * 40)
    assert float(metrics.ece_debiased(labels, probs)) == 0
    assert float(metrics.ece(labels, probs)) == pytest.approx(0.6 / 81)
    assert math.isnan(metrics.ece_debiased([False, True], [0.2, 0.7], [20, 20]))  # each film alone in its bin


def test_few_films_say_nothing_of_frequencies() -> None:
    draws = np.random.default_rng(4)
    labels, probs = draws.random(30) < 0.5, draws.random(30)
    assert math.isnan(metrics.ece_debiased(labels[:29], probs[:29]))
    assert not math.isnan(metrics.ece_debiased(labels, probs))
    assert binary_metrics(labels[:29], probs[:29], 0.5, resamples=10)["ece_debiased"].value is None
    assert metrics.ece_debiased([], [], np.ones((2, 3, 0))).shape == (2, 3)
