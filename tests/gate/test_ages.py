"""A known age stops an adult's film, and lets nothing pass."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hilum.gate import Gate, Reason, reason_with_age, stopping
from hilum.gate.descriptor import LENGTH
from hilum.gate.gate import Discriminant

ANYONE = Discriminant(b"\0" * (4 * LENGTH), 0.0, 1.0)  # tells nobody apart: what is stopped here, an age stops


@pytest.fixture(scope="module")
def of_children(fitted: Gate) -> Gate:
    return replace(fitted, adults=ANYONE)


@pytest.mark.parametrize(
    ("header", "table", "reason", "age"),
    [
        ("054Y", "", "is an adult's, says the header", "54 years"),
        ("", "54", "is an adult's, says its table", "54 years"),
        ("054Y", "4", "is an adult's, says the header", "54 years"),
        ("004Y", "54", "is an adult's, says its table", "54 years"),
        ("018Y", "", "is an adult's, says the header", "18 years"),
        ("216M", "", "is an adult's, says the header", "18 years"),
        ("017Y", "17", "", ""),
        ("020M", "3 weeks", "", ""),
        ("", "", "", ""),
        ("unknown", "adult", "", ""),
        ("414Y", "999", "", ""),
    ],
)
def test_an_adults_age_is_said_with_its_source(
    of_children: Gate, header: str, table: str, reason: str, age: str
) -> None:
    assert reason_with_age(of_children, Reason.PASSED, header, table) == (reason, age)


def test_years_above_89_are_not_named(of_children: Gate) -> None:
    """They may tell who it is (45 CFR 164.514(b)(2)(i)(C))."""
    assert reason_with_age(of_children, Reason.PASSED, "089Y")[1] == "89 years"
    assert reason_with_age(of_children, Reason.PASSED, "090Y")[1] == "more than 89 years"
    assert reason_with_age(of_children, Reason.PASSED, "103Y")[1] == "more than 89 years"


@pytest.mark.parametrize("reason", list(Reason))
def test_what_is_no_chest_film_or_lies_wrongly_is_said_first(of_children: Gate, reason: Reason) -> None:
    by_likeness = ("", "looks like an adult's chest", "looks like a chest film, but unlike those it learnt from",
                   "does not look like the films it learnt from")  # fmt: skip
    found, _ = reason_with_age(of_children, reason, "054Y")
    assert found == (Reason.ADULT_BY_HEADER if reason in by_likeness else reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_childs_age_lets_nothing_pass(of_children: Gate, reason: Reason) -> None:
    """A child's film that looks like an adult's is one of another hospital; whatever else was seen stays so."""
    expected = Reason.UNLIKE if reason == Reason.ADULT else reason
    for header, table in (("004Y", "4"), ("004Y", ""), ("", "4"), ("020M", "unknown")):
        assert reason_with_age(of_children, reason, header, table) == (expected, "")


@pytest.mark.parametrize("age", ["", "unknown", "414Y"])
def test_what_is_no_age_changes_nothing(of_children: Gate, age: str) -> None:
    assert reason_with_age(of_children, Reason.ADULT, age, age) == (Reason.ADULT, "")


def test_a_detector_that_was_not_made_for_children_takes_no_notice(fitted: Gate) -> None:
    assert fitted.adults is None
    assert reason_with_age(fitted, Reason.PASSED, "054Y", "54") == (Reason.PASSED, "")


def test_a_film_that_its_age_stops_counts_as_stopped() -> None:
    for reason in (Reason.ADULT_BY_HEADER, Reason.ADULT_BY_TABLE):
        assert stopping((str(reason), "a remark")) == (reason,)
