"""What an outline of the lungs looks like, and what is none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum import pixels
from hilum.errors import FilmError

_EXTREME, _TWO_VALUED = 16 / 255, 0.95  # the part of an outline's pixels that is nearly black or nearly white
_LEAST_AREA, _MOST_AREA = 0.05, 0.60  # of the film, for both lungs; of 2,401 films .086 to .463
_LEAST_RATIO = 0.2  # of the smaller lung's area to the larger one's; of the same films .418 or more


def read_outline(path: str, sha256: str = "") -> NDArray[np.bool_]:
    """Read an outline: a picture that is white inside the lungs and black outside.

    Args:
        path: of the picture.
        sha256: of its bytes, where it has to be the same as before.

    Returns:
        (height, width) bool, true inside.

    Raises:
        FilmError: it cannot be read, was changed, or has grey values between black and white, as a film has.
    """
    grey = pixels.decode(path, expected_sha256=sha256)
    extreme = (grey <= _EXTREME) | (grey >= 1 - _EXTREME)
    if extreme.mean() < _TWO_VALUED:
        raise FilmError(path, "no outline: it has more than two grey values")
    return grey >= 0.5


def fault_of_shape(lungs: NDArray[np.bool_]) -> str:
    """Why a mask cannot be that of both lungs, in words; empty if it can.

    >>> fault_of_shape(np.zeros((64, 64), dtype=bool))
    'the outline is empty'

    Args:
        lungs: (height, width), true inside the lungs.
    """
    area = float(lungs.mean())
    if not area:
        return "the outline is empty"
    if not _LEAST_AREA <= area <= _MOST_AREA:
        return f"the outline covers less than {_LEAST_AREA:.0%} or more than {_MOST_AREA:.0%} of the film"
    pieces = cv2.connectedComponentsWithStats(lungs.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
    largest = np.sort(pieces)[::-1]
    if len(largest) < 2 or largest[1] < _LEAST_RATIO * largest[0]:
        return "the outline is of one lung, or of two in one piece"
    return ""
