"""The figures, as pure functions: `labels (n,)`, `probs (n,)`, `weights (..., n)` → an array of the shape `(...)`.

`labels` is true for the positive class and `probs` is its probability, from 0 to 1. A figure that is not defined (a
denominator that counts no film, one class only for what compares two) is NaN, never a 0.5 or a 1.0.
All raise ValueError for shapes that do not fit and for probabilities out of range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hilum.metrics.counts import Cumulated, Floats, checked, confusion, cumulated, ratio

ECE_BINS = 15


def auroc(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Area under the ROC curve: the chance that a positive film is scored above a negative one, ties counting half.

    NaN where a class is missing. Source: Hanley & McNeil, Radiology 143 (1982): 29–36.
    """
    return auroc_of(cumulated(labels, probs, weights))


def average_precision(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Σ (recallₖ − recallₖ₋₁) · precisionₖ over the falling scores, not interpolated, as scikit-learn defines it.

    NaN where a class is missing; without a negative film it would be 1 whatever the detector says.
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
    """The share of films that are called what they are."""
    tn, fp, fn, tp = confusion(labels, probs, threshold, weights)
    return ratio(tn + tp, tn + fp + fn + tp)


def sensitivity(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The share of positive films that are called positive; NaN without a positive film."""
    _, _, fn, tp = confusion(labels, probs, threshold, weights)
    return ratio(tp, tp + fn)


recall = sensitivity  # one figure, two names: the clinic's and the search engine's


def specificity(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The share of negative films that are called negative; NaN without a negative film."""
    tn, fp, _, _ = confusion(labels, probs, threshold, weights)
    return ratio(tn, tn + fp)


def precision(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """The share of films called positive that are; NaN where none is called positive.

    It depends on how common the positive class is among these films, and carries over to no other place.
    """
    _, fp, _, tp = confusion(labels, probs, threshold, weights)
    return ratio(tp, tp + fp)


def f1(labels: ArrayLike, probs: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> Floats:
    """2·tp / (2·tp + fp + fn); NaN where no film is positive and none is called positive."""
    _, fp, fn, tp = confusion(labels, probs, threshold, weights)
    return ratio(2 * tp, 2 * tp + fp + fn)


def brier(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Mean squared distance of the probability from the truth, 0 (best) to 1. Source: Brier, 1950."""
    truth, scores, counts = checked(labels, probs, weights)
    return ratio(counts @ np.square(scores - truth), counts.sum(axis=-1))


def ece(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None, bins: int = ECE_BINS) -> Floats:
    """Expected calibration error, 0 (best) to 1: how far probabilities lie from frequencies, on average over films.

    Σ over bins of (share of films in the bin) · |mean probability − observed frequency| of the positive class, over
    equal-width bins that are closed above. Sources: the binary reliability diagram of Naeini, Cooper & Hauskrecht
    (AAAI 2015), with the weighting, the bins and their number of Guo et al. (ICML 2017, eq. 5). Guo et al. bin
    the confidence of whichever class is chosen; binning the positive class keeps errors on either side apart.
    """
    truth, scores, counts = checked(labels, probs, weights)
    # The share and the mean's denominator cancel: what remains is the sum of (probability - truth) in each bin.
    gaps = np.zeros((truth.size, bins))
    gaps[np.arange(truth.size), bin_of(scores, bins)] = scores - truth
    return ratio(np.abs(counts @ gaps).sum(axis=-1), counts.sum(axis=-1))


def bin_of(probs: Floats, bins: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The index of each probability's bin: ((b)/bins, (b+1)/bins], with 0 in the first."""
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    return np.searchsorted(inner, probs, side="left")


def _totals(curve: Cumulated) -> tuple[Floats, Floats]:
    if not curve.thresholds.size:
        nothing = np.zeros(curve.tp.shape[:-1])
        return nothing, nothing
    return curve.tp[..., -1], curve.fp[..., -1]
