"""Risk against coverage against slow loops; ties, weights, and what is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.confidence import aurc, certainty, risk_coverage, selective, selective_accuracy
from hilum.metrics.counts import Bools, Floats
from hilum.records import Figure

from .simulated import films, of_odds, several


@st.composite
def answers(draw: st.DrawFn) -> tuple[Bools, Floats, Floats]:
    """Which are wrong, certainties with ties, and whole-number weights, one of them above 0."""
    rows = draw(st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=30))
    wrong, certainties, weights = (np.array(column) for column in zip(*rows, strict=True))
    weights[0] = max(1, weights[0])
    return wrong, certainties.astype(np.float64), weights.astype(np.float64)


def slow_levels(wrong: Bools, certainties: Floats) -> list[tuple[float, float, int]]:
    """Coverage, risk and films of each certainty, falling."""
    result = []
    for level in sorted(set(certainties.tolist()), reverse=True):
        answered = [bad for bad, sure in zip(wrong.tolist(), certainties.tolist(), strict=True) if sure >= level]
        result.append((len(answered) / wrong.size, sum(answered) / len(answered), int((certainties == level).sum())))
    return result


@settings(max_examples=60)
@given(case=answers())
def test_the_curve_and_its_area_are_those_of_a_slow_loop(case: tuple[Bools, Floats, Floats]) -> None:
    wrong, certainties, _ = case
    levels = slow_levels(wrong, certainties)
    curve = risk_coverage(wrong, certainties)
    np.testing.assert_allclose(curve.coverage, [coverage for coverage, _, _ in levels])
    np.testing.assert_allclose(curve.risk, [risk for _, risk, _ in levels])
    assert curve.certainty.tolist() == sorted(set(certainties.tolist()), reverse=True)
    area = sum(risk * films for _, risk, films in levels) / wrong.size
    assert float(aurc(wrong, certainties)) == pytest.approx(area)


@settings(max_examples=60)
@given(case=answers(), share=st.sampled_from([0.01, 0.3, 0.5, 0.9, 1.0]))
def test_accuracy_of_a_share_is_that_of_ties_in_any_order(case: tuple[Bools, Floats, Floats], share: float) -> None:
    wrong, certainties, _ = case
    left, mistakes = share * wrong.size, 0.0
    for level in sorted(set(certainties.tolist()), reverse=True):
        tied = wrong[certainties == level]
        taken = min(left, tied.size)
        mistakes, left = mistakes + taken * tied.mean(), left - taken
    expected = 1 - mistakes / (share * wrong.size)
    assert float(selective_accuracy(wrong, certainties, share)) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40)
@given(case=answers())
def test_weights_are_copies_and_a_matrix_is_its_rows(case: tuple[Bools, Floats, Floats]) -> None:
    wrong, certainties, weights = case
    times = weights.astype(int)
    matrix = np.stack([weights, np.ones_like(weights)])
    for function in (aurc, lambda w, c, m=None: selective_accuracy(w, c, 0.7, m)):
        copied = float(function(wrong.repeat(times), certainties.repeat(times)))
        assert float(function(wrong, certainties, weights)) == pytest.approx(copied, abs=1e-9)
        assert function(wrong, certainties, matrix).tolist() == pytest.approx(
            [copied, float(function(wrong, certainties))]
        )
        assert function(wrong, certainties, matrix[None]).shape == (1, 2)


def test_an_order_that_knows_its_mistakes_and_one_that_knows_nothing() -> None:
    wrong = np.arange(100) >= 90
    assert float(selective_accuracy(wrong, -np.arange(100.0), 0.9)) == 1
    assert float(selective_accuracy(wrong, -np.arange(100.0), 1.0)) == pytest.approx(0.9)
    assert float(aurc(wrong, -np.arange(100.0))) == pytest.approx(sum(k / (90 + k) for k in range(1, 11)) / 100)
    assert float(aurc(wrong, np.zeros(100))) == pytest.approx(0.1)


def test_nothing_is_defined_without_a_film() -> None:
    none = np.zeros(0)
    assert math.isnan(aurc(none, none))
    assert math.isnan(selective_accuracy(none, none, 0.5))
    assert np.isnan(aurc([True], [1.0], [[0.0]])).all()
    assert np.isnan(selective_accuracy([True], [1.0], 0.5, [[0.0]])).all()
    empty = selective(none.astype(int), np.zeros((0, 2)), 0.5)
    assert empty.aurc == empty.accuracy[0.9] == Figure(None)


def test_certainty_is_the_distance_from_the_threshold_in_log_odds() -> None:
    odds = np.array([-3.0, 0.0, 1.0, 2.0, 30.0])
    threshold = float(of_odds(np.array([1.0]))[0, 1])
    np.testing.assert_allclose(certainty(of_odds(odds), threshold), np.abs(odds - 1), atol=1e-9)
    np.testing.assert_allclose(certainty(of_odds(odds), None), np.abs(odds), atol=1e-9)
    assert np.isfinite(certainty([[0.0, 1.0], [1.0, 0.0]], 0.0)).all()


def test_of_several_classes_the_probability_of_the_called_one_orders() -> None:
    _, probs = several(0, 200, (0.3, 0.3, 0.4))
    assert (np.argsort(certainty(probs, None)) == np.argsort(probs.max(axis=1))).all()


def test_at_one_half_both_rules_agree() -> None:
    labels, probs = films(1, 200)
    np.testing.assert_allclose(certainty(probs, 0.5), certainty(probs, None))
    assert selective(labels, probs, 0.5, resamples=0) == selective(labels, probs, None, resamples=0)


def test_figures_come_with_intervals_over_patients() -> None:
    labels, probs = films(3, 300)
    names = [str(number // 3) for number in range(300)]
    found = selective(labels, probs, 0.4, names, resamples=300)
    wrong = (probs[:, 1] >= 0.4) != (labels == 1)
    assert found.accuracy[1.0].value == pytest.approx(1 - wrong.mean())
    surest = np.argsort(-certainty(probs, 0.4), kind="stable")
    assert found.accuracy[0.5].value == pytest.approx(1 - wrong[surest[:150]].mean())
    assert list(found.accuracy) == [1.0, 0.95, 0.9, 0.8, 0.5]
    for figure in (found.aurc, *found.accuracy.values()):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= (figure.value or 0) <= figure.high
    assert (found.accuracy[0.5].value or 0) > (found.accuracy[1.0].value or 0)


def test_no_mistake_among_the_answered_is_no_proof() -> None:
    labels, probs = [0, 1] * 20, [[0.9, 0.1], [0.1, 0.9]] * 20
    found = selective(labels, probs, 0.5)
    assert found.accuracy[0.5].low == pytest.approx(0.025 ** (1 / 20))  # twenty films answered: exact binomial
    assert found.accuracy[1.0].low == pytest.approx(0.025 ** (1 / 40))


def test_what_does_not_fit_is_refused() -> None:
    for share in (0.0, 1.1, math.nan):
        with pytest.raises(ValueError, match="share of films to answer"):
            selective_accuracy([True], [0.0], share)
    with pytest.raises(ValueError, match="vectors of one length"):
        aurc([True, False], [0.0])
    with pytest.raises(ValueError, match="NaN"):
        aurc([True], [math.nan])
    with pytest.raises(ValueError, match="threshold from 0 to 1 is for two classes"):
        certainty(np.full((2, 3), 1 / 3), 0.5)
    with pytest.raises(ValueError, match="threshold from 0 to 1"):
        certainty([[0.5, 0.5]], 1.5)
