"""What the report says of reliability: shift, promises kept and broken, what a call is worth."""

from __future__ import annotations

from typing import Any

from hilum.evaluation.reliability_report import context


def figure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def shift(looks_like: str) -> dict[str, Any]:
    moved = {"p": 0.001, "at": 0.5, "expected": 0.7, "found": 0.2}
    prior = {"NORMAL": figure(0.9), "PNEUMONIA": figure(0.1)}
    return {
        "classes": ["NORMAL", "PNEUMONIA"],
        "shift": {"looks_like": looks_like, "moved": moved, "prior": prior, "n": 90},
    }


def said(metrics: dict[str, Any]) -> str:
    told = context(metrics)
    return " ".join(told["sentences"]) if told else ""


def test_a_shift_is_named_for_what_it_looks_like() -> None:
    assert "do not differ from those of the validation films by more than chance" in said(shift("no shift"))
    assert "20% of them lie above 0.5, where 70% were expected" in said(shift("prior shift"))
    assert "PNEUMONIA 0.100" in said(shift("prior shift"))
    assert "not to be relied on here" in said(shift("other shift"))


def test_a_promise_that_is_broken_is_said_to_be() -> None:
    kept, broken = figure(0.91, 0.85, 0.95), figure(0.6, 0.5, 0.7)
    rest = {"promised": 0.9, "single": figure(0.8), "several": figure(0.1), "empty": figure(0.1)}
    assert "do not show that to be broken" in said({"prediction_sets": {**rest, "per_class": {"A": kept}}})
    words = said({"prediction_sets": {**rest, "per_class": {"A": kept, "B": broken}}})
    assert "does not keep that for B (0.600 (0.500–0.700))" in words


def test_predictive_values_name_the_prevalence() -> None:
    there = {
        "prevalence": 0.02,
        "positive_predictive_value": figure(0.5, 0.4, 0.6),
        "negative_predictive_value": figure(0.999, 0.998, 1.0),
    }
    words = said({"classes": ["NORMAL", "PNEUMONIA"], "at_prevalence": there})
    assert "Where 2.0% of films are PNEUMONIA, 0.500 (0.400–0.600) of those called PNEUMONIA are" in words


def test_a_call_that_did_not_occur_is_said_to_be_unknown() -> None:
    there = {
        "prevalence": 0.02,
        "positive_predictive_value": figure(None),
        "negative_predictive_value": figure(0.98, 0.97, 0.99),
    }
    words = said({"classes": ["NORMAL", "PNEUMONIA"], "at_prevalence": there})
    assert "are NORMAL and what a call of PNEUMONIA is worth cannot be told from these films." in words


def test_the_most_certain_films_come_last() -> None:
    told = context({"selective": {"accuracy": {"1": figure(0.9), "0.5": figure(0.99), "0.9": figure(0.95)}}})
    assert told is not None
    assert [line[0] for line in told["answered"]] == ["100% of films", "90% of films", "50% of films"]


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert context({}) is None
