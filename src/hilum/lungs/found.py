"""What was found of the lungs in a film, and what a person should know about how they lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class Box(NamedTuple):
    """A part of a film: its borders as fractions of the film's height and width, from 0 to 1."""

    top: float
    left: float
    bottom: float
    right: float

    def with_margin(self, margin: float) -> Box:
        """The box with a margin on each side, a fraction of its own height and width, cut at the film's border.

        >>> Box(0.25, 0.25, 0.75, 1.0).with_margin(0.5)
        Box(top=0.0, left=0.0, bottom=1.0, right=1.0)
        """
        down, across = (self.bottom - self.top) * margin, (self.right - self.left) * margin
        return Box(
            max(0.0, self.top - down),
            max(0.0, self.left - across),
            min(1.0, self.bottom + down),
            min(1.0, self.right + across),
        )

    def with_mirror_image(self, axis: Literal["vertical", "horizontal"]) -> Box:
        """The smallest box around this one and its mirror image about an axis in the film's middle.

        >>> Box(0.25, 0.125, 0.75, 0.375).with_mirror_image("vertical")
        Box(top=0.25, left=0.125, bottom=0.75, right=0.875)
        """
        if axis == "vertical":
            left = min(self.left, 1 - self.right)
            return Box(self.top, left, self.bottom, 1 - left)
        top = min(self.top, 1 - self.bottom)
        return Box(top, self.left, 1 - top, self.right)


WHOLE = Box(0.0, 0.0, 1.0, 1.0)
ONE_LUNG, CUT_OFF = "only one lung was found", "a lung is cut off"  # how remarks begin


@dataclass(frozen=True, slots=True)
class Lungs:
    """The lungs of a film, without the heart, or why they were not found.

    Attributes:
        mask: (height, width) bool, of the film's own size; None where no lungs were found.
        frontal: the probability that this is a frontal chest film, upright or rotated, from 0 to 1.
        rotation: by how many degrees clockwise it seems to be rotated: 0, 90, 180 or 270.
        reason: why no lungs were found, in words that follow "no lungs found: "; empty where they were.
        remarks: what is unusual about how they lie in the film, in words.
        box: the smallest box around both lungs; where one lung was found, also around its mirror image, because the
            other one, which may be white, lies there; None where none were found.
    """

    mask: Mask | None
    frontal: float
    rotation: int = 0
    reason: str = ""
    remarks: tuple[str, ...] = ()
    box: Box | None = None

    @property
    def hull(self) -> Mask | None:
        """The convex hull of both lungs, with what lies between them: (height, width) bool, or None."""
        return None if self.mask is None else hull_of(self.mask)


def hull_of(mask: Mask) -> Mask:
    """The convex hull of what a mask holds.

    >>> hull_of(np.array([[1, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=bool)).astype(int).tolist()
    [[1, 1, 1], [0, 0, 0], [0, 0, 0]]

    Args:
        mask: (height, width) bool.

    Returns:
        (height, width) bool; empty where the mask is.
    """
    filled = np.zeros(mask.shape, dtype=np.uint8)
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size:  # a hull goes through the first and the last of a row alone: a tenth of the time of all
        inside = mask[rows]
        last = mask.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
        ends = np.concatenate([inside.argmax(axis=1), last]), np.concatenate([rows, rows])
        cv2.fillConvexPoly(filled, cv2.convexHull(np.stack(ends, axis=1).astype(np.int32)), 1)
    return filled.astype(bool)


def box_of(mask: Mask) -> Box:
    """The smallest box around what a mask holds; the mask must hold something."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return Box(
        float(rows[0] / height),
        float(columns[0] / width),
        float((rows[-1] + 1) / height),
        float((columns[-1] + 1) / width),
    )
