"""Counting films, which every metric begins with.

Throughout this package `weights` has the shape `(..., n)` and says how often each of the `n` films counts. Without
it each counts once; give a `(resamples, n)` matrix and every figure comes back with the shape `(resamples,)`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class ConfusionCounts(NamedTuple):
    """True negatives, false positives, false negatives and true positives, each of the shape `(...)`."""

    tn: Floats
    fp: Floats
    fn: Floats
    tp: Floats


class Cumulated(NamedTuple):
    """What is found positive when the threshold falls to each score that occurs.

    Attributes:
        thresholds: the distinct scores, falling, shape `(k,)`.
        tp: positive films scored at least so high, `(..., k)`.
        fp: negative films scored at least so high, `(..., k)`.
    """

    thresholds: Floats
    tp: Floats
    fp: Floats


def checked(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None) -> tuple[Bools, Floats, Floats]:
    """The three arguments of every figure as arrays: `(n,)` bool, `(n,)` float64, `(..., n)` float64.

    Raises:
        ValueError: shapes that do not fit, a probability that is not from 0 to 1 (logits, NaN), a negative weight.
    """
    truth = np.asarray(labels, dtype=bool)
    scores = np.asarray(probs, dtype=np.float64)
    if truth.ndim != 1 or scores.shape != truth.shape:
        raise ValueError(f"labels {truth.shape} and probs {scores.shape} must be vectors of one length")
    if not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("probs must lie from 0 to 1: these are logits, or contain NaN")
    counts = np.ones(truth.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if counts.ndim == 0 or counts.shape[-1] != truth.size:
        raise ValueError(f"weights {counts.shape} must end in the number of films, {truth.size}")
    if counts.size and counts.min() < 0:
        raise ValueError("weights say how often a film counts and cannot be negative")
    return truth, scores, counts


def ratio(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, and NaN where the whole is 0.

    >>> ratio([1.0, 1.0], [2.0, 0.0]).tolist()
    [0.5, nan]
    """
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    result = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def weighted_mean(values: Floats | Bools, weights: Floats) -> Floats:
    """The mean of values of films `(n,)` by weights `(..., n)`, and NaN where the weights are all 0.

    >>> weighted_mean(np.array([1.0, 4.0]), np.array([[1.0, 1.0], [0.0, 2.0]])).tolist()
    [2.5, 4.0]
    """
    return ratio(weights @ values, weights.sum(axis=-1))


def confusion(
    labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> ConfusionCounts:
    """How many films fall in each cell of the confusion matrix; `probs >= threshold` is called positive.

    >>> tuple(map(int, confusion([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.5)))
    (2, 0, 1, 1)
    """
    truth, scores, counts = checked(labels, probs, weights)
    called = scores >= threshold
    cells = (~truth & ~called, ~truth & called, truth & ~called, truth & called)
    return ConfusionCounts(*(np.asarray(counts @ cell.astype(np.float64)) for cell in cells))


def cumulated(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Cumulated:
    """Positive and negative films counted from the highest score down, films of one score together."""
    truth, scores, counts = checked(labels, probs, weights)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last_of_score = last_of_each(ordered)
    falling = counts[..., order]
    reached = np.cumsum(falling, axis=-1)[..., last_of_score]
    tp = np.cumsum(falling * truth[order], axis=-1)[..., last_of_score]
    return Cumulated(ordered[last_of_score], tp, reached - tp)


def last_of_each(ordered: Floats) -> NDArray[np.intp]:
    """Where each distinct value of a sorted vector occurs last, `(k,)`."""
    ends = np.append(np.diff(ordered) != 0, True) if ordered.size else np.zeros(0, dtype=bool)
    return np.flatnonzero(ends)
