"""How much each of several networks should say: shares of a mixture, fitted on validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-6  # of the mean log loss, in nats, that may be left to gain
_ROUNDS = 100_000


def fit_shares(probs: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The shares whose weighted mean of probabilities has the smallest mean log loss.

    Expectation-maximisation for the proportions of a mixture: a network's share becomes its mean responsibility for
    what the films show, which keeps the shares on the simplex and never raises the loss. The loss is convex: no
    shares can be better by more than the largest mean ratio of a network's likelihood to the mixture's, less 1, and
    where that is below `TOLERANCE` it ends.

    Source: Dempster, Laird & Rubin, "Maximum likelihood from incomplete data via the EM algorithm", Journal of the
    Royal Statistical Society B 39 (1977), section 4.3.

    Args:
        probs: (members, n, classes), each network's probabilities of the same films.
        labels: (n,) class indices.

    Returns:
        (members,) from 0 to 1, adding up to 1. Networks that say the same of every film share alike.

    Raises:
        ValueError: the shapes do not go together, or there is no film.
    """
    if probs.ndim != 3 or not labels.size or probs.shape[1] != len(labels):
        raise ValueError(f"probabilities of shape {probs.shape} for {len(labels)} films")
    likelihoods = probs[:, np.arange(len(labels)), labels]
    # A film that every network thinks impossible costs the same whatever the shares are. The others' likelihoods are
    # taken relative to the largest, which changes no share and lets none vanish.
    largest = likelihoods.max(axis=0)
    likelihoods = likelihoods[:, largest > 0] / largest[largest > 0]
    shares = np.full(len(probs), 1 / len(probs))
    for _ in range(_ROUNDS if likelihoods.size else 0):
        ratios = (likelihoods / (shares @ likelihoods)).mean(axis=1)
        if ratios.max() - 1 <= TOLERANCE:
            break
        shares = shares * ratios
        shares /= shares.sum()
    return np.asarray(shares)
