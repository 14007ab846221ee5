"""How faithful a heat map is to the network: deletion, insertion, and the share of it inside a mask.

Source of the curves: Petsiuk, Das & Saenko, "RISE", BMVC 2018, section 4.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# Probabilities (n, classes) of films (n, size, size) uint8, as `hilum.inference.Detector.probs` gives them.
PredictProbs = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

CELLS = 32  # a film is changed in 32 × 32 cells
STEPS = 32  # points of a curve after the first
ORDERS = 3  # random orders whose mean is chance
_BLACK = 5  # of 255: what no X-ray reached, excluded from a film's mean


@dataclass(frozen=True, slots=True)
class FaithfulnessCurve:
    """A class's probability while a film is removed or restored in the order of a heat map.

    Attributes:
        probs: the probability at 0, 1/32, … 1 of the film's cells.
        area: the area under them by the trapezoidal rule, from 0 to 1.
        chance: the mean area of random orders of the cells.
    """

    probs: tuple[float, ...]
    area: float
    chance: float


def deletion(
    predict_probs: PredictProbs, film: NDArray[np.uint8], heat: NDArray[np.float32], target: int, seed: int = 0
) -> FaithfulnessCurve:
    """Set the film's cells to its mean grey, beginning with those that speak most for the class.

    With a good map the probability falls at once: the area is small, below chance.

    Args:
        predict_probs: gives the detector's probabilities.
        film: (size, size) uint8, preprocessed.
        heat: (size, size), as `attribute` gives it.
        target: the index of the class among the detector's classes.
        seed: of the random orders.
    """
    exposed = film[film > _BLACK]
    grey = np.full_like(film, round(float(exposed.mean())) if len(exposed) else 0)
    return _curve(predict_probs, film, grey, heat, target, seed)


def insertion(
    predict_probs: PredictProbs, film: NDArray[np.uint8], heat: NDArray[np.float32], target: int, seed: int = 0
) -> FaithfulnessCurve:
    """Restore a blurred film cell by cell, beginning with those that speak most for the class.

    With a good map the probability rises at once: the area is large, above chance. As in the paper the start is a
    blurred film (Gaussian, sigma an eighth of the side), so that restored cells have no sharp edges of their own. If
    the network finds the class in the blurred film already, the area tells little.

    Args:
        predict_probs: gives the detector's probabilities.
        film: (size, size) uint8, preprocessed.
        heat: (size, size), as `attribute` gives it.
        target: the index of the class among the detector's classes.
        seed: of the random orders.
    """
    blurred = np.asarray(cv2.GaussianBlur(film, (0, 0), film.shape[0] / 8), dtype=np.uint8)
    return _curve(predict_probs, blurred, film, heat, target, seed)


def share_inside(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float | None:
    """The share of what speaks for the class that lies inside a mask, from 0 to 1; None if nothing speaks for it.

    By chance it would be the share of the film that the mask takes, `mask.mean()`.

    >>> share_inside(np.array([[3.0, 1.0], [-5.0, 0.0]], np.float32), np.array([[True, False], [True, True]]))
    0.75
    """
    speaks_for = np.maximum(heat, 0, dtype=np.float64)
    whole = float(speaks_for.sum())
    return float(speaks_for[mask].sum()) / whole if whole > 0 else None


def _curve(
    predict_probs: PredictProbs,
    first: NDArray[np.uint8],
    last: NDArray[np.uint8],
    heat: NDArray[np.float32],
    target: int,
    seed: int,
) -> FaithfulnessCurve:
    """Change one film into another in the order of a map, and in random orders."""
    if first.ndim != 2 or heat.shape != first.shape:
        raise ValueError(f"a film and its map must have one shape (size, size), not {first.shape} and {heat.shape}")
    cells = min(CELLS, *first.shape)
    rows, columns = (np.arange(side) * cells // side for side in first.shape)
    cell_of = rows[:, None] * cells + columns[None, :]
    means = np.bincount(cell_of.ravel(), heat.ravel().astype(np.float64)) / np.bincount(cell_of.ravel())
    draw = np.random.default_rng(seed)
    orders = [np.argsort(-means, kind="stable"), *(draw.permutation(cells**2) for _ in range(ORDERS))]
    lines = [_probs(predict_probs, first, last, cell_of, order, target) for order in orders]
    areas = [float((line[1:] + line[:-1]).mean() / 2) for line in lines]
    return FaithfulnessCurve(tuple(float(prob) for prob in lines[0]), areas[0], float(np.mean(areas[1:])))


def _probs(
    predict_probs: PredictProbs,
    first: NDArray[np.uint8],
    last: NDArray[np.uint8],
    cell_of: NDArray[np.intp],
    order: NDArray[np.intp],
    target: int,
) -> NDArray[np.float64]:
    """Probabilities while ever more cells of the first film become the last one's."""
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    changed = np.rint(np.arange(STEPS + 1) / STEPS * len(order))
    films = np.where(rank[cell_of][None] < changed[:, None, None], last[None], first[None])
    return np.asarray(predict_probs(films)[:, target], dtype=np.float64)
