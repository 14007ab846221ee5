from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from hilum.metrics.counts import confusion, cumulated, ratio

FILMS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 0.5000001, 0.9, 1.0])), min_size=1, max_size=30
)


@settings(max_examples=40)
@given(FILMS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_confusion_agrees_with_scikit_learn(films: list[tuple[bool, float]], threshold: float) -> None:
    labels, probs = (np.array(column) for column in zip(*films, strict=True))
    ours = confusion(labels, probs, threshold)
    theirs = confusion_matrix(labels, probs >= threshold, labels=[False, True]).ravel()
    assert [int(cell) for cell in ours] == list(theirs)


@settings(max_examples=40)
@given(FILMS)
def test_cumulated_agrees_with_counting_one_threshold_at_a_time(films: list[tuple[bool, float]]) -> None:
    labels, probs = (np.array(column) for column in zip(*films, strict=True))
    curve = cumulated(labels, probs)
    assert list(curve.thresholds) == sorted(set(probs), reverse=True)
    for threshold, tp, fp in zip(*curve, strict=True):
        assert tp == sum(label and prob >= threshold for label, prob in films)
        assert fp == sum(not label and prob >= threshold for label, prob in films)


def test_weights_count_films_as_often_as_they_say() -> None:
    labels, probs = [True, True, False], [0.9, 0.2, 0.6]
    tn, fp, fn, tp = confusion(labels, probs, 0.5, [[1, 1, 1], [2, 0, 3]])
    assert tn.tolist() == [0, 0]
    assert fp.tolist() == [1, 3]
    assert fn.tolist() == [1, 0]
    assert tp.tolist() == [1, 2]


def test_a_share_of_nothing_is_undefined() -> None:
    result = ratio(np.array([0.0, 1.0]), np.array([0.0, 4.0]))
    assert np.isnan(result[0])
    assert result[1] == 0.25


@pytest.mark.parametrize(
    ("labels", "probs", "weights", "complaint"),
    [
        ([True], [0.1, 0.2], None, "one length"),
        ([True, False], [0.1, 2.5], None, "logits"),
        ([True, False], [0.1, float("nan")], None, "NaN"),
        ([True, False], [0.1, 0.2], [1.0], "number of films"),
        ([True, False], [0.1, 0.2], [1.0, -1.0], "negative"),
    ],
)
def test_what_does_not_fit_is_refused(
    labels: list[bool], probs: list[float], weights: list[float] | None, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        confusion(labels, probs, 0.5, weights)
