"""Two detectors on the same films: scipy's binomial test, every way that coins can fall, slow loops, examples."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as reference

from hilum.metrics import (
    binary_differences,
    binary_metrics,
    clusters_of,
    delong_test,
    holm,
    mcnemar_test,
    paired_bootstrap,
    resampled_weights,
)
from hilum.metrics.counts import Bools, Floats
from hilum.metrics.multiclass import MulticlassScores, means_at
from hilum.metrics.paired import Z_95, PairedTest
from hilum.records import Figure

JUDGED = st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abcdefgh")), min_size=1, max_size=30)


def judgements(both: int, only_a: int, only_b: int, neither: int) -> tuple[Bools, Bools]:
    counts = (both, only_a, only_b, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@settings(max_examples=60)
@given(only_a=st.integers(0, 40), only_b=st.integers(0, 40), rest=st.integers(1, 50))
def test_mcnemar_is_the_binomial_test_of_films_judged_differently(only_a: int, only_b: int, rest: int) -> None:
    test = mcnemar_test(*judgements(rest, only_a, only_b, rest))
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert test.p == pytest.approx(expected)
    assert test.difference.value == pytest.approx((only_a - only_b) / (only_a + only_b + 2 * rest))


def test_mcnemar_on_the_ratings_of_a_prime_minister() -> None:
    """Agresti, Categorical Data Analysis, 2nd edition, table 10.1: the difference is 0.04 with an error of 0.0095."""
    test = mcnemar_test(*judgements(794, 150, 86, 570))
    assert test.p == pytest.approx(binomtest(86, 236).pvalue)
    assert test.difference.value == pytest.approx(0.04, abs=5e-4)
    assert test.difference.low == pytest.approx(0.0213, abs=5e-4)
    assert test.difference.high == pytest.approx(0.0587, abs=5e-4)
    assert test.shows_difference


@settings(max_examples=60)
@given(JUDGED)
def test_mcnemar_counts_every_way_in_which_patients_coins_can_fall(films: list[tuple[bool, bool, str]]) -> None:
    a, b, patients = (list(column) for column in zip(*films, strict=True))
    net = [sum(x - y for x, y, whose in films if whose == name) for name in sorted(set(patients))]
    far = [abs(sum(s * n for s, n in zip(signs, net, strict=True))) for signs in product((-1, 1), repeat=len(net))]
    expected = np.mean([each >= abs(sum(net)) for each in far])
    assert mcnemar_test(a, b, patients).p == pytest.approx(expected)


@settings(max_examples=60)
@given(JUDGED)
def test_the_interval_holds_what_the_sum_does_not_contradict(films: list[tuple[bool, bool, str]]) -> None:
    a, b, patients = (list(column) for column in zip(*films, strict=True))
    figure = mcnemar_test(a, b, patients).difference
    assert figure.value is not None
    if figure.low is None or figure.high is None:
        return
    assert -1 <= figure.low <= figure.value <= figure.high <= 1

    def contradicted(difference: float) -> bool:
        of_patient = [
            sum(x - y - difference for x, y, whose in films if whose == name) for name in sorted(set(patients))
        ]
        return bool(sum(of_patient) ** 2 > Z_95**2 * np.square(of_patient).sum())

    for difference in np.linspace(-1, 1, 41):
        inside = figure.low + 1e-9 < difference < figure.high - 1e-9
        outside = difference < figure.low - 1e-9 or difference > figure.high + 1e-9
        assert not (inside and contradicted(difference))
        assert not (outside and not contradicted(difference))


def test_mcnemar_with_copies_of_films_is_what_it_was_with_one() -> None:
    draws = np.random.default_rng(0)
    a, b, names = draws.random(60) < 0.8, draws.random(60) < 0.6, [str(number) for number in range(60)]
    once = mcnemar_test(a, b, names)
    copied = mcnemar_test(a.repeat(3), b.repeat(3), np.repeat(names, 3).tolist())
    assert copied.p == pytest.approx(once.p)
    assert copied.difference.low == pytest.approx(once.difference.low)
    assert copied.difference.high == pytest.approx(once.difference.high)
    assert mcnemar_test(a, b) == once


def test_equally_good_detectors_differ_in_one_of_twenty_sets_of_films_at_most() -> None:
    """Patients' films are judged alike: taken for films of different patients, they show too much."""
    draws = np.random.default_rng(1)
    shown, shown_naively, covered, rounds = 0, 0, 0, 400
    for _ in range(rounds):
        a, b = (draws.random(80).repeat(4) < 0.8 for _ in range(2))
        test = mcnemar_test(a, b, [str(number // 4) for number in range(320)])
        shown += test.shows_difference
        shown_naively += mcnemar_test(a, b).shows_difference
        assert test.difference.low is not None
        assert test.difference.high is not None
        covered += test.difference.low <= 0 <= test.difference.high
    assert 0.005 <= shown / rounds <= 0.07
    assert shown_naively / rounds > 0.2
    assert 0.92 <= covered / rounds <= 0.98


def test_detectors_right_on_the_same_films_do_not_differ() -> None:
    right = [True, False, True, True]
    assert mcnemar_test(right, right) == PairedTest(Figure(0.0), 1.0)
    assert mcnemar_test(right, right, ["a", "a", "b", "b"]) == PairedTest(Figure(0.0), 1.0)
    assert mcnemar_test([], []) == PairedTest(Figure(None), None)
    with pytest.raises(ValueError, match="one length"):
        mcnemar_test([True], [True, False])


def two_detectors(films: int) -> tuple[Bools, Floats, Floats, list[str]]:
    draws = np.random.default_rng(2)
    labels = draws.random(films) < 0.6
    a, b = (np.clip(0.25 + 0.5 * labels + draws.normal(0, spread, films), 0, 1) for spread in (0.25, 0.45))
    return labels, a, b, [str(number // 2) for number in range(films)]


def test_paired_bootstrap_agrees_with_a_slow_loop() -> None:
    labels, a, b, patients = two_detectors(90)
    tests = binary_differences(labels, (a, b), (0.5, 0.4), patients, resamples=80, seed=7)
    weights = np.concatenate(list(resampled_weights(clusters_of(labels, patients), 80, 7)))
    theirs = {
        "auroc": (reference.roc_auc_score, (a, b)),
        "brier": (reference.brier_score_loss, (a, b)),
        "accuracy": (reference.accuracy_score, (a >= 0.5, b >= 0.4)),
        "balanced_accuracy": (reference.balanced_accuracy_score, (a >= 0.5, b >= 0.4)),
        "f1": (reference.f1_score, (a >= 0.5, b >= 0.4)),
    }
    for name, (function, (first, second)) in theirs.items():
        draws = [
            function(labels, first, sample_weight=row) - function(labels, second, sample_weight=row)
            for row in weights
        ]
        value = function(labels, first) - function(labels, second)
        low, high = np.quantile(draws, (0.025, 0.975))
        test = tests[name]
        assert test.difference.value == pytest.approx(value), name
        assert (test.difference.low, test.difference.high) == pytest.approx((low, high)), name
        beyond = min(sum(draw <= 1e-12 for draw in draws), sum(draw >= -1e-12 for draw in draws))
        assert test.p == pytest.approx(min(1, 2 * (beyond + 1) / 81)), name
    assert set(tests) == set(binary_metrics(labels, a, 0.5, resamples=0))


def test_pairs_are_told_apart_better_than_intervals_side_by_side() -> None:
    labels, a, _, patients = two_detectors(200)
    b = np.clip(np.where(labels, a - 0.03, a + 0.03), 0, 1)
    first, second = (binary_metrics(labels, probs, 0.5, patients)["brier"] for probs in (a, b))
    assert first.high is not None
    assert second.low is not None
    assert first.high > second.low  # the intervals overlap
    assert binary_differences(labels, (a, b), (0.5, 0.5), patients)["brier"].shows_difference


def test_its_auroc_is_about_that_of_delong() -> None:
    labels, a, b, patients = two_detectors(300)
    drawn = binary_differences(labels, (a, b), (0.5, 0.5), patients)["auroc"].difference
    reckoned = delong_test(labels, a, b, patients).difference
    assert drawn.value == pytest.approx(reckoned.value)
    assert drawn.low == pytest.approx(reckoned.low, abs=0.01)
    assert drawn.high == pytest.approx(reckoned.high, abs=0.01)


def test_one_detector_twice_does_not_differ_in_anything() -> None:
    labels, a, _, patients = two_detectors(80)
    for name, test in binary_differences(labels, (a, a), (0.5, 0.5), patients, resamples=50).items():
        assert test == PairedTest(Figure(0.0), 1.0), name
    rare = binary_differences(labels, (a * 0.4, a * 0.4), (0.399, 0.399), patients, resamples=50)
    assert all(test.p == 1 for test in rare.values() if test.difference.value is not None)


def test_what_is_undefined_has_no_p() -> None:
    tests = binary_differences([True] * 40, (np.linspace(0, 1, 40), np.full(40, 0.3)), (0.5, 0.5), resamples=50)
    undefined = {name for name, test in tests.items() if test.difference.value is None}
    assert undefined == {"auroc", "average_precision", "precision", "f1", "specificity", "balanced_accuracy"}
    assert all(tests[name] == PairedTest(Figure(None), None) for name in undefined)
    assert not tests["auroc"].shows_difference
    perfect = np.arange(40) < 20
    always = binary_differences(perfect, (perfect.astype(float), 1.0 - perfect), (0.5, 0.5), resamples=50)
    assert always["auroc"] == PairedTest(Figure(1.0), None)  # every resample agrees: no interval, and no p


def test_figures_of_several_classes_are_paired_alike() -> None:
    draws = np.random.default_rng(3)
    labels = draws.integers(0, 3, 150)
    good, bad = ((1 - blur) * np.eye(3)[labels] + blur * draws.dirichlet((1, 1, 1), 150) for blur in (0.6, 0.9))
    tests = paired_bootstrap(
        lambda weights: means_at(MulticlassScores(labels, good), weights),
        lambda weights: means_at(MulticlassScores(labels, bad), weights),
        clusters_of(labels),
        resamples=200,
    )
    assert tests["balanced_accuracy"].shows_difference
    assert tests["balanced_accuracy"].p == pytest.approx(2 / 201)
    assert tests["brier"].difference.value is not None
    assert tests["brier"].difference.value < 0


def test_holm_on_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust(…, "holm")
    assert holm([]) == []
    assert holm([0.6, None, 0.6]) == [1.0, None, 1.0]
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm([0.2, float("nan")])


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_stepping_down_does(p_values: list[float], level: float) -> None:
    rejected = set()
    for step, place in enumerate(np.argsort(p_values, kind="stable").tolist()):
        if p_values[place] * (len(p_values) - step) > level:
            break
        rejected.add(place)
    adjusted = holm(p_values)
    assert {place for place, p in enumerate(adjusted) if p is not None and p <= level} == rejected


def test_a_difference_is_shown_below_one_in_twenty() -> None:
    assert PairedTest(Figure(0.1), 0.049).shows_difference
    assert not PairedTest(Figure(0.1), 0.05).shows_difference
    assert not PairedTest(Figure(0.1), None).shows_difference
