"""The figures, as pure functions: `labels (n,)`, `probs (n,)`, `weights (..., n)` → an array of the shape `(...)`.

`labels` is true for the positive class and `probs` is its probability, from 0 to 1. A figure that is not defined (a
denominator that counts no film, one class only for what compares two) is NaN, never a 0.5 or a 1.0.
All raise ValueError for shapes that do not fit and for probabilities out of range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hilum.metrics.counts import Cumulated, Floats, checked, confusion, cumulated, ratio


def auroc(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Area under the ROC curve: the probability that a positive film scores above a negative one, ties counting half.

    It is NaN where a class is missing. Source: Hanley & McNeil, Radiology 143 (1982): 29–36. It is scikit-learn's
    `roc_auc_score`.

    >>> float(auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    return auroc_of(cumulated(labels, probs, weights))


def average_precision(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Σ (recallₖ − recallₖ₋₁) · precisionₖ over the falling scores, not interpolated.

    It is NaN where a class is missing; without a negative film it would be 1 for every detector. It is scikit-learn's
    `average_precision_score`.

    >>> round(float(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])), 4)
    0.8333
    """
    return average_precision_of(cumulated(labels, probs, weights))


def auroc_of(curve: Cumulated) -> Floats:
    """`auroc` of films that are counted already."""
    heights = curve.tp.copy()
    heights[..., 1:] += curve.tp[..., :-1]
    widths = np.diff(curve.fp, axis=-1, prepend=0)
    area = np.einsum("...k,...k->...", widths, heights) / 2
    positives, negatives = _totals(curve)
    return ratio(area, positives * negatives)


def average_precision_of(curve: Cumulated) -> Floats:
    """`average_precision` of films that are counted already."""
    # Scores above every film that this resample drew have counted nothing yet, and add no recall either.
    precisions = curve.tp / np.maximum(curve.tp + curve.fp, np.finfo(np.float64).tiny)
    steps = np.diff(curve.tp, axis=-1, prepend=0)
    positives, negatives = _totals(curve)
    area = np.einsum("...k,...k->...", steps, precisions)
    return np.where(negatives > 0, ratio(area, positives), np.nan)


def accuracy(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The share of films whose predicted class is their label; a film is called positive from `threshold` on.

    >>> float(accuracy([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.5))
    0.75
    """
    tn, fp, fn, tp = confusion(labels, probs, threshold, weights)
    return ratio(tn + tp, tn + fp + fn + tp)


def sensitivity(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The share of positive films that are called positive; NaN without a positive film.

    >>> float(sensitivity([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.5))
    0.5
    """
    _, _, fn, tp = confusion(labels, probs, threshold, weights)
    return ratio(tp, tp + fn)


recall = sensitivity  # one figure, two names: the clinic's and the search engine's


def specificity(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The share of negative films that are called negative; NaN without a negative film.

    >>> float(specificity([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.2))
    0.5
    """
    tn, fp, _, _ = confusion(labels, probs, threshold, weights)
    return ratio(tn, tn + fp)


def balanced_accuracy(
    labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> Floats:
    """The mean of sensitivity and specificity: each class counts as much as the other. NaN where one is missing."""
    tn, fp, fn, tp = confusion(labels, probs, threshold, weights)
    return (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / 2


def precision(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The share of films called positive that are; NaN where none is called positive.

    It depends on how common the positive class is among these films, and does not carry over to other places.

    >>> round(float(precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.3)), 4)
    0.6667
    """
    _, fp, _, tp = confusion(labels, probs, threshold, weights)
    return ratio(tp, tp + fp)


def f1(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The harmonic mean of precision and sensitivity, 2·tp / (2·tp + fp + fn).

    It is NaN where no film is positive and none is called positive.

    >>> float(f1([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.3))
    0.8
    """
    _, fp, fn, tp = confusion(labels, probs, threshold, weights)
    return ratio(2 * tp, 2 * tp + fp + fn)


def brier(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Mean squared error of the probability, 0 (best) to 1. Source: Brier, Monthly Weather Review 78 (1950): 1–3.

    It is scikit-learn's `brier_score_loss`.

    >>> round(float(brier([0, 1], [0.1, 0.7])), 4)
    0.05
    """
    truth, scores, counts = checked(labels, probs, weights)
    return ratio(counts @ np.square(scores - truth), counts.sum(axis=-1))


def log_loss(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Mean of −ln(probability of the true class): 0 is best, and always saying 0.5 gives ln 2 (Good, 1952).

    A probability of exactly 0 or 1 would make one error infinite: it counts as float64's machine epsilon (2.2e-16),
    or 1 minus that, as scikit-learn has it, so that no film adds more than 36.04.

    >>> round(float(log_loss([0, 1], [0.1, 0.7])), 4)
    0.231
    """
    truth, scores, counts = checked(labels, probs, weights)
    return ratio(counts @ surprise(np.where(truth, scores, 1 - scores)), counts.sum(axis=-1))


def surprise(probs: Floats) -> Floats:
    """−ln of the probability of the true class, clipped as `log_loss` says."""
    edge = np.finfo(np.float64).eps
    return -np.log(np.clip(probs, edge, 1 - edge))


def _totals(curve: Cumulated) -> tuple[Floats, Floats]:
    if not curve.thresholds.size:
        nothing = np.zeros(curve.tp.shape[:-1])
        return nothing, nothing
    return curve.tp[..., -1], curve.fp[..., -1]
