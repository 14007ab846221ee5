"""A reader accepts, modifies or rejects an answer, and can take it back; the record keeps both."""

from __future__ import annotations

import pytest

from hilum.errors import RequestError
from hilum.store import Store
from tests.store.conftest import MakePrediction


def test_a_verdict_stands_until_it_is_taken_back(store: Store, prediction: MakePrediction) -> None:
    stored = store.predictions.put(prediction())
    verdict = store.verdicts.add(stored.id, "ada", "modify", label="NORMAL", comment="a fold of skin", unaided=True)
    assert (verdict.decision, verdict.label, verdict.comment, verdict.unaided) == (
        "modify",
        "NORMAL",
        "a fold of skin",
        True,
    )
    assert store.verdicts.of([stored.id]) == {stored.id: (verdict,)}
    withdrawn = store.verdicts.withdraw(verdict.id, "ada")
    assert withdrawn.withdrawn is not None
    assert store.verdicts.withdraw(verdict.id, "ada") == withdrawn
    assert store.verdicts.of([stored.id]) == {}
    assert store.verdicts.of([stored.id], withdrawn=True) == {stored.id: (withdrawn,)}
    assert [entry.action for entry in store.audit.entries()] == ["predicted", "modify", "withdrew"]


def test_a_reader_has_one_verdict_that_stands_and_others_have_theirs(
    store: Store, prediction: MakePrediction
) -> None:
    stored = store.predictions.put(prediction())
    store.verdicts.add(stored.id, "ada", "accept")
    second = store.verdicts.add(stored.id, "ada", "reject")
    other = store.verdicts.add(stored.id, "bob", "accept")
    assert store.verdicts.of([stored.id]) == {stored.id: (second, other)}
    with pytest.raises(RequestError, match="no such verdict"):
        store.verdicts.withdraw(other.id, "ada")


@pytest.mark.parametrize(
    ("decision", "words", "line"),
    [
        ("agree", {}, "'agree' is none of accept, modify, reject"),
        ("modify", {}, "modify needs the class"),
        ("modify", {"label": "flu"}, "'flu' is none of the detector's classes: NORMAL, PNEUMONIA"),
        ("accept", {"comment": "x" * 4001}, "4,001 characters; it may have 4,000"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    store: Store, prediction: MakePrediction, decision: str, words: dict[str, str], line: str
) -> None:
    stored = store.predictions.put(prediction())
    with pytest.raises(RequestError, match=line):
        store.verdicts.add(stored.id, "ada", decision, **words)  # type: ignore[arg-type]
    assert store.verdicts.of([stored.id], withdrawn=True) == {}


def test_there_is_no_verdict_on_nothing(store: Store) -> None:
    with pytest.raises(RequestError, match="no such prediction"):
        store.verdicts.add("0" * 32, "ada", "accept")
