"""What films bear out of a detector's certainty: prediction sets, films left unanswered, shift, predictive values."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from hilum.bundle import Spec
from hilum.confidence import evaluate_sets, fit_conformal, score_reference
from hilum.evaluation import at_prevalence, measure_reliability
from hilum.records import Film, Prediction, Predictions

from .conftest import CLASSES, THREE, THRESHOLD, made_up, made_up_spec, made_up_three, span, value_of


def arrays(predictions: Predictions) -> tuple[np.ndarray, np.ndarray, list[str]]:
    labels = np.array([predictions.classes.index(row.film.label) for row in predictions])
    return labels, np.array([row.probs for row in predictions]), [row.film.patient for row in predictions]


def validated_on(predictions: Predictions) -> Spec:
    """A bundle whose prediction sets and scores are of these films."""
    spec = made_up_spec(classes=predictions.classes)
    given = arrays(predictions)
    return msgspec.structs.replace(spec, conformal=fit_conformal(*given), scores=score_reference(*given))


def test_prediction_sets_are_evaluated_on_films_that_they_were_not_fitted_on() -> None:
    spec, films = validated_on(made_up(300)), made_up(200, seed=1)
    said = measure_reliability(spec, films, resamples=50).prediction_sets
    assert said is not None
    assert said.promised == 0.9
    assert spec.conformal is not None
    expected = evaluate_sets(spec.conformal, *arrays(films), resamples=50)
    assert said.coverage.value == expected.coverage.value
    assert list(said.per_class) == list(CLASSES)
    assert said.per_class["PNEUMONIA"].low == expected.per_class[1].low
    assert sum(map(value_of, (said.empty, said.single, said.several))) == pytest.approx(1)
    json.dumps(msgspec.to_builtins(said), allow_nan=False)


def test_answering_the_most_certain_films_alone_is_at_least_as_right() -> None:
    answered = measure_reliability(made_up_spec(), made_up(400), resamples=0).selective
    assert answered is not None
    accuracy = answered.accuracy
    values = [value_of(figure) for _, figure in sorted(accuracy.items(), key=lambda item: -float(item[0]))]
    labels, probs, _ = arrays(made_up(400))
    assert values[0] == pytest.approx(((probs[:, 1] >= THRESHOLD) == labels).mean())
    assert values[-1] > values[0]


def test_films_like_validations_show_no_shift_and_rarer_findings_show_a_prior_shift() -> None:
    spec = validated_on(made_up(600))
    alike = measure_reliability(spec, made_up(300, seed=5), resamples=0).shift
    assert alike is not None
    assert alike.looks_like == "no shift"
    other = made_up(900, seed=6)
    rare = [row for n, row in enumerate(other) if row.film.label == "NORMAL" or n % 25 == 0]
    unlabelled = tuple(replace(row, film=replace(row.film, label="")) for row in rare)
    shift = measure_reliability(spec, Predictions(CLASSES, THRESHOLD, unlabelled), resamples=0).shift
    assert shift is not None
    assert shift.looks_like == "prior shift"
    assert shift.n == len(rare)
    assert value_of(shift.prior["PNEUMONIA"]) < 0.35 < shift.validation_prior["PNEUMONIA"]


def test_what_an_old_bundle_or_few_films_cannot_say_is_null() -> None:
    said = measure_reliability(made_up_spec(), made_up(100), resamples=0)
    assert said.prediction_sets is None
    assert said.shift is None
    assert measure_reliability(validated_on(made_up(300)), made_up(10), resamples=0).shift is None
    nothing = measure_reliability(validated_on(made_up(300)), Predictions(CLASSES, THRESHOLD, ()), resamples=0)
    assert nothing == (None, None, None)


def test_of_several_classes_each_has_its_coverage() -> None:
    films = made_up_three(200, seed=2)
    said = measure_reliability(validated_on(made_up_three(300)), films, resamples=20).prediction_sets
    assert said is not None
    assert list(said.per_class) == list(THREE)


def test_a_call_is_worth_less_where_the_finding_is_rarer() -> None:
    films = made_up(300)
    labels, probs, _ = arrays(films)
    called = probs[:, 1] >= THRESHOLD
    sensitivity, specificity = called[labels == 1].mean(), (~called[labels == 0]).mean()
    said = at_prevalence(films, 0.1, resamples=50)
    expected = sensitivity * 0.1 / (sensitivity * 0.1 + (1 - specificity) * 0.9)
    assert said.positive_predictive_value.value == pytest.approx(expected)
    low, _, high = span(said.positive_predictive_value)
    assert low < expected < high
    rarer = at_prevalence(films, 0.01, resamples=0)
    assert value_of(rarer.positive_predictive_value) < expected
    assert value_of(rarer.negative_predictive_value) > value_of(said.negative_predictive_value)


def test_no_false_alarm_among_few_films_does_not_make_a_call_certain() -> None:
    """Five films of each class, one of them missed: nothing here says that the specificity is 1."""
    rows = [
        Prediction(Film(f"{label}{number}", label, patient=f"{label}{number}"), (1 - prob, prob))
        for label, probs in zip(CLASSES, ((0.1,) * 5, (0.9, 0.9, 0.9, 0.9, 0.1)), strict=True)
        for number, prob in enumerate(probs)
    ]
    said = at_prevalence(Predictions(CLASSES, 0.5, tuple(rows)), 0.05).positive_predictive_value
    assert said.value == said.high == 1
    lowest = 0.025 ** (1 / 5)  # of the specificity, by Clopper and Pearson; 0.4 is the sensitivity's own lower end
    assert said.low == pytest.approx(0.4 * 0.05 / (0.4 * 0.05 + (1 - lowest) * 0.95))


def test_what_a_call_is_worth_is_not_known_where_there_is_none() -> None:
    one_class = tuple(row for row in made_up(100) if row.film.label == CLASSES[0])
    said = at_prevalence(Predictions(CLASSES, THRESHOLD, one_class), 0.1, resamples=20)
    assert said.positive_predictive_value.value is said.negative_predictive_value.value is None
