"""AUROC without resampling: its variance from how each film fares against the other class.

The placement of a positive film is the share of negative films that are scored below it, ties counting half; that of
a negative film the share of positive films above it. Both have the AUROC as their mean, and their variances make up
the AUROC's (DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988): 837–845). They come from ranks, in n log n steps
(Sun & Xu, IEEE Signal Process. Lett. 21 (2014): 1389–1393). Films of one patient are added up before the variance is
taken, which lets patients have several films, also of both classes (Obuchowski, Biometrics 53 (1997): 567–578).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hilum.metrics.bootstrap import clusters_of
from hilum.metrics.counts import Floats, checked
from hilum.metrics.paired import ROUNDING, Z_95, PairedTest
from hilum.records import Figure


class Influences(NamedTuple):
    """An AUROC, and each patient's influence on it, `(patients,)` each.

    Attributes:
        auroc: of all films.
        positive: Σ over the patient's positive films of (placement − AUROC) / positive films.
        negative: the same of the negative films.
        corrections: n / (n − 1) for the patients with positive films, with negative ones, and for all, `(3,)`;
            infinite for a single one.
    """

    auroc: float
    positive: Floats
    negative: Floats
    corrections: Floats


def auroc_delong(labels: ArrayLike, probs: ArrayLike, patients: Sequence[str] | None = None) -> Figure:
    """AUROC with its 95% interval, which is symmetric on the logit scale and so stays between 0 and 1.

    Args:
        labels: `(n,)`, true for the positive class.
        probs: `(n,)`, probability of the positive class, from 0 to 1.
        patients: `n` identifiers, `""` where unknown; None where all are.

    Returns:
        `Figure(None)` where a class is missing. The AUROC without an interval where its variance cannot be known: all
        positive films are of one patient, or all negative ones; or every placement is the same, as with an AUROC of
        exactly 1 or 0 (no film shows an error) or where all films are scored alike.

    Raises:
        ValueError: shapes or probabilities that do not fit.

    >>> figure = auroc_delong([0, 0, 0, 1, 1, 1], [0.1, 0.4, 0.6, 0.35, 0.8, 0.9])
    >>> round(figure.value, 4), 0 < figure.low < figure.value < figure.high < 1
    (0.7778, True)
    """
    influences = _influences(labels, probs, patients)
    if influences is None:
        return Figure(None)
    area, error = influences.auroc, _standard_error(influences)
    if error is None:
        return Figure(area)
    middle, reach = log(area / (1 - area)), Z_95 * error / (area * (1 - area))
    return Figure(area, *(1 / (1 + exp(-end)) for end in (middle - reach, middle + reach)))


def delong_test(
    labels: ArrayLike, probs_a: ArrayLike, probs_b: ArrayLike, patients: Sequence[str] | None = None
) -> PairedTest:
    """Whether two detectors have the same AUROC on the same films.

    Args:
        labels: `(n,)`, true for the positive class.
        probs_a: `(n,)`, probability of the positive class by the first detector, from 0 to 1.
        probs_b: `(n,)`, by the second.
        patients: `n` identifiers, `""` where unknown; None where all are.

    Returns:
        AUROC of the first less AUROC of the second, with its 95% interval and the two-sided p-value, both from the
        normal distribution. Detectors that rank the films alike differ by 0 with p = 1, and no interval. Undefined
        where a class is missing; no interval and no p where the variance cannot be known, as in `auroc_delong`.

    Raises:
        ValueError: shapes or probabilities that do not fit.
    """
    a, b = _influences(labels, probs_a, patients), _influences(labels, probs_b, patients)
    if a is None or b is None:
        return PairedTest(Figure(None), None)
    apart = Influences(a.auroc - b.auroc, a.positive - b.positive, a.negative - b.negative, a.corrections)
    difference, error = apart.auroc, _standard_error(apart)
    if max(abs(difference), np.abs(apart.positive).max(), np.abs(apart.negative).max()) < ROUNDING:
        return PairedTest(Figure(0.0), 1.0)
    if error is None:
        return PairedTest(Figure(difference), None)
    low, high = max(-1.0, difference - Z_95 * error), min(1.0, difference + Z_95 * error)
    return PairedTest(Figure(difference, low, high), erfc(abs(difference) / error / sqrt(2)))


def _influences(labels: ArrayLike, probs: ArrayLike, patients: Sequence[str] | None) -> Influences | None:
    """None where a class is missing."""
    truth, scores, _ = checked(labels, probs, None)
    of_film = clusters_of(truth, patients).of_film
    if truth.all() or not truth.any():
        return None
    positives, negatives = scores[truth], scores[~truth]
    below = _placements(positives, negatives)
    above = 1 - _placements(negatives, positives)
    area = float(below.mean())
    there = [np.unique(of_film[part]).size for part in (truth, ~truth, slice(None))]
    return Influences(
        area,
        np.bincount(of_film[truth], (below - area) / below.size, there[2]).astype(np.float64),
        np.bincount(of_film[~truth], (above - area) / above.size, there[2]).astype(np.float64),
        np.array([count / (count - 1) if count > 1 else np.inf for count in there]),
    )


def _standard_error(influences: Influences) -> float | None:
    """Of the AUROC; None where it is infinite or nothing, and so not known."""
    if np.isinf(influences.corrections).any():
        return None
    products = [
        (influences.positive**2).sum(),
        (influences.negative**2).sum(),
        2 * (influences.positive @ influences.negative),
    ]
    error = sqrt(max(0.0, float(influences.corrections @ products)))
    return error if error > ROUNDING else None


def _placements(scores: Floats, others: Floats) -> Floats:
    """The share of the others that each score lies above, those of the same score counting half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return np.asarray(below / (2 * others.size))
