"""Confident learning, against its definition written out, and with labels that were exchanged on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from hilum.auditing.out_of_fold import cut
from hilum.auditing.suspects import cheap_probs, findings_of, suspects
from tests.auditing.conftest import films


def by_definition(labels: list[int], probs: np.ndarray, classes: int) -> set[tuple[int, int]]:
    """Northcutt et al. 2021, equation 1: a film lies in C(i, j) where its label is i and j is, of the classes whose
    mean self-confidence it reaches, the most probable."""
    usual = [
        sum(probs[film][j] for film in range(len(labels)) if labels[film] == j) / labels.count(j)
        for j in range(classes)
    ]
    off = set()
    for film, label in enumerate(labels):
        reached = [j for j in range(classes) if probs[film][j] >= usual[j]]
        if reached and (likely := max(reached, key=lambda j: probs[film][j])) != label:
            off.add((film, likely))
    return off


@given(data=st.data())
def test_suspects_are_those_off_the_confident_joint(data: st.DataObject) -> None:
    classes = data.draw(st.integers(2, 4))
    labels = [*range(classes), *data.draw(st.lists(st.integers(0, classes - 1), max_size=20))]
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    probs = rng.dirichlet(np.ones(classes), size=len(labels))
    found = suspects(np.array(labels), probs, [str(number) for number in range(classes)])
    assert {(each.film, int(each.likely)) for each in found} == by_definition(labels, probs, classes)
    assert [each.prob for each in found] == sorted(each.prob for each in found)
    assert all(each.prob == pytest.approx(probs[each.film, labels[each.film]], abs=1e-4) for each in found)


def test_a_worked_example() -> None:
    probs = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9], [0.85, 0.15]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    # Mean self-confidence: (0.9 + 0.7 + 0.2) / 3 = 0.6 and (0.7 + 0.9 + 0.15) / 3 = 0.583.
    found = suspects(labels, probs, ("N", "P"))
    assert [(each.film, each.given, each.likely, each.prob) for each in found] == [
        (5, "P", "N", 0.15), (2, "N", "P", 0.2),
    ]  # fmt: skip
    (finding,) = findings_of(found, list("abcdef"), "a test")
    assert finding.films == ("f", "c")
    assert "2 films may have the wrong label, according to a test: f is P, more like N (0.150)" in finding.sentence
    assert findings_of([], [], "a test") == []


def test_exchanged_labels_are_found() -> None:
    squares = films(120)
    squares[1::2, 50:110, 15:60] = np.maximum(squares[1::2, 50:110, 15:60], 190)  # a white lower lobe
    labels = [("NORMAL", "PNEUMONIA")[number % 2] for number in range(120)]
    clean = cut(labels, [""] * 120)
    assert roc_auc_score(clean.labels, cheap_probs(squares, clean)[:, 1]) > 0.95
    exchanged = {10, 31, 40, 51, 90, 111}
    for number in exchanged:
        labels[number] = "PNEUMONIA" if labels[number] == "NORMAL" else "NORMAL"
    folds = cut(labels, [""] * 120)
    found = suspects(folds.labels, cheap_probs(squares, folds), folds.classes)
    assert len(found) >= 3
    assert {each.film for each in found[:3]} <= exchanged


def test_probabilities_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        suspects(np.array([0, 1]), np.ones((2, 3)) / 3, ("A", "B"))
    with pytest.raises(ValueError, match="NaN or infinite"):
        suspects(np.array([0, 1]), np.array([[0.5, 0.5], [np.nan, 1]]), ("A", "B"))
    with pytest.raises(ValueError, match="no film is labelled B"):
        suspects(np.array([0, 0]), np.ones((2, 2)) / 2, ("A", "B"))
