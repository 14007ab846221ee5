"""Prediction sets against the definition and slow loops; the promise, over splits and over patients."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import betabinom

from hilum.confidence import (
    Conformal,
    calibrated,
    evaluate_sets,
    fit_calibration,
    fit_conformal,
    prediction_sets,
)
from hilum.metrics.counts import Floats
from hilum.records import Figure

from .simulated import films, of_odds, several


def of_scores(scores: list[float]) -> tuple[NDArray[np.intp], Floats]:
    """Films of class 1 with these scores 1 − p."""
    positive = 1 - np.array(scores)
    return np.ones(len(scores), dtype=np.intp), np.stack([1 - positive, positive], axis=1)


@settings(max_examples=80)
@given(n=st.integers(1, 60), percent=st.integers(1, 99), seed=st.integers(0, 99))
def test_the_threshold_is_the_quantile_of_the_definition(n: int, percent: int, seed: int) -> None:
    labels, probs = of_scores(np.random.default_rng(seed).random(n).round(2).tolist())
    conformal = fit_conformal(labels, probs, coverage=percent / 100)
    rank = -(-(n + 1) * percent // 100)  # the ceiling, in whole numbers
    if rank > n:
        assert conformal.thresholds == (0, 0)
        assert conformal.unpromised == (0, 1)
    else:
        # Angelopoulos & Bates 2023, figure 2: np.quantile(scores, ceil((n + 1) · (1 − α)) / n, method="higher")
        assert conformal.thresholds[1] == sorted(probs[:, 1], reverse=True)[rank - 1]
        assert conformal.unpromised == (0,)


def test_a_worked_example() -> None:
    labels, probs = of_scores([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    conformal = fit_conformal(labels, probs, coverage=0.8)  # ⌈10 · 0.8⌉ = 8: the eighth score is 0.8
    assert conformal.thresholds[1] == pytest.approx(0.2)
    assert conformal.films == conformal.patients == (0, 9)
    assert conformal.chosen_on == "9 validation films"
    inside = prediction_sets(conformal, [[0.75, 0.25], [0.85, 0.15], [0.0, 1.0]])
    assert inside.dtype == bool
    assert inside.tolist() == [[True, True], [True, False], [True, True]]


def test_nine_patients_can_promise_nine_tenths_and_eight_cannot() -> None:
    labels, probs = of_scores([0.5] * 9)
    assert fit_conformal(labels, probs, coverage=0.9).unpromised == (0,)
    few = fit_conformal(labels[1:], probs[1:], coverage=0.9)
    assert few.unpromised == (0, 1)
    assert prediction_sets(few, [[1.0, 0.0], [0.0, 1.0]]).all()
    of_one = fit_conformal(labels, probs, ["one"] * 9, coverage=0.9)
    assert of_one.unpromised == (0, 1)  # nine films of one patient are one patient
    assert of_one.films == (0, 9)
    assert of_one.patients == (0, 1)


def test_films_of_a_patient_share_one_vote() -> None:
    labels, probs = of_scores([0.1, 0.2, 0.3, 0.4, 0.9, 0.95])
    names = ["a", "b", "c", "d", "d", "d"]
    # Of 4 patients: 5 · 0.6 = 3 votes are there with c; each of d's three films brings a third more.
    for coverage, threshold in ((0.6, 0.7), (0.66, 0.6), (0.7, 0.1), (0.8, 0.05), (0.81, 0.0)):
        assert fit_conformal(labels, probs, names, coverage).thresholds[1] == pytest.approx(threshold)


def test_coverage_holds_for_each_class_over_twenty_splits() -> None:
    labels, probs = films(8, 3000, prior=0.25, apart=1.5)
    outside = 0
    for seed in range(20):
        drawn = np.random.default_rng(seed).permutation(3000)
        kept, new = drawn[:600], drawn[600:]
        conformal = fit_conformal(labels[kept], probs[kept], coverage=0.9)
        per_class = evaluate_sets(conformal, labels[new], probs[new], resamples=0).per_class
        for number, figure in enumerate(per_class):
            n, m = conformal.films[number], int((labels[new] == number).sum())
            rank = math.ceil((n + 1) * 0.9)
            # What n calibration films leave to chance (Vovk 2012; Angelopoulos & Bates 2023, section 3.2).
            low, high = betabinom(m, rank, n + 1 - rank).ppf([0.005, 0.995]) / m
            assert figure.value is not None
            outside += not low <= figure.value <= high
    assert outside <= 2  # of forty, each one time in a hundred


def test_coverage_holds_for_new_patients_whose_films_are_alike() -> None:
    draws, covered, naive = np.random.default_rng(0), [], []
    for _ in range(800):
        # Patients with many films are the easy ones, and their films resemble each other.
        of_patient = draws.choice([1, 8], 30, p=[0.7, 0.3])
        owner = np.repeat(np.arange(30), of_patient)
        odds = draws.normal(0, 1, 30)[owner] + draws.normal(0, 0.3, owner.size) + (of_patient[owner] > 1)
        labels, probs, names = np.ones(owner.size, dtype=np.intp), of_odds(odds), [str(number) for number in owner]
        old = owner < 29
        inside = [
            prediction_sets(fit_conformal(labels[old], probs[old], given, 0.8), probs[~old])[:, 1].mean()
            for given in (np.array(names)[old].tolist(), None)
        ]
        covered.append(inside[0])
        naive.append(inside[1])
    error = 3 * np.sqrt(0.8 * 0.2 / 800)
    assert 0.8 - error <= np.mean(covered) <= 0.8 + 1 / 30 + error
    assert np.mean(naive) < 0.8 - error  # with each film a vote, the promise is broken


def test_calibrating_two_classes_changes_no_set() -> None:
    labels, probs = films(2, 300)
    for method in ("temperature", "platt", "isotonic"):
        calibration = fit_calibration(labels, probs, method)
        corrected = calibrated(calibration, probs)
        before, after = fit_conformal(labels, probs), fit_conformal(labels, corrected)
        np.testing.assert_array_equal(prediction_sets(before, probs), prediction_sets(after, corrected))


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_what_was_achieved_is_what_a_slow_loop_counts(coverage: float) -> None:
    labels, probs = several(3, 150, (0.5, 0.3, 0.2), apart=1.0)
    names = [str(number // 3) if number % 2 else "" for number in range(150)]
    conformal = fit_conformal(*several(4, 150, (0.5, 0.3, 0.2), apart=1.0), coverage=coverage)
    found = evaluate_sets(conformal, labels, probs, names, resamples=50)
    said = [{c for c in range(3) if probs[film, c] >= conformal.thresholds[c]} for film in range(150)]
    owner = [name or f"film {film}" for film, name in enumerate(names)]

    def mean(value: list[float], among: list[int]) -> float:
        """Over patients, of the mean over their films."""
        of = {patient: [value[film] for film in among if owner[film] == patient] for patient in owner}
        means = [sum(values) / len(values) for values in of.values() if values]
        return sum(means) / len(means)

    everyone = list(range(150))
    kept = [float(labels[film] in said[film]) for film in everyone]
    assert found.coverage.value == pytest.approx(mean(kept, everyone))
    for number in range(3):
        mine = [film for film in everyone if labels[film] == number]
        assert found.per_class[number].value == pytest.approx(mean(kept, mine))
    sizes = [float(len(each)) for each in said]
    alone = [film for film in everyone if sizes[film] == 1]
    assert found.single_accuracy.value == pytest.approx(mean(kept, alone))
    assert found.size.value == pytest.approx(mean(sizes, everyone))
    for figure, wanted in ((found.empty, {0}), (found.single, {1}), (found.several, {2, 3})):
        assert figure.value == pytest.approx(mean([float(size in wanted) for size in sizes], everyone))
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= (figure.value or 0) <= figure.high


def test_a_class_that_is_not_there_has_no_coverage() -> None:
    conformal = Conformal(0.9, (0.5, 0.5), (20, 20), (20, 20))
    found = evaluate_sets(conformal, [1] * 20, [[0.1, 0.9]] * 20)
    assert found.per_class[0] == Figure(None)
    assert found.per_class[1].value == 1
    assert found.per_class[1].low == pytest.approx(0.025 ** (1 / 20))  # exact binomial: not 1 for certain
    assert evaluate_sets(conformal, [], np.zeros((0, 2))).coverage == Figure(None)


def test_a_record_reads_back_and_a_damaged_one_does_not() -> None:
    conformal = fit_conformal(*films(0, 200))
    json = msgspec.json.encode(conformal)
    assert msgspec.json.decode(json, type=Conformal) == conformal
    for old, new in ((b'"coverage":0.9', b'"coverage":1.0'), (b'"films":[', b'"films":[1,'), (b"0.", b"7.")):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(json.replace(old, new), type=Conformal)


def test_what_does_not_fit_is_refused() -> None:
    labels, probs = films(0, 50)
    for coverage in (0.0, 1.0, 90.0, math.nan):
        with pytest.raises(ValueError, match="coverage must be above 0 and below 1"):
            fit_conformal(labels, probs, coverage=coverage)
    with pytest.raises(ValueError, match="3 classes, and prediction sets of 2"):
        prediction_sets(fit_conformal(labels, probs), np.full((1, 3), 1 / 3))
    with pytest.raises(ValueError, match="one a film"):
        fit_conformal(labels, probs, ["a"])
    with pytest.raises(ValueError, match="NaN"):
        prediction_sets(fit_conformal(labels, probs), [[math.nan, 1.0]])
