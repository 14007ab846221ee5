"""What the report says of reliability: shift, promises kept and broken, predictive values."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from hilum.confidence import ScoreShift
from hilum.evaluation import (
    AtPrevalence,
    Evaluation,
    PredictionSetsResult,
    SelectiveResult,
    ShiftResult,
    evaluate_predictions,
)
from hilum.evaluation.reliability_report import reliability_section
from hilum.records import Figure

from .conftest import made_up


def with_parts(**parts: Any) -> Evaluation:
    return structs.replace(evaluate_predictions(made_up(0), resamples=0), **parts)


def said(**parts: Any) -> str:
    section = reliability_section(with_parts(**parts))
    return " ".join(section.sentences) if section else ""


def shift(looks_like: str) -> ShiftResult:
    moved = ScoreShift(distance=0.5, p=0.001, of_class=1, at=0.5, expected=0.7, found=0.2)
    prior = {"NORMAL": Figure(0.9), "PNEUMONIA": Figure(0.1)}
    validation = {"NORMAL": 0.3, "PNEUMONIA": 0.7}
    return ShiftResult(
        looks_like=looks_like, moved=moved, beyond_prior=moved, prior=prior, validation_prior=validation, n=90
    )


def sets(**per_class: Figure) -> PredictionSetsResult:
    some = Figure(0.1)
    return PredictionSetsResult(
        promised=0.9, coverage=some, per_class=per_class, size=some, empty=some, single=Figure(0.8), several=some
    )


def test_a_shift_is_named_for_what_it_looks_like() -> None:
    assert "do not differ from those of the validation films by more than chance" in said(shift=shift("no shift"))
    assert "20% of them lie above 0.5, where 70% were expected" in said(shift=shift("prior shift"))
    assert "PNEUMONIA 0.100" in said(shift=shift("prior shift"))
    assert "Do not rely on its probabilities" in said(shift=shift("other shift"))


def test_a_promise_that_is_broken_is_said_to_be() -> None:
    kept, broken = Figure(0.91, 0.85, 0.95), Figure(0.6, 0.5, 0.7)
    assert "Nothing in these films contradicts that" in said(prediction_sets=sets(A=kept))
    words = said(prediction_sets=sets(A=kept, B=broken))
    assert "They do not for B (0.600 (0.500–0.700))" in words


def test_predictive_values_name_the_prevalence() -> None:
    there = AtPrevalence(
        prevalence=0.02,
        positive_predictive_value=Figure(0.5, 0.4, 0.6),
        negative_predictive_value=Figure(0.999, 0.998, 1.0),
    )
    words = said(at_prevalence=there)
    assert "Where 2.0% of films are PNEUMONIA, 0.500 (0.400–0.600) of those called PNEUMONIA are" in words


def test_a_call_that_did_not_occur_is_said_to_be_unknown() -> None:
    there = AtPrevalence(
        prevalence=0.02,
        positive_predictive_value=Figure(None),
        negative_predictive_value=Figure(0.98, 0.97, 0.99),
    )
    words = said(at_prevalence=there)
    assert "are NORMAL and these films do not show how often a film called PNEUMONIA is so." in words


def test_the_most_certain_films_come_last() -> None:
    accuracy = {"1": Figure(0.9), "0.5": Figure(0.99), "0.9": Figure(0.95)}
    section = reliability_section(with_parts(selective=SelectiveResult(Figure(0.01), accuracy)))
    assert section is not None
    assert [line[0] for line in section.answered] == ["100% of films", "90% of films", "50% of films"]


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert reliability_section(with_parts()) is None
