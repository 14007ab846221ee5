"""Evidence that may be looked at after every film: false alarms, drifts that are found, and SciPy's optimiser."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

from hilum.confidence import score_reference
from hilum.monitoring.score_bins import ScoreBins, score_bins
from hilum.monitoring.score_evidence import _largest, best_mix, chi_squared_quantile, evidence_path

ALARM = math.log(20)


def scores(
    rng: np.random.Generator, films: int, prior: float = 0.7, *, another_machine: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Classes and probabilities, as of a detector; on another machine's films it is less sure of both classes."""
    labels = rng.random(films) < prior
    (a, b), (c, d) = ((2.0, 1.0), (1.0, 3.0)) if another_machine else ((6.0, 0.6), (0.7, 7.0))
    return labels, np.where(labels, rng.beta(a, b, films), rng.beta(c, d, films))


def validation(rng: np.random.Generator, films: int = 400) -> ScoreBins:
    labels, probs = scores(rng, films)
    return score_bins(score_reference(labels.astype(int), np.stack([1 - probs, probs], axis=1)))


def evidence(
    rng: np.random.Generator, later: np.ndarray, at: list[int], *, any_mix: bool, bins: ScoreBins | None = None
) -> np.ndarray:
    bins = bins or validation(rng)
    return evidence_path(bins.counts(later), at, bins, any_mix=any_mix)


def test_bins_hold_equally_many_films_of_evenly_mixed_classes() -> None:
    bins = validation(np.random.default_rng(0))
    assert bins.shares.mean(axis=0) == pytest.approx(1 / 6, abs=0.01)
    assert bins.counts([0.0, bins.edges[0], 1.0]).tolist() == np.eye(6)[[0, 1, 5]].tolist()
    tied = score_reference([0, 0, 1, 1], [[1, 0], [1, 0], [0, 1], [1, 0]])
    assert score_bins(tied).shares.tolist() == [[1, 0], [0.5, 0.5]]


@pytest.mark.parametrize("any_mix", [False, True])
def test_films_like_validations_give_no_alarm(any_mix: bool) -> None:
    rng = np.random.default_rng(2)
    highest = [evidence(rng, scores(rng, 600)[1], [150, 600], any_mix=any_mix).max() for _ in range(12)]
    assert sum(each >= ALARM for each in highest) <= 3  # 1 in 20 at most: 4 of 12 have a chance of 0.2%


@pytest.mark.slow
@pytest.mark.parametrize("any_mix", [False, True])
def test_over_a_thousand_looks_there_is_a_false_alarm_in_one_run_of_twenty_at_most(any_mix: bool) -> None:
    """Validation is drawn anew in every run: that its films are few is part of what could go wrong."""
    rng = np.random.default_rng(3)
    runs = 100
    alarms = 0
    for _ in range(runs):
        films = scores(rng, 1000, 0.7 if not any_mix else rng.random())[1]
        alarms += evidence(rng, films, list(range(1, 1001)), any_mix=any_mix).max() >= ALARM
    assert alarms <= 11  # 1 in 20 at most: 12 of 100 have a chance of 0.4%


def test_other_shares_of_the_classes_are_found_and_are_no_evidence_of_more() -> None:
    rng = np.random.default_rng(4)
    bins, (_, later) = validation(rng), scores(rng, 400, prior=0.2)
    assert evidence(rng, later, [400], any_mix=False, bins=bins)[0] > ALARM
    assert evidence(rng, later, [400], any_mix=True, bins=bins)[0] < 0
    assert best_mix(bins.counts(later).sum(axis=0), bins)[1] == pytest.approx(0.2, abs=0.06)


def test_another_machine_is_found_whatever_the_shares_of_the_classes() -> None:
    rng = np.random.default_rng(5)
    bins, (_, later) = validation(rng), scores(rng, 400, prior=0.4, another_machine=True)
    path = evidence(rng, later, [50, 400], any_mix=True, bins=bins)
    assert path[1] > ALARM
    assert path[1] > path[0]


def test_what_changes_late_is_found_soon() -> None:
    rng = np.random.default_rng(6)
    bins = validation(rng)
    later = np.concatenate([scores(rng, 1600)[1], scores(rng, 400, another_machine=True)[1]])
    before, after = evidence(rng, later, [1600, 2000], any_mix=True, bins=bins)
    assert before < ALARM < after


def test_the_largest_likelihood_is_that_of_scipys_optimiser() -> None:
    """With the classes' shares fixed the problem is concave, so that any optimiser finds the same."""
    rng = np.random.default_rng(7)
    labels, probs = scores(rng, 100)
    bins = score_bins(score_reference(labels.astype(int), np.stack([1 - probs, probs], axis=1)), 3)
    counts = bins.counts(scores(rng, 80, another_machine=True)[1]).sum(axis=0)

    def objective(flat: np.ndarray) -> float:
        logits = flat.reshape(2, -1)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        kept = bins.films[:, None] * bins.shares
        ratio = np.where(kept > 0, shares / np.where(kept > 0, bins.shares, 1), 1)
        return -float(counts @ np.log(bins.prior @ shares) + (kept * np.log(ratio)).sum())

    best = -minimize(objective, np.zeros(bins.shares.size), method="BFGS").fun
    assert _largest(counts[None], bins, 1.0, False)[0][0] == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("freedom", [2, 4, 10, 20])
def test_the_quantile_is_scipys(freedom: int) -> None:
    assert chi_squared_quantile(0.975, freedom) == pytest.approx(chi2.ppf(0.975, freedom), rel=0.01)
