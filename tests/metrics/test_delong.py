"""AUROC's variance: a published example, slow loops over pairs of films, and films that were made up many times."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.metrics import auroc, auroc_delong, binary_metrics, delong_test
from hilum.metrics.counts import Bools, Floats
from hilum.metrics.paired import PairedTest
from hilum.records import Figure

from .strategies import films

# Albumin, total protein, K-G score and outcome of 43 patients with ovarian cancer, whom DeLong, DeLong and
# Clarke-Pearson (1988) report on. They and the figures below are in the SAS/STAT User's Guide (The LOGISTIC
# Procedure, example "Comparing Receiver Operating Characteristic Curves").
OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
TABLE = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
OUTCOME = TABLE[:, 3] == 1
ALBUMIN, PROTEIN, KG = TABLE[:, 0] / 10, TABLE[:, 1] / 10, 1 - TABLE[:, 2] / 10
Z_95 = NormalDist().inv_cdf(0.975)


def error_of(figure: Figure) -> float:
    """The standard error that an interval on the logit scale was made from."""
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    low, high = (math.log(end / (1 - end)) for end in (figure.low, figure.high))
    assert (low + high) / 2 == pytest.approx(math.log(figure.value / (1 - figure.value)))
    return (high - low) / 2 / Z_95 * figure.value * (1 - figure.value)


@pytest.mark.parametrize(
    ("scores", "area", "error"), [(ALBUMIN, 0.7366, 0.0927), (PROTEIN, 0.6478, 0.1000), (KG, 0.7258, 0.1028)]
)
def test_the_published_areas_and_errors(scores: Floats, area: float, error: float) -> None:
    figure = auroc_delong(OUTCOME, scores)
    assert figure.value == pytest.approx(area, abs=5e-5)
    assert error_of(figure) == pytest.approx(error, abs=5e-5)


@pytest.mark.parametrize(
    ("scores", "difference", "error", "p"),
    [(ALBUMIN, 0.0108, 0.0953, 0.9102), (PROTEIN, -0.0780, 0.1046, 0.4561)],
)
def test_the_published_comparisons(scores: Floats, difference: float, error: float, p: float) -> None:
    test = delong_test(OUTCOME, scores, KG)
    assert test.difference.value == pytest.approx(difference, abs=5e-5)
    assert test.p == pytest.approx(p, abs=5e-5)
    assert test.difference.low == pytest.approx(difference - Z_95 * error, abs=2e-4)
    assert test.difference.high == pytest.approx(difference + Z_95 * error, abs=2e-4)
    assert not test.shows_difference


def slow_variance(labels: Bools, scores: list[Floats], patients: list[str]) -> Floats:
    """The covariance of the AUROCs by Obuchowski (1997), pair by pair of films."""
    names = sorted(set(patients))
    m, n = int(labels.sum()), int((~labels).sum())
    tens, ones = np.zeros((len(scores), len(names))), np.zeros((len(scores), len(names)))
    for k, score in enumerate(scores):
        area = float(auroc(labels, score))
        for i in np.flatnonzero(labels):
            won = sum((np.sign(score[i] - score[j]) + 1) / 2 for j in np.flatnonzero(~labels))
            tens[k, names.index(patients[i])] += won / n - area
        for j in np.flatnonzero(~labels):
            won = sum((np.sign(score[i] - score[j]) + 1) / 2 for i in np.flatnonzero(labels))
            ones[k, names.index(patients[j])] += won / m - area
    i10 = len({patients[i] for i in np.flatnonzero(labels)})
    i01 = len({patients[j] for j in np.flatnonzero(~labels)})
    s10 = i10 / ((i10 - 1) * m) * tens @ tens.T
    s01 = i01 / ((i01 - 1) * n) * ones @ ones.T
    s11 = len(names) / (len(names) - 1) * tens @ ones.T
    return np.asarray(s10 / m + s01 / n + (s11 + s11.T) / (m * n))


@settings(max_examples=60, deadline=None)
@given(case=films(), seed=st.integers(0, 1000), shared=st.booleans())
def test_errors_agree_with_a_slow_loop_over_pairs(
    case: tuple[Bools, Floats, Floats], seed: int, shared: bool
) -> None:
    labels, probs, _ = case
    draws = np.random.default_rng(seed)
    other = draws.integers(0, 11, labels.size) / 10
    size = labels.size // 2 + 1 if shared else 10**6
    patients = [str(number) for number in draws.choice(size, labels.size, replace=shared)]
    if min(len({patients[i] for i in np.flatnonzero(side)}) for side in (labels, ~labels)) < 2:
        return
    covariance = slow_variance(labels, [probs, other], patients)
    figure = auroc_delong(labels, probs, patients)
    assert figure.value == pytest.approx(float(auroc(labels, probs)))
    if covariance[0, 0] < 1e-12:
        assert figure.low is figure.high is None
    else:
        assert error_of(figure) == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-6)
    test = delong_test(labels, probs, other, patients)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    if variance > 1e-12:
        assert test.difference.value is not None
        z = abs(test.difference.value) / math.sqrt(variance)
        assert test.p == pytest.approx(2 * (1 - NormalDist().cdf(z)), abs=1e-9)


def made_up(draws: np.random.Generator, patients: int, likeness: float) -> tuple[Bools, Floats, Floats, list[str]]:
    """Films of patients who have three each, scored by two detectors that are equally good."""
    labels = np.repeat(draws.random(patients) < 0.5, 3)
    whose = np.repeat(np.arange(patients), 3)
    scores = []
    for _ in range(2):
        of_patient, of_film = draws.normal(size=patients)[whose], draws.normal(size=labels.size)
        score = labels + math.sqrt(likeness) * of_patient + math.sqrt(1 - likeness) * of_film
        scores.append(1 / (1 + np.exp(-score)))
    return labels, scores[0], scores[1], [str(number) for number in whose]


def test_where_films_are_copies_the_patients_are_what_counts() -> None:
    labels, a, b, _ = made_up(np.random.default_rng(0), 60, 0.0)
    names = [str(number) for number in range(labels.size)]
    once, copied = delong_test(labels, a, b, names), delong_test(
        labels.repeat(4), a.repeat(4), b.repeat(4), np.repeat(names, 4).tolist()
    )  # fmt: skip
    assert copied.p == pytest.approx(once.p)
    assert copied.difference.low == pytest.approx(once.difference.low)
    naive = auroc_delong(labels.repeat(4), a.repeat(4))
    assert error_of(auroc_delong(labels.repeat(4), a.repeat(4), np.repeat(names, 4).tolist())) > 1.9 * error_of(naive)
    assert delong_test(labels, a, b) == once  # patients that are not known have one film each


def test_equally_good_detectors_differ_in_one_of_twenty_sets_of_films() -> None:
    draws = np.random.default_rng(1)
    shown, shown_naively, covered, rounds = 0, 0, 0, 300
    truth = NormalDist().cdf(1 / math.sqrt(2))
    for _ in range(rounds):
        labels, a, b, patients = made_up(draws, 60, 0.9)
        shown += delong_test(labels, a, b, patients).shows_difference
        shown_naively += delong_test(labels, a, b).shows_difference
        figure = auroc_delong(labels, a, patients)
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= truth <= figure.high
    assert 0.02 <= shown / rounds <= 0.09
    assert shown_naively / rounds > 0.15
    assert 0.91 <= covered / rounds <= 0.98


def test_its_interval_is_about_that_of_the_bootstrap() -> None:
    labels, a, _, patients = made_up(np.random.default_rng(2), 120, 0.7)
    drawn, reckoned = binary_metrics(labels, a, 0.5, patients)["auroc"], auroc_delong(labels, a, patients)
    assert drawn.low == pytest.approx(reckoned.low, abs=0.015)
    assert drawn.high == pytest.approx(reckoned.high, abs=0.015)


def test_detectors_that_rank_alike_do_not_differ() -> None:
    labels, a, _, patients = made_up(np.random.default_rng(3), 40, 0.5)
    assert delong_test(labels, a, a, patients) == PairedTest(Figure(0.0), 1.0)
    assert delong_test(labels, a, a**3) == PairedTest(Figure(0.0), 1.0)
    assert delong_test([True, False], [0.9, 0.1], [0.9, 0.1]) == PairedTest(Figure(0.0), 1.0)


def test_a_worse_detector_is_found_out() -> None:
    draws = np.random.default_rng(4)
    labels, a, _, patients = made_up(draws, 100, 0.5)
    test = delong_test(labels, a, draws.random(labels.size), patients)
    assert test.shows_difference
    assert test.difference.low is not None
    assert test.difference.low > 0


def test_what_no_film_shows_has_no_interval() -> None:
    labels, perfect = np.arange(20) < 10, 1 - np.arange(20) / 20
    assert auroc_delong(labels, perfect) == Figure(1.0)
    assert auroc_delong(labels, 1 - perfect) == Figure(0.0)
    assert auroc_delong(labels, np.full(20, 0.3)) == Figure(0.5)
    assert delong_test(labels, perfect, 1 - perfect) == PairedTest(Figure(1.0), None)
    one_patient = ["a"] * 10 + [str(number) for number in range(10)]
    some = np.random.default_rng(5).random(20)
    assert auroc_delong(labels, some, one_patient).low is None
    assert delong_test(labels, some, perfect, one_patient).p is None


@pytest.mark.parametrize("labels", [[True, True], [False, False], []])
def test_a_missing_class_leaves_it_undefined(labels: list[bool]) -> None:
    probs = [0.2, 0.4][: len(labels)]
    assert auroc_delong(labels, probs) == Figure(None)
    assert delong_test(labels, probs, probs) == PairedTest(Figure(None), None)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        delong_test([True, False], [0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="logits"):
        auroc_delong([True, False], [0.1, 2.0])
    with pytest.raises(ValueError, match="one a film"):
        auroc_delong([True, False], [0.1, 0.2], ["a"])
