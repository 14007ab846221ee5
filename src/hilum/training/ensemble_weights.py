"""The weights of the networks of an ensemble, fitted on validation films."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-6  # of the mean log loss, in nats: how far from the optimum the fit may end
_ROUNDS = 100_000


def fit_ensemble_weights(probs: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Find the weights for which the weighted mean of probabilities has the smallest mean log loss.

    Expectation-maximisation for the proportions of a mixture: a network's weight becomes its mean responsibility for
    the films' labels, which keeps the weights on the simplex and never raises the loss. The loss is convex: no
    weights can be better by more than the largest mean ratio of a network's likelihood to the mixture's, less 1, and
    the iteration ends where that is below `TOLERANCE`.

    Source: Dempster, Laird & Rubin, "Maximum likelihood from incomplete data via the EM algorithm", Journal of the
    Royal Statistical Society B 39 (1977), section 4.3.

    >>> always_right, undecided = [[0.1, 0.9], [0.9, 0.1]], [[0.5, 0.5], [0.5, 0.5]]
    >>> fit_ensemble_weights(np.array([always_right, undecided]), np.array([1, 0])).round(3)
    array([1., 0.])

    Args:
        probs: (members, n, classes), each network's probabilities of the same films.
        labels: (n,) class indices.

    Returns:
        (members,) from 0 to 1, adding up to 1. Networks with the same probabilities get the same weight.

    Raises:
        ValueError: the shapes do not match, or there is no film.
    """
    if probs.ndim != 3 or not labels.size or probs.shape[1] != len(labels):
        raise ValueError(f"probabilities of shape {probs.shape} for {len(labels)} films")
    likelihoods = probs[:, np.arange(len(labels)), labels]
    # A film whose label every network gives a probability of 0 has the same loss whatever the weights. The other
    # likelihoods are divided by the largest of their film, which changes no weight and prevents underflow.
    largest = likelihoods.max(axis=0)
    likelihoods = likelihoods[:, largest > 0] / largest[largest > 0]
    weights = np.full(len(probs), 1 / len(probs))
    for _ in range(_ROUNDS if likelihoods.size else 0):
        ratios = (likelihoods / (weights @ likelihoods)).mean(axis=1)
        if ratios.max() - 1 <= TOLERANCE:
            break
        weights = weights * ratios
        weights /= weights.sum()
    return np.asarray(weights)
