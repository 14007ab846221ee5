"""Films without the lungs: a detector that still tells the classes apart uses something else.

Its figure should be near chance; by how much it is not shows how much of it needs no lung at all: collimation,
markers, the border, the arms (Zech et al., PLoS Medicine 15 (2018): e1002683).

What is blanked is the convex hull of both lungs: the outline of each lung alone, which its opacities bend, would
still be seen in what is left, and a white lung's outline is the least certain.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.lungs import find_lungs, hull_of
from hilum.shifts.grey import Battery, Grey, as_grey, pixels_of

BORDER = 0.1


def border_only(grey: Grey) -> Grey:
    """The outer tenth of each side alone, the rest as grey as the film's median."""
    rows, columns = (max(1, round(BORDER * side)) for side in grey.shape)
    result = grey.copy()
    result[rows:-rows, columns:-columns] = np.median(grey)
    return result


def lungs_blanked(grey: Grey) -> Grey:
    """The hull of both lungs as grey as the film's median, with a soft edge; the middle where no lungs are found."""
    return known_lungs_blanked(grey, find_lungs(grey).mask)


def known_lungs_blanked(grey: Grey, lungs: NDArray[np.bool_] | None) -> Grey:
    """`lungs_blanked` of a film whose lungs are known: (height, width), or None or empty where none were found."""
    if lungs is not None and lungs.any():
        found = hull_of(lungs)
    else:
        found = np.zeros(grey.shape, dtype=bool)
        rows, columns = (round(0.2 * side) for side in grey.shape)
        found[rows:-rows, columns:-columns] = True
    # A sharp edge would draw the hull's outline, which may itself separate the classes.
    reach = max(1.0, pixels_of(grey, 4))
    blank = cv2.GaussianBlur(cv2.dilate(found.astype(np.float32), _disc(reach)), (0, 0), reach)
    return as_grey(grey * (1 - blank) + np.float32(np.median(grey)) * blank)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * round(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)


CONTROLS = Battery("controls-2", {"border_only": border_only, "lungs_blanked": lungs_blanked}, framed_as_intact=True)
