"""What a detector says of a hospital's films, for comparing detectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.metrics.counts import Floats


@dataclass(frozen=True, slots=True)
class Answers:
    """What a detector says of films.

    Attributes:
        probs: (n, classes), calibrated.
        called: (n,) the number of the class that each film is called.
    """

    probs: Floats
    called: NDArray[np.intp]


def answers(probs: Floats, threshold: float | None) -> Answers:
    """What calibrated probabilities call each film: at a threshold of the last class, or the most probable one."""
    called = np.argmax(probs, axis=1) if threshold is None else (probs[:, 1] >= threshold).astype(np.intp)
    return Answers(probs, called)
