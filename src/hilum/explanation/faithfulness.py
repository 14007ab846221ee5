"""Whether a map is about what the network does: deletion, insertion, and the share of it inside a mask.

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

CELLS = 32  # a film is changed in so many cells across, and as many down
STEPS = 32  # points of a curve behind the first
ORDERS = 3  # random orders that make the level of chance
_BLACK = 5  # of 255: what no X-ray reached, left out of a film's mean


@dataclass(frozen=True, slots=True)
class Curve:
    """What a film's probability does while the film is taken away, or given, in the order of a map.

    Attributes:
        probs: at 0, 1/32, … 1 of the film's cells.
        area: under them, by trapezes; from 0 to 1.
        chance: the mean area of random orders of the same cells.
    """

    probs: tuple[float, ...]
    area: float
    chance: float


def deletion(
    predict_probs: PredictProbs, film: NDArray[np.uint8], heat: NDArray[np.float32], target: int, seed: int = 0
) -> Curve:
    """Replace the film's cells by its mean grey, first those that speak most for the class.

    A map that is right makes the probability fall at once: a small area, below chance.

    Args:
        predict_probs: the detector.
        film: (size, size) uint8, preprocessed.
        heat: (size, size), as `attribute` gives it.
        target: the class's place among the detector's.
        seed: of the random orders.
    """
    exposed = film[film > _BLACK]
    grey = np.full_like(film, round(float(exposed.mean())) if len(exposed) else 0)
    return _curve(predict_probs, film, grey, heat, target, seed)


def insertion(
    predict_probs: PredictProbs, film: NDArray[np.uint8], heat: NDArray[np.float32], target: int, seed: int = 0
) -> Curve:
    """Give the film back, cell by cell, to its blurred self, first the cells that speak most for the class.

    A map that is right makes the probability rise at once: a large area, above chance. As in the paper the start is a
    blurred film (Gaussian, an eighth of the side), in which cells that come back bring no sharp edges of their own.
    A network that finds the class in the blurred film already has nothing to gain, and the area tells little.

    Args:
        predict_probs: the detector.
        film: (size, size) uint8, preprocessed.
        heat: (size, size), as `attribute` gives it.
        target: the class's place among the detector's.
        seed: of the random orders.
    """
    blurred = np.asarray(cv2.GaussianBlur(film, (0, 0), film.shape[0] / 8), dtype=np.uint8)
    return _curve(predict_probs, blurred, film, heat, target, seed)


def share_inside(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float | None:
    """How much of what speaks for the class lies inside a mask, from 0 to 1; None where nothing speaks for it.

    Chance is the share of the area that the mask takes, `mask.mean()`.
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
) -> Curve:
    """From one film to another in the order of a map, and in random orders."""
    if first.ndim != 2 or heat.shape != first.shape:
        raise ValueError(f"a film and its map are (size, size) alike, not {first.shape} and {heat.shape}")
    cells = min(CELLS, *first.shape)
    rows, columns = (np.arange(side) * cells // side for side in first.shape)
    cell_of = rows[:, None] * cells + columns[None, :]
    means = np.bincount(cell_of.ravel(), heat.ravel().astype(np.float64)) / np.bincount(cell_of.ravel())
    draw = np.random.default_rng(seed)
    orders = [np.argsort(-means, kind="stable"), *(draw.permutation(cells**2) for _ in range(ORDERS))]
    lines = [_probs(predict_probs, first, last, cell_of, order, target) for order in orders]
    areas = [float((line[1:] + line[:-1]).mean() / 2) for line in lines]
    return Curve(tuple(float(prob) for prob in lines[0]), areas[0], float(np.mean(areas[1:])))


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
