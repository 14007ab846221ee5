"""Operating points: thresholds chosen from probabilities, and predictive values at another prevalence.

A threshold decides the same anywhere between two neighbouring scores, so every rule here gives the middle of such a
gap: it leaves the films on both sides the most room. Among gaps that are equally good the widest is taken, then
the higher. The range ends at 0 and 1, which bound the gaps beyond the lowest and the highest score.
`prob >= threshold` is called positive.

All rules take `labels (n,)`, true for the positive class, and `probs (n,)`, the probability of it. They raise
RequestError where a class is missing, and ValueError for shapes, probabilities or settings that do not fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.errors import RequestError
from hilum.metrics.counts import Bools, Floats, checked, cumulated, ratio

_IMPOSSIBLE = np.iinfo(np.int64).min


class PredictiveValues(NamedTuple):
    """Predictive values: the share of films called positive (`ppv`) or negative (`npv`) that are so."""

    ppv: Floats
    npv: Floats


class _Cuts(NamedTuple):
    """Every way to divide the films by their scores; number k calls the k highest scores positive, `(k + 1,)` each.

    Attributes:
        tp: positive films that are called so.
        fp: negative films that are called positive.
        below: the next score below the cut, or 0.
        above: the next score above the cut, or 1.
        possible: whether a threshold makes it; none lies above a score of 1.
        positives: how many films are positive.
        negatives: how many films are not.
    """

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    below: Floats
    above: Floats
    possible: Bools
    positives: int
    negatives: int


def youden_threshold(labels: ArrayLike, probs: ArrayLike) -> float:
    """The threshold with the largest sensitivity + specificity − 1 (Youden, Cancer 3 (1950): 32–35).

    >>> round(youden_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]), 4)
    0.4
    """
    cuts = _cuts(labels, probs)
    # Times positives · negatives: whole numbers, so that ties are exact.
    return _threshold(cuts, cuts.tp * cuts.negatives - cuts.fp * cuts.positives)


def balanced_threshold(labels: ArrayLike, probs: ArrayLike) -> float:
    """The threshold at which the lower of sensitivity and specificity is highest, so that the two are close.

    Where they can be the same, this is the point of equal error rates; the minimax rule for two classes (Duda, Hart &
    Stork, Pattern Classification, 2001, section 2.3.1).

    >>> round(balanced_threshold([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.7, 0.4, 0.8, 0.9]), 4)
    0.55
    """
    cuts = _cuts(labels, probs)
    # Each times the other class's number: whole numbers, so that ties are exact.
    lower = np.minimum(cuts.tp * cuts.negatives, (cuts.negatives - cuts.fp) * cuts.positives)
    return _threshold(cuts, lower)


def sensitivity_threshold(labels: ArrayLike, probs: ArrayLike, at_least: float) -> float:
    """The threshold with the highest specificity among those with a sensitivity of `at_least`, from 0 to 1.

    Where several have it, the one of them with the highest sensitivity. There is always one: 0 finds every film.
    """
    cuts = _cuts(labels, probs)
    enough = cuts.tp / cuts.positives >= _share(at_least, "sensitivity")
    return _threshold(cuts, np.where(enough, cuts.tp - cuts.fp * (cuts.positives + 1), _IMPOSSIBLE))


def specificity_threshold(labels: ArrayLike, probs: ArrayLike, at_least: float) -> float:
    """The threshold with the highest sensitivity among those with a specificity of `at_least`, from 0 to 1.

    Where several have it, the one of them with the highest specificity.

    Raises:
        RequestError: no threshold reaches it, as too many negative films are given a probability of exactly 1.
    """
    cuts = _cuts(labels, probs)
    spared = (cuts.negatives - cuts.fp) / cuts.negatives
    enough = spared >= _share(at_least, "specificity")
    if not (enough & cuts.possible).any():
        raise RequestError(
            f"no threshold has a specificity of {at_least:g} on these films: {cuts.fp[1]} of the {cuts.negatives} "
            f"negative ones are given a probability of exactly 1; ask for {spared[1]:.3f} or less"
        )
    return _threshold(cuts, np.where(enough, cuts.tp * (cuts.negatives + 1) - cuts.fp, _IMPOSSIBLE))


def cost_threshold(
    labels: ArrayLike, probs: ArrayLike, miss: float, false_alarm: float, prevalence: float | None = None
) -> float:
    """The threshold at which misses and false alarms cost least (Zweig & Campbell, Clin. Chem. 39 (1993): 561–577).

    What a film costs on average is miss · prevalence · (1 − sensitivity) + false_alarm · (1 − prevalence) ·
    (1 − specificity): the ROC curve is left where its slope is false_alarm / miss · (1 − prevalence) / prevalence.

    Args:
        labels: as for every rule.
        probs: as for every rule.
        miss: what a positive film that is not found costs, above 0; only its ratio to `false_alarm` counts.
        false_alarm: what a negative film that is called positive costs, above 0, in the same coin.
        prevalence: the share of positive films where the detector is to work, between 0 and 1; None takes theirs.
    """
    cuts = _cuts(labels, probs)
    if not (0 < miss < np.inf and 0 < false_alarm < np.inf):
        raise ValueError(f"costs must be above 0 and finite: a miss {miss:g}, a false alarm {false_alarm:g}")
    if prevalence is None:
        prevalence = cuts.positives / (cuts.positives + cuts.negatives)
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence lies between 0 and 1, not at {prevalence:g}")
    found, called = miss * prevalence / cuts.positives, false_alarm * (1 - prevalence) / cuts.negatives
    saved = np.where(cuts.possible, found * cuts.tp - called * cuts.fp, -np.inf)
    # Two ways to the same cost must not differ by the last digit.
    rounding = 1e-12 * (miss * prevalence + false_alarm * (1 - prevalence))
    return _threshold(cuts, (saved >= saved.max() - rounding).astype(np.int64))


def predictive_values(sensitivity: ArrayLike, specificity: ArrayLike, prevalence: ArrayLike) -> PredictiveValues:
    """Predictive values at a prevalence, by Bayes' rule (Altman & Bland, BMJ 309 (1994): 102).

    Args:
        sensitivity: from 0 to 1, or NaN, of any shape; as are the others, which are broadcast.
        specificity: the same.
        prevalence: the share of positive films there.

    Returns:
        NaN where no film would be called so (PPV without a positive call, NPV without a negative one), and where
        what it needs is NaN.

    Raises:
        ValueError: a share that is not from 0 to 1.

    >>> values = predictive_values(0.9, 0.9, prevalence=0.1)
    >>> round(float(values.ppv), 4), round(float(values.npv), 4)
    (0.5, 0.9878)
    """
    found, spared, common = (np.asarray(share, dtype=np.float64) for share in (sensitivity, specificity, prevalence))
    for name, share in (("sensitivity", found), ("specificity", spared), ("prevalence", common)):
        if np.any((share < 0) | (share > 1)):
            raise ValueError(f"a {name} lies from 0 to 1, not at {share}")
    hits, alarms = found * common, (1 - spared) * (1 - common)
    misses, silent = (1 - found) * common, spared * (1 - common)
    return PredictiveValues(ratio(hits, hits + alarms), ratio(silent, silent + misses))


def _cuts(labels: ArrayLike, probs: ArrayLike) -> _Cuts:
    truth, scores, _ = checked(labels, probs, None)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        raise RequestError("a threshold weighs one class against the other: give films of both classes")
    curve = cumulated(truth, scores)
    tp, fp = (np.concatenate(([0], counts)).astype(np.int64) for counts in (curve.tp, curve.fp))
    above = np.concatenate(([1.0], curve.thresholds))
    below = np.concatenate((curve.thresholds, [0.0]))
    possible = np.ones(tp.size, dtype=bool)
    possible[0] = curve.thresholds[0] < 1
    return _Cuts(tp, fp, below, above, possible, positives, negatives)


def _threshold(cuts: _Cuts, merit: NDArray[np.int64]) -> float:
    """The middle of the widest gap among those of the highest merit."""
    merit = np.where(cuts.possible, merit, _IMPOSSIBLE)
    best = np.flatnonzero(merit == merit.max())
    cut = best[np.argmax((cuts.above - cuts.below)[best])]
    low, high = cuts.below[cut], cuts.above[cut]
    middle = (low + high) / 2
    # Between two neighbouring floats there is no middle: the upper one decides the same.
    return float(middle if middle > low or cut == cuts.tp.size - 1 else high)


def _share(value: float, name: str) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"a {name} lies from 0 to 1, not at {value:g}")
    return value
