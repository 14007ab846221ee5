"""Label errors: films whose label a classifier that was not trained on them disagrees with.

By confident learning: Northcutt, Jiang & Chuang, Confident learning: estimating uncertainty in dataset labels, J
Artif Intell Res 70 (2021): 1373–1411.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.auditing.finding import Finding
from hilum.auditing.out_of_fold import Floats, Folds, out_of_fold
from hilum.films.wording import count, listed

GOOD_ENOUGH = 0.9  # AUROC below which a disagreement says more of the classifier than of the label
_SIDE = 64
_COMPONENTS = 200


@dataclass(frozen=True, slots=True)
class Suspect:
    """A film that may have the wrong label.

    Attributes:
        film: its number.
        given: the label that it has.
        likely: the most probable other label.
        prob: the probability of the label that it has, out of fold.
    """

    film: int
    given: str
    likely: str
    prob: float


def suspects(labels: NDArray[np.intp], probs: Floats, classes: Sequence[str]) -> list[Suspect]:
    """The films off the diagonal of the confident joint, the least probable label first.

    A film counts as class j if its probability of j reaches the mean probability of j among the films that are
    labelled j (section 3.1); of several such classes, as the most probable. If that is not its label, it is a
    suspect. The mean is a strict threshold: of labels that were swapped on purpose about two in three are found.

    Args:
        labels: (films,) the number of each film's class; every class occurs.
        probs: (films, classes), by a classifier that was not trained on these films.
        classes: the names.

    Raises:
        ValueError: shapes that do not fit, probabilities that are NaN or infinite, or a class without films.
    """
    if probs.shape != (len(labels), len(classes)):
        raise ValueError(f"probabilities of shape {probs.shape} for {len(labels)} films of {len(classes)} classes")
    if not np.isfinite(probs).all():
        raise ValueError("probabilities that are NaN or infinite")
    missing = [name for number, name in enumerate(classes) if not (labels == number).any()]
    if missing:
        raise ValueError(f"no film is labelled {missing[0]}")
    usual = np.array([probs[labels == number, number].mean() for number in range(len(classes))])
    confident = np.where(probs >= usual, probs, -1.0)
    likely = confident.argmax(axis=1)
    doubted = np.flatnonzero((confident.max(axis=1) >= 0) & (likely != labels))
    own = probs[np.arange(len(labels)), labels]
    return [
        Suspect(int(film), classes[labels[film]], classes[likely[film]], round(float(own[film]), 4))
        for film in doubted[np.argsort(own[doubted], kind="stable")]
    ]


def cheap_probs(squares: NDArray[np.uint8], folds: Folds) -> Floats:
    """Out-of-fold probabilities of a logistic regression on the principal components of small standardised films.

    Args:
        squares: (films, side, side) uint8.
        folds: their labels and patients.

    Returns:
        (films, classes).
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    small = np.stack([cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for square in squares])
    flat = small.reshape(len(small), -1).astype(np.float32)
    flat = (flat - flat.mean(axis=1, keepdims=True)) / (flat.std(axis=1, keepdims=True) + 1)
    # The components see all films but no label, so no fold's labels leak into the others.
    components = PCA(min(_COMPONENTS, len(flat) // 3), svd_solver="randomized", random_state=0).fit_transform(flat)
    components /= components[:, 0].std()  # all by one factor: what varies most among films counts most

    def make() -> Any:
        return LogisticRegression(C=0.3, max_iter=1000)

    return out_of_fold(folds, components.astype(np.float64), make)[0]


def findings_of(found: Sequence[Suspect], paths: Sequence[str], whose: str) -> list[Finding]:
    """A line for all suspects; `paths` names the films, `whose` the classifier."""
    if not found:
        return []
    first = listed(
        f"{paths[suspect.film]} is {suspect.given}, more like {suspect.likely} ({suspect.prob:.3f})"
        for suspect in found
    )
    return [
        Finding(
            "label",
            "warning",
            f"{count(len(found), 'film')} may have the wrong label, according to {whose}: {first}; look at them in "
            "this order, and correct the labels that are wrong",
            tuple(paths[suspect.film] for suspect in found),
        )
    ]
