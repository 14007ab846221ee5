"""Films as a network that is right about its own certainty would score them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.confidence.probabilities import softmax
from hilum.metrics.counts import Floats


def films(
    seed: int, n: int, prior: float = 0.5, apart: float = 2.5, validated: float | None = None
) -> tuple[NDArray[np.intp], Floats]:
    """Labels and probabilities of two classes whose evidence is normal, `apart` deviations from each other.

    Probabilities are calibrated where classes are as common as `validated` says (as `prior`, unless told otherwise).
    """
    draws = np.random.default_rng(seed)
    labels = (draws.random(n) < prior).astype(np.intp)
    evidence = draws.normal(apart * (labels - 0.5), 1)
    return labels, of_odds(apart * evidence + log_odds_of(prior if validated is None else validated))


def several(seed: int, n: int, prior: tuple[float, ...], apart: float = 2.5) -> tuple[NDArray[np.intp], Floats]:
    """Of as many classes as the prior has shares; calibrated where all classes are as common as each other."""
    draws = np.random.default_rng(seed)
    labels = draws.choice(len(prior), n, p=prior)
    evidence = draws.normal(apart * np.eye(len(prior))[labels], 1)
    return labels, softmax(apart * evidence)


def of_odds(odds: Floats) -> Floats:
    """Probabilities `(n, 2)` from log-odds of the second class."""
    return softmax(np.stack([np.zeros_like(odds), odds], axis=1))


def odds_of(probs: Floats) -> Floats:
    """And back."""
    return np.asarray(np.log(probs[:, 1]) - np.log(probs[:, 0]))


def log_odds_of(share: float) -> float:
    return float(np.log(share / (1 - share)))
