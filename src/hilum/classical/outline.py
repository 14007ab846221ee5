"""The lungs of a film as steps and features need them: always an outline, and whether it is the film's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.lungs import average_lungs, lung_field

Square = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lungs:
    """Both lungs, without the heart.

    Attributes:
        mask: (size, size) bool; the average outline of children's films where none was found.
        quality: how well the film fits the average one, -1 to 1; -1 where no alignment was possible.
        drawn: whether the film's own grey values drew both lungs.
        note: why none were found; empty where they were.
    """

    mask: Mask
    quality: float
    drawn: bool
    note: str = ""


def lungs_of(square: Square) -> Lungs:
    """Find the lungs, or lay the average ones over the film and say so.

    Args:
        square: (size, size) uint8.
    """
    found = lung_field(square, quick=True)
    quality = -1.0 if found.quality is None else float(np.clip(found.quality, -1, 1))
    if found.mask is None:
        note = f"no lung field found: {found.reason}; the average outline takes its place"
        return Lungs(average_lungs(square.shape), quality, False, note)
    return Lungs(found.mask, quality, not found.from_prior)
