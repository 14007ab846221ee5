"""Where the lungs lie on the whole film, as a line around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.pixels import Square


def lung_outline(square: Square, *, padded: bool = False) -> tuple[tuple[float, float], ...]:
    """The convex hull of the lungs that a detector was shown, on the film.

    >>> lungs = np.zeros((4, 4), dtype=np.uint8)
    >>> lungs[1:3, 2] = 255
    >>> lung_outline(Square(lungs, (40, 80), lungs=lungs, region=(0, 0, 40, 80)))
    ((40.0, 10.0), (60.0, 10.0), (60.0, 30.0), (40.0, 30.0), (40.0, 10.0))

    Args:
        square: what the detector was shown.
        padded: whether the square keeps the region's proportions, with black beside it.

    Returns:
        Columns and rows, in pixels of the film from the top left corner of its first pixel (PS3.3 C.10.5.1.2), around
        whole pixels of the square, from the topmost point on, of several the leftmost one; the last point is the
        first one again. Empty where no lungs were found, or none were looked for.
    """
    if square.lungs is None or square.region is None or not square.lungs.any():
        return ()
    top, left, bottom, right = square.region
    shown = max(bottom - top, right - left) if padded else 0  # pixels of the film along the square's side
    tall, wide = shown or bottom - top, shown or right - left
    above, before = (tall - (bottom - top)) / 2, (wide - (right - left)) / 2
    side = len(square.lungs)
    hull = _hull(_corners(square.lungs))
    columns = np.clip(hull[:, 0] * (wide / side) - before + left, left, right)
    rows = np.clip(hull[:, 1] * (tall / side) - above + top, top, bottom)
    points = [(float(column), float(row)) for column, row in zip(columns, rows, strict=True)]
    return (*points, points[0])


def _corners(mask: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The corners of the outermost pixels of each row, as columns and rows: all that a hull can go through."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = (mask[rows] > 0).argmax(axis=1)
    last = mask.shape[1] - (mask[rows, ::-1] > 0).argmax(axis=1)
    both = [np.stack([columns, rows + below], axis=1) for columns in (first, last) for below in (0, 1)]
    return np.concatenate(both).astype(np.int32)


def _hull(points: NDArray[np.int32]) -> NDArray[np.int64]:
    import cv2

    hull = np.asarray(cv2.convexHull(points), dtype=np.int64).reshape(-1, 2)
    first = np.lexsort((hull[:, 0], hull[:, 1]))[0]
    return np.roll(hull, -int(first), axis=0)
