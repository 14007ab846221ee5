"""Rows of probabilities: checked, and as logarithms that stay finite."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.metrics.counts import Floats
from hilum.metrics.multiclass import checked_multiclass

T = TypeVar("T", bound=np.floating)

# 1 − LEAST is the last float64 below 1: a probability closer to 1 than that cannot be told from it. A probability
# of 0, as a table rounds it, is then a certainty of 37 in log-odds and not an infinite one.
LEAST = 2.0**-53


def checked_probs(probs: ArrayLike) -> Floats:
    """Probabilities of the classes as an array of the shape `(n, classes)`, float64.

    Raises:
        ValueError: another shape, a number out of 0 to 1 (logits, NaN), a row that does not add up to 1.
    """
    rows = np.asarray(probs, dtype=np.float64)
    return checked_multiclass(np.zeros(len(rows) if rows.ndim else 0, dtype=np.intp), rows).probs


def log_probs(probs: Floats) -> Floats:
    """Natural logarithms of probabilities, those below 1.1e-16 taken for that."""
    return np.log(np.maximum(probs, LEAST))


def log_softmax(logits: NDArray[T]) -> NDArray[T]:
    """Logarithms of probabilities from logits, `(..., classes)`, without overflow."""
    relative = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(relative - np.log(np.exp(relative).sum(axis=-1, keepdims=True)))


def softmax(logits: Floats) -> Floats:
    """Probabilities `(n, classes)` from logits: each row adds up to 1, and neither end is lost to rounding."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
