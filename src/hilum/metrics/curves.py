"""The curves behind the figures: ROC, precision–recall, reliability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hilum.metrics.calibration import ECE_BINS, bin_of
from hilum.metrics.counts import Floats, checked, cumulated, ratio


class RocCurve(NamedTuple):
    """Points from (0, 0) to (1, 1), one a distinct score; the first threshold is infinite (nothing is called)."""

    false_positive_rate: Floats
    sensitivity: Floats
    thresholds: Floats


class PrCurve(NamedTuple):
    """Points from the highest score to the lowest, one a distinct score; recall rises."""

    precision: Floats
    recall: Floats
    thresholds: Floats


class Reliability(NamedTuple):
    """Films binned by their probability; mean and frequency are NaN in an empty bin.

    Attributes:
        edges: `(bins + 1,)`; a bin is open below and closed above.
        films: how many films are in each bin (their weights' sum), `(bins,)`.
        mean_prob: mean probability of the positive class, `(bins,)`.
        frequency: observed share of the positive class, `(bins,)`.
    """

    edges: Floats
    films: Floats
    mean_prob: Floats
    frequency: Floats


def roc_curve(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> RocCurve:
    """Sensitivity against 1 − specificity at every score, films of one score together.

    `weights` has the shape `(n,)` here. An axis whose class is missing is NaN.
    """
    curve = cumulated(labels, probs, weights)
    tp, fp = (np.concatenate(([0.0], counts)) for counts in (curve.tp, curve.fp))
    return RocCurve(ratio(fp, fp[-1]), ratio(tp, tp[-1]), np.concatenate(([np.inf], curve.thresholds)))


def pr_curve(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None) -> PrCurve:
    """Precision against recall at every score, films of one score together.

    `weights` has the shape `(n,)` here. No point (recall 0, precision 1) is made up; recall is NaN without a
    positive film.
    """
    curve = cumulated(labels, probs, weights)
    positives = curve.tp[-1:] if curve.tp.size else np.zeros(1)
    return PrCurve(ratio(curve.tp, curve.tp + curve.fp), ratio(curve.tp, positives), curve.thresholds)


def reliability(
    labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None, bins: int = ECE_BINS
) -> Reliability:
    """The bins of `ece`: how often films with a probability near p are positive. `weights` has the shape `(n,)`."""
    truth, scores, counts = checked(labels, probs, weights)
    places = bin_of(scores, bins)
    films, prob_sum, positives = (
        np.bincount(places, weights=values, minlength=bins).astype(np.float64)
        for values in (counts, counts * scores, counts * truth)
    )
    return Reliability(np.linspace(0, 1, bins + 1), films, ratio(prob_sum, films), ratio(positives, films))
