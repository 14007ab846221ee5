from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from hilum.errors import RequestError
from hilum.metrics import (
    balanced_threshold,
    cost_threshold,
    predictive_values,
    sensitivity,
    sensitivity_threshold,
    specificity,
    specificity_threshold,
    youden_threshold,
)
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


@settings(max_examples=40)
@given(case=films())
def test_no_threshold_has_a_higher_lower_one_of_sensitivity_and_specificity(
    case: tuple[Bools, Floats, Floats],
) -> None:
    labels, probs, _ = case

    def lower(threshold: float) -> float:
        return float(min(sensitivity(labels, probs, threshold), specificity(labels, probs, threshold)))

    assert lower(balanced_threshold(labels, probs)) == pytest.approx(
        max(lower(threshold) for threshold in every_threshold(probs)), abs=1e-12
    )


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


RULES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "youden": youden_threshold,
    "balanced": balanced_threshold,
    "sensitivity": lambda labels, probs: sensitivity_threshold(labels, probs, 0.9),
    "specificity": lambda labels, probs: specificity_threshold(labels, probs, 0.9),
    "cost": lambda labels, probs: cost_threshold(labels, probs, 3, 1),
}


def every_threshold(probs: Floats) -> list[float]:
    """One for each way to divide the films, of those that lie from 0 to 1."""
    scores = np.unique(probs)
    return [0.0, 1.0, *scores, *((scores[1:] + scores[:-1]) / 2)]


@settings(max_examples=60)
@given(case=films(), at_least=st.sampled_from([0.0, 0.5, 0.8, 0.9, 0.95, 1.0]))
def test_a_sensitivity_is_kept_at_the_least_cost_of_specificity(
    case: tuple[Bools, Floats, Floats], at_least: float
) -> None:
    labels, probs, _ = case
    chosen = sensitivity_threshold(labels, probs, at_least)
    allowed = [t for t in every_threshold(probs) if sensitivity(labels, probs, t) >= at_least]
    best = max((float(specificity(labels, probs, t)), float(sensitivity(labels, probs, t))) for t in allowed)
    assert (float(specificity(labels, probs, chosen)), float(sensitivity(labels, probs, chosen))) == best


@settings(max_examples=60)
@given(case=films(), at_least=st.sampled_from([0.0, 0.5, 0.8, 0.9, 0.95, 1.0]))
def test_a_specificity_is_kept_at_the_least_cost_of_sensitivity(
    case: tuple[Bools, Floats, Floats], at_least: float
) -> None:
    labels, probs, _ = case
    allowed = [t for t in every_threshold(probs) if specificity(labels, probs, t) >= at_least]
    if not allowed:
        with pytest.raises(RequestError, match="probability of exactly 1"):
            specificity_threshold(labels, probs, at_least)
        return
    chosen = specificity_threshold(labels, probs, at_least)
    best = max((float(sensitivity(labels, probs, t)), float(specificity(labels, probs, t))) for t in allowed)
    assert (float(sensitivity(labels, probs, chosen)), float(specificity(labels, probs, chosen))) == best


@settings(max_examples=60)
@given(
    case=films(),
    miss=st.sampled_from([0.1, 1, 3, 20]),
    false_alarm=st.sampled_from([0.3, 1]),
    prevalence=st.sampled_from([None, 0.01, 0.3, 0.9]),
)
def test_no_threshold_costs_less(
    case: tuple[Bools, Floats, Floats], miss: float, false_alarm: float, prevalence: float | None
) -> None:
    labels, probs, _ = case
    common = labels.mean() if prevalence is None else prevalence

    def cost(threshold: float) -> float:
        missed, alarmed = 1 - sensitivity(labels, probs, threshold), 1 - specificity(labels, probs, threshold)
        return float(miss * common * missed + false_alarm * (1 - common) * alarmed)

    chosen = cost_threshold(labels, probs, miss, false_alarm, prevalence)
    assert cost(chosen) == pytest.approx(min(cost(t) for t in every_threshold(probs)), abs=1e-12)


def test_equal_costs_where_the_classes_are_equally_frequent_are_youdens_rule() -> None:
    draws = np.random.default_rng(0)
    for _ in range(20):
        labels, probs = draws.random(40) < 0.3, draws.integers(0, 20, 40) / 20
        labels[:2] = [True, False]
        assert cost_threshold(labels, probs, 1, 1, 0.5) == youden_threshold(labels, probs)


def test_what_is_asked_for_moves_the_threshold() -> None:
    labels = [False, False, True, False, True, True]
    probs = [0.1, 0.3, 0.4, 0.6, 0.7, 0.9]
    assert sensitivity_threshold(labels, probs, 1.0) == pytest.approx(0.35)
    assert sensitivity_threshold(labels, probs, 0.6) == pytest.approx(0.65)
    assert sensitivity_threshold(labels, probs, 0.1) == pytest.approx(0.65)  # more are found at no cost
    assert specificity_threshold(labels, probs, 1.0) == pytest.approx(0.65)
    assert specificity_threshold(labels, probs, 0.6) == pytest.approx(0.35)
    assert specificity_threshold(labels, probs, 0.0) == pytest.approx(0.35)
    assert cost_threshold(labels, probs, 10, 1) == pytest.approx(0.35)
    assert cost_threshold(labels, probs, 1, 10) == pytest.approx(0.65)
    assert cost_threshold(labels, probs, 10, 1, prevalence=0.01) == pytest.approx(0.65)


def test_of_thresholds_that_cost_the_same_the_widest_gap_is_taken() -> None:
    labels = [False, True, False, True]
    assert cost_threshold(labels, [0.1, 0.2, 0.7, 0.9], 0.1, 0.1) == pytest.approx(0.8)
    assert cost_threshold(labels, [0.1, 0.5, 0.7, 0.8], 0.1, 0.1) == pytest.approx(0.3)


def test_a_negative_film_that_is_certain_to_be_positive_bounds_the_specificity() -> None:
    labels, probs = [True, True, False, False], [0.5, 1.0, 1.0, 0.2]
    assert specificity_threshold(labels, probs, 0.5) == pytest.approx(0.35)
    with pytest.raises(RequestError, match=r"1 of the 2 negative ones .* ask for 0\.500 or less"):
        specificity_threshold(labels, probs, 0.51)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_every_rule_asks_for_both_classes(rule: str, labels: list[bool]) -> None:
    with pytest.raises(RequestError, match="both classes"):
        RULES[rule](labels, [0.2, 0.4])


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_cuts_in_the_middle_of_a_gap(rule: str) -> None:
    assert RULES[rule]([False, False, True, True], [0.1, 0.2, 0.8, 0.9]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rule", "setting", "complaint"),
    [
        (sensitivity_threshold, (1.1,), "sensitivity lies from 0 to 1"),
        (specificity_threshold, (float("nan"),), "specificity lies from 0 to 1"),
        (cost_threshold, (0, 1), "above 0"),
        (cost_threshold, (1, float("inf")), "above 0 and finite"),
        (cost_threshold, (1, 1, 1.0), "prevalence lies between 0 and 1"),
    ],
)
def test_settingthat_mean_nothing_are_refused(
    rule: Callable[..., float], setting: tuple[float, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        rule([False, True], [0.2, 0.4], *setting)


@settings(max_examples=40)
@given(tp=st.integers(0, 50), fn=st.integers(0, 50), tn=st.integers(0, 50), fp=st.integers(0, 50))
def test_predictive_values_at_the_films_prevalence_are_the_films(tp: int, fn: int, tn: int, fp: int) -> None:
    if not (tp + fn and tn + fp):
        return
    ppv, npv = predictive_values(tp / (tp + fn), tn / (tn + fp), (tp + fn) / (tp + fn + tn + fp))
    assert float(ppv) == pytest.approx(tp / (tp + fp) if tp + fp else np.nan, nan_ok=True)
    assert float(npv) == pytest.approx(tn / (tn + fn) if tn + fn else np.nan, nan_ok=True)


def test_a_good_test_of_a_rare_disease_is_mostly_wrong() -> None:
    ppv, npv = predictive_values(0.99, 0.99, [0.01, 0.5])
    assert ppv.tolist() == pytest.approx([0.5, 0.99])
    assert npv.tolist() == pytest.approx([0.9801 / 0.9802, 0.99])


def test_predictive_values_without_a_call_are_undefined() -> None:
    assert np.isnan(predictive_values(0.0, 1.0, 0.3).ppv)
    assert np.isnan(predictive_values(1.0, 0.0, 0.3).npv)
    assert float(predictive_values(0.8, 0.9, 0.0).ppv) == 0
    assert np.isnan(predictive_values(np.nan, 0.9, 0.3)).all()
    with pytest.raises(ValueError, match="prevalence lies from 0 to 1"):
        predictive_values(0.8, 0.9, 30)
