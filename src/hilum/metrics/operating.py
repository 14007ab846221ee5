"""Where to decide: from probabilities to a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hilum.errors import RequestError
from hilum.metrics.counts import checked, cumulated


def youden_threshold(labels: ArrayLike, probs: ArrayLike) -> float:
    """The threshold with the largest sensitivity + specificity − 1 (Youden, Cancer 3 (1950): 32–35).

    A threshold decides the same anywhere between two neighbouring scores, so the middle of that gap is given: it
    leaves the films on both sides the most room. Among gaps that are equally good the widest is taken, then
    the higher. The range ends at 0 and 1, which bound the gaps beyond the lowest and the highest score.

    Args:
        labels: `(n,)`, true for the positive class.
        probs: `(n,)`, probability of the positive class; `prob >= threshold` is called positive.

    Raises:
        RequestError: a class is missing, so there is nothing to weigh.
        ValueError: shapes or probabilities that do not fit.
    """
    truth, scores, _ = checked(labels, probs, None)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        raise RequestError("a threshold weighs one class against the other: give films of both classes")
    curve = cumulated(truth, scores)
    # Cut number k calls the k highest scores positive: cut 0 none of them, the last cut all.
    tp, fp = (np.concatenate(([0], counts)).astype(np.int64) for counts in (curve.tp, curve.fp))
    above = np.concatenate(([1.0], curve.thresholds))
    below = np.concatenate((curve.thresholds, [0.0]))
    youden = tp * negatives - fp * positives  # times positives · negatives: whole numbers, so that ties are exact
    if curve.thresholds[0] == 1:
        youden[0] = np.iinfo(np.int64).min  # no threshold lies above a score of 1
    best = np.flatnonzero(youden == youden.max())
    cut = best[np.argmax((above - below)[best])]
    middle = (above[cut] + below[cut]) / 2
    # Between two neighbouring floats there is no middle: the upper one decides the same.
    return float(middle if middle > below[cut] or cut == below.size - 1 else above[cut])
