"""The family `layout`: where on the film what lies, by the cells of a grid."""

from __future__ import annotations

import numpy as np

from hilum.classical.features.film import SIDE, ScaledFilm

_CELLS = 8  # each way
_DIRECTIONS = 8


def layout(film: ScaledFilm) -> dict[str, float]:
    """Mean and deviation of each cell of 8 × 8, and which way edges run in it (Dalal & Triggs, CVPR 2005).

    Directions are of the gradients, without a sign. They are set against the whole film's and not against each cell's
    neighbours: how faint a cell's edges are tells more of its air than which way they run.
    """
    from skimage.feature import hog

    side = SIDE // _CELLS
    cells = film.even.reshape(_CELLS, side, _CELLS, side)
    numbers: dict[str, float] = {}
    for what, values in (("mean", cells.mean(axis=(1, 3))), ("deviation", cells.std(axis=(1, 3)))):
        for (row, column), value in np.ndenumerate(values):
            numbers[f"{what}, cell {row + 1},{column + 1}"] = float(value)
    edges = hog(film.even, _DIRECTIONS, (side, side), (_CELLS, _CELLS), "L2").reshape(_CELLS, _CELLS, _DIRECTIONS)
    for (row, column, direction), value in np.ndenumerate(edges):
        numbers[f"edges {180 * direction / _DIRECTIONS:g}°, cell {row + 1},{column + 1}"] = float(value)
    return numbers
