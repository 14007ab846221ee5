"""The family `layout`: where on the film what lies, by the cells of a grid."""

from __future__ import annotations

import numpy as np

from hilum.classical.film import SIDE, Film

GRID = 8  # cells each way for means and deviations
_CELLS, _DIRECTIONS = 6, 8


def layout(film: Film) -> dict[str, float]:
    """Mean and deviation of each cell of 8 × 8, and which way edges run in each of 6 × 6 (Dalal & Triggs, CVPR 2005).

    Directions are of the gradients, without a sign; the eight numbers of a cell have length 1.
    """
    from skimage.feature import hog

    cells = film.even.reshape(GRID, SIDE // GRID, GRID, SIDE // GRID)
    numbers: dict[str, float] = {}
    for what, values in (("mean", cells.mean(axis=(1, 3))), ("deviation", cells.std(axis=(1, 3)))):
        for (row, column), value in np.ndenumerate(values):
            numbers[f"{what}, cell {row + 1},{column + 1}"] = float(value)
    side = SIDE // _CELLS
    edges = hog(film.even, _DIRECTIONS, (side, side), (1, 1), feature_vector=False).reshape(_CELLS, _CELLS, -1)
    for (row, column, direction), value in np.ndenumerate(edges):
        numbers[f"edges {180 * direction // _DIRECTIONS}°, cell {row + 1},{column + 1}"] = float(value)
    return numbers
