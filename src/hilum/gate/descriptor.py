"""A film as 512 numbers: the directions of its edges in each of 8 × 8 cells.

Histograms of oriented gradients (Dalal & Triggs, CVPR 2005), of a film scaled to 64 × 64 pixels. Gradients keep
their sign, so that an inversion changes the descriptor; each cell is normalised by the contrast around it, so that
exposure and window do not; square roots are taken (Arandjelović & Zisserman, CVPR 2012), so that no single edge
outweighs the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

Image8 = NDArray[np.uint8]
Descriptors = NDArray[np.float32]

SIDE, CELLS, DIRECTIONS = 64, 8, 8
LENGTH = CELLS * CELLS * DIRECTIONS

_SMOOTH = 1.0  # sigma, in pixels of the 64: grain and JPEG blocks have no meaningful direction
_FAINT = 0.3  # of the film's mean contrast: cells with less count less
_FLAT = 0.01  # grey levels a pixel: below it a cell shows nothing
_CELL = np.arange(SIDE) // (SIDE // CELLS)
_FIRST_BIN = (_CELL[:, None] * CELLS + _CELL[None, :]) * DIRECTIONS


def scaled(film: Image8) -> NDArray[np.float32]:
    """Scale a square film of any size to 64 × 64 means, (64, 64) float32 from 0 to 255."""
    # As float32 first: OpenCV would round the means of bytes, and halves up.
    return np.asarray(cv2.resize(film.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def describe(films: Iterable[Image8]) -> Descriptors:
    """Describe preprocessed films.

    Args:
        films: each (size, size) uint8, of 16 pixels a side or more.

    Returns:
        (n, 512) float32 from 0 to about 2, in the order rows, columns, directions; directions clockwise from
        left-to-right.
    """
    rows = [_describe(film) for film in films]
    return np.stack(rows) if rows else np.zeros((0, LENGTH), dtype=np.float32)


def turned(descriptors: Descriptors, quarters: int) -> Descriptors:
    """The descriptors of the films after a rotation, computed from their descriptors.

    Args:
        descriptors: (n, 512), from `describe`.
        quarters: the number of rotations by 90° anticlockwise, as for `numpy.rot90`.

    Returns:
        (n, 512): the cells change places, and every direction is rotated with them.
    """
    cells = np.rot90(descriptors.reshape(-1, CELLS, CELLS, DIRECTIONS), quarters, axes=(1, 2))
    return np.roll(cells, -quarters * DIRECTIONS // 4, axis=3).reshape(-1, LENGTH)


def inverted(descriptors: Descriptors) -> Descriptors:
    """The descriptors of the inverted films: every direction turns by 180°. (n, 512)."""
    cells = descriptors.reshape(-1, CELLS * CELLS, DIRECTIONS)
    return np.roll(cells, DIRECTIONS // 2, axis=2).reshape(-1, LENGTH)


def _describe(film: Image8) -> Descriptors:
    smooth = cv2.GaussianBlur(scaled(film), (0, 0), _SMOOTH)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength, angle = cv2.cartToPolar(across, down)
    place = angle * (DIRECTIONS / (2 * np.pi))
    below = np.floor(place)
    # A gradient between two directions counts for both.
    share = strength * (place - below)
    first = below.astype(np.intp)
    bins = np.concatenate([_FIRST_BIN + first % DIRECTIONS, _FIRST_BIN + (first + 1) % DIRECTIONS])
    sums = np.bincount(bins.ravel(), np.concatenate([strength - share, share]).ravel(), LENGTH)
    histograms = (sums / (SIDE // CELLS) ** 2).reshape(CELLS, CELLS, DIRECTIONS)
    contrast = cv2.GaussianBlur(np.sqrt(np.square(histograms).sum(axis=2)), (0, 0), 1.0)
    relative = histograms / (contrast + _FAINT * contrast.mean() + _FLAT)[..., None]
    described: Descriptors = np.sqrt(relative).ravel().astype(np.float32)
    return described
