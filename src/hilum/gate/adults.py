"""What adults' films look like, for a detector that learnt from children's and is to say so of an adult's.

`adults.json` comes with Hilum. It holds no film: it is the mean, and the variances along 50 axes, of the descriptors
of adults' films, and a discriminant that tells children's films from them. `python -m benchmarks.adults` makes it.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum.gate.descriptor import LENGTH, Descriptors
from hilum.gate.distribution import rank
from hilum.gate.gate import DescriptorDistribution, Discriminant

SHIPPED = Path(__file__).parent / "adults.json"

_SHRINKAGE = 0.3  # of the covariances towards their diagonals
_CHILDREN = (
    0.9  # of a detector's training films: at least so many look like children's, or its adults are not stopped
)
_APART = 0.99  # AUROC with which held-out training films and adults' are told apart, at least


class Adults(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of adults' films.

    Attributes:
        films: how many they are.
        sources: where they are from, and whose the children's films are.
        distribution: of the descriptors of whole films, as they are and in drawn views.
        children: tells children's films from them: a film scores at most 1 if it looks like a child's.
    """

    films: int
    sources: tuple[str, ...]
    distribution: DescriptorDistribution
    children: Discriminant | None = None


@cache
def shipped_adults() -> Adults:
    """What comes with Hilum.

    >>> len(shipped_adults().sources)
    3
    """
    return msgspec.json.decode(SHIPPED.read_bytes(), type=Adults)


def fit_discriminant(
    described: Descriptors, folds: NDArray[np.int64], adults: Adults, let_through: float
) -> Discriminant | None:
    """Fit the discriminant of a detector's training films and adults' (Fisher, Annals of Eugenics 7 (1936): 179–188).

    The covariances of both are averaged, and shrunk towards the diagonal. The limit is chosen by cross-fitting.

    Args:
        described: (films, 1 + views, 512), the films as they are first.
        folds: (films,), which are held out together.
        adults: what is known of adults' films.
        let_through: the share of held-out films that stays within the limit.

    Returns:
        None where these are no children's films, or not clearly told from adults'.
    """
    films = described[:, 0]
    if adults.children is not None and np.mean(adults.children.scores(films) <= 1) < _CHILDREN:
        return None
    mean, covariance = adults.distribution.moments()
    held_out = np.zeros(len(films))
    for fold in np.unique(folds):
        out = folds == fold
        weights, centre = _direction(described[~out], mean, covariance)
        held_out[out] = films[out].astype(np.float64) @ weights - centre
    weights, centre = _direction(described, mean, covariance)
    theirs, spread = mean @ weights - centre, math.sqrt(weights @ covariance @ weights)
    # The area under the curve of these films and a normal distribution of adults' scores.
    apart = np.mean([0.5 * math.erfc((own - theirs) / (spread * math.sqrt(2))) for own in held_out])
    limit = rank(held_out, let_through)
    if apart < _APART or not 0 < limit < theirs:
        return None
    return Discriminant(weights.astype("<f4").tobytes(), float(centre), float(centre + limit))


def _direction(
    described: Descriptors, mean: NDArray[np.float64], covariance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The weights of the discriminant, and the mean score of these films."""
    flat = described.reshape(-1, LENGTH).astype(np.float64)
    pooled = (np.cov(flat.T, bias=True) + covariance) / 2
    pooled = (1 - _SHRINKAGE) * pooled + _SHRINKAGE * np.diag(np.diag(pooled))
    weights = np.linalg.solve(pooled, mean - flat.mean(axis=0))
    return weights, float(flat.mean(axis=0) @ weights)
