"""The lungs of a film as steps and features need them: always an outline, and whether it is the film's own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.lungs import Box, LungFinder, find_lungs
from hilum.lungs.found import box_of

Square = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# Where half of 959 children's normal films have lung: corners (x, y) of the lung on the film's left side and of the
# one on its right, as fractions of its width and height.
_AVERAGE = (
    ((0.40, 0.18), (0.36, 0.19), (0.31, 0.22), (0.26, 0.27), (0.19, 0.39), (0.15, 0.51), (0.13, 0.65), (0.13, 0.75),
     (0.15, 0.79), (0.26, 0.74), (0.37, 0.72), (0.38, 0.70), (0.38, 0.56), (0.44, 0.30), (0.44, 0.21)),
    ((0.61, 0.19), (0.58, 0.23), (0.59, 0.29), (0.63, 0.40), (0.73, 0.60), (0.76, 0.75), (0.86, 0.81), (0.88, 0.79),
     (0.88, 0.71), (0.86, 0.54), (0.81, 0.38), (0.75, 0.28), (0.70, 0.23), (0.66, 0.19)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LungOutline:
    """Both lungs, without the heart.

    Attributes:
        mask: (size, size) bool; the average outline of children's films where no lungs were found.
        box: around it.
        frontal: the probability that this is a frontal chest film, from 0 to 1; of a film that was cropped to its
            lungs 1, and 0 where none were found.
        note: why none were found; empty where they were.
    """

    mask: Mask
    box: Box
    frontal: float
    note: str = ""


def outline_of(square: Square, lungs: LungFinder | None = None) -> LungOutline:
    """Find the lungs, or lay the average ones over the film and say so.

    Args:
        square: (size, size) uint8.
        lungs: what finds them; None takes the network that comes with Hilum.
    """
    found = find_lungs(square) if lungs is None else lungs.find(square)
    if found.mask is None or found.box is None:
        average = average_lungs(len(square))
        note = f"lungs not found: {found.reason}; the average outline takes their place"
        return LungOutline(average, box_of(average), found.frontal, note)
    return LungOutline(found.mask, found.box, found.frontal)


def outline_of_crop(lungs: Square) -> LungOutline:
    """The lungs of a film that was cropped to them, where they were found before the crop.

    They are not looked for again: in a crop the network sees another film than those that it learnt from.

    Args:
        lungs: (size, size) uint8, not 0 inside the lungs, as `hilum.pixels.Square.lungs`. Where it is 0 everywhere,
            none were found; the film is then shown whole, and the average outline is laid over it.
    """
    mask = lungs > 0
    if not mask.any():
        average = average_lungs(len(lungs))
        return LungOutline(average, box_of(average), 0.0, "the average outline takes the place of the film's lungs")
    box = box_of(mask)
    # The crop is around one lung and its mirror image, as `hilum.lungs.Lungs.box` is.
    return LungOutline(mask, box.with_mirror_image("vertical") if box.right - box.left < 0.5 else box, 1.0)


def average_lungs(size: int) -> Mask:
    """Where half of children's films have lung, (size, size) bool."""
    lungs = np.zeros((size, size), dtype=np.uint8)
    for corners in _AVERAGE:
        cv2.fillPoly(lungs, [np.rint(np.array(corners) * size - 0.5).astype(np.int32)], 1)
    return lungs.astype(np.bool_)
