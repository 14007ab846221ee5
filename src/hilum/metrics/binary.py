"""All figures of a detector of two classes at once, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from hilum.metrics.bootstrap import clusters_of, intervals
from hilum.metrics.calibration import ece, ece_debiased
from hilum.metrics.counts import Bools, Floats, checked, confusion, cumulated, ratio
from hilum.metrics.scores import auroc_of, average_precision_of, brier, log_loss
from hilum.records import Figure

COMPARING = ("auroc", "average_precision", "precision", "f1")  # they weigh one class against the other


def binary_metrics(
    labels: ArrayLike,
    probs: ArrayLike,
    threshold: float,
    patients: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Figure]:
    """Thirteen figures with 95% intervals from a bootstrap over patients.

    Args:
        labels: `(n,)`, true for the positive class.
        probs: `(n,)`, probability of the positive class, from 0 to 1.
        threshold: the probability from which on a film is called positive.
        patients: `n` identifiers, `""` where unknown; None where all are.
        resamples: how many; 0 gives the figures without intervals.
        seed: where the draws start.

    Returns:
        auroc, accuracy, balanced_accuracy, sensitivity, specificity, precision, recall, f1, average_precision, brier,
        log_loss, ece and ece_debiased. What these films do not define is `Figure(None)`; with one class only that
        includes precision and f1, which would then say what the films are and not what the detector does.

    Raises:
        ValueError: shapes or probabilities that do not fit.

    >>> figures = binary_metrics([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.5, resamples=0)
    >>> figures["auroc"].value, figures["sensitivity"].value, figures["specificity"].value
    (0.75, 0.5, 1.0)
    """
    truth, scores, _ = checked(labels, probs, None)
    figures = intervals(
        lambda weights: figures_at(truth, scores, threshold, weights),
        clusters_of(truth, patients),
        resamples,
        seed,
        proportions_at(truth, scores, threshold),
    )
    if truth.all() or not truth.any():
        figures |= {name: Figure(None) for name in COMPARING}
    return figures


def figures_at(labels: Bools, probs: Floats, threshold: float, weights: Floats) -> dict[str, Floats]:
    """The thirteen figures without intervals, each of the shape `(...)` of `weights (..., n)`; NaN is undefined.

    The same as the functions of `scores`, counting the films once for all of them.
    """
    curve = cumulated(labels, probs, weights)
    tn, fp, fn, tp = confusion(labels, probs, threshold, weights)
    sensitivity, specificity = ratio(tp, tp + fn), ratio(tn, tn + fp)
    return {
        "auroc": auroc_of(curve),
        "accuracy": ratio(tn + tp, tn + fp + fn + tp),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": ratio(tp, tp + fp),
        "recall": sensitivity,
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "average_precision": average_precision_of(curve),
        "brier": brier(labels, probs, weights),
        "log_loss": log_loss(labels, probs, weights),
        "ece": ece(labels, probs, weights),
        "ece_debiased": ece_debiased(labels, probs, weights),
    }


def proportions_at(labels: Bools, probs: Floats, threshold: float) -> Mapping[str, Bools]:
    """Which films each of the shares among the figures is a share of, `(n,)` each."""
    return {
        "accuracy": np.ones_like(labels),
        "sensitivity": labels,
        "recall": labels,
        "specificity": ~labels,
        "precision": probs >= threshold,
    }
