"""Prediction sets under the worst of several conditions, against one fit for each condition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hilum.confidence import (
    Condition,
    conditions_under_shifts,
    fit_conformal,
    fit_worst_case,
    prediction_sets,
)
from hilum.metrics.counts import Bools


def condition(number: int, shift: float, seed: int, risk: float = 1.0) -> Condition:
    """Two classes whose scores lie `shift` away from those of the others."""
    draws = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    score = 1 / (1 + np.exp(-draws.normal(3 * (2 * labels - 1) + shift, 1.5)))
    return Condition(labels, np.stack([1 - score, score], axis=1), [f"p{each}" for each in range(number)], risk)


def covered(sets: Bools, labels: NDArray[np.intp], number: int) -> float:
    return float(sets[labels == number, number].mean())


@settings(max_examples=20, deadline=None)
@given(shifts=st.lists(st.floats(-3, 3), min_size=1, max_size=4), coverage=st.sampled_from([0.8, 0.9, 0.95]))
def test_the_promise_holds_on_the_films_of_every_condition(shifts: list[float], coverage: float) -> None:
    conditions = [condition(120, shift, seed) for seed, shift in enumerate(shifts)]
    fitted = fit_worst_case(conditions, coverage)
    for each in conditions:
        inside = prediction_sets(fitted, each.probs)
        assert min(covered(inside, each.labels, number) for number in (0, 1)) >= coverage


def test_the_thresholds_are_the_lowest_of_the_conditions_own() -> None:
    conditions = [condition(200, shift, seed) for seed, shift in enumerate((0.0, 1.0, -2.0))]
    alone = np.array([fit_conformal(each.labels, each.probs, each.patients).thresholds for each in conditions])
    fitted = fit_worst_case(conditions, chosen_on="these")
    assert fitted.thresholds == tuple(alone.min(axis=0))
    assert (fitted.films, fitted.patients, fitted.coverage, fitted.chosen_on) == (
        (100, 100),
        (100, 100),
        0.9,
        "these",
    )


def test_half_the_risk_is_a_fit_at_a_promise_that_is_higher() -> None:
    films = condition(400, 0, 1, risk=0.5)
    assert fit_worst_case([films]).thresholds == pytest.approx(
        fit_conformal(films.labels, films.probs, films.patients, 0.95).thresholds
    )


def test_a_condition_with_few_patients_of_a_class_says_nothing_about_it() -> None:
    films = condition(200, 0, 1)
    few = condition(10, 2, 2)  # five of each class: too few for 0.9
    assert fit_worst_case([films, few]).thresholds == fit_worst_case([films]).thresholds
    barely = condition(30, 0, 3, risk=0.5)  # fifteen of each: enough for 0.9, too few for 0.95
    assert fit_worst_case([barely]).thresholds == fit_worst_case([barely._replace(risk=1.0)]).thresholds


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="under one condition or more"):
        fit_worst_case([])
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        fit_worst_case([condition(40, 0, 1, risk=0.0)])


def test_the_conditions_are_the_films_as_they_are_each_battery_and_each_group() -> None:
    films, one, two, three = (condition(12, shift, seed) for seed, shift in enumerate((0.0, 1.0, -1.0, 2.0)))
    groups = np.array([0, 1, 1] * 4)
    batteries = [np.stack([one.probs, two.probs]), three.probs[None]]
    made = conditions_under_shifts(films.labels, films.probs, films.patients, batteries, groups)
    assert [each.risk for each in made] == [0.5, 0.5, 0.5, 1, 1]
    expected = [
        [(films, film) for film in range(12)],
        [(shift, film) for shift in (one, two) for film in range(12)],
        [(three, film) for film in range(12)],
        [(films, film) for film in range(12) if film % 3 == 0],
        [(films, film) for film in range(12) if film % 3 != 0],
    ]
    for each, rows in zip(made, expected, strict=True):
        assert each.labels.tolist() == [films.labels[film] for _, film in rows]
        assert list(each.patients) == [films.patients[film] for _, film in rows]
        np.testing.assert_array_equal(each.probs, [shift.probs[film] for shift, film in rows])
