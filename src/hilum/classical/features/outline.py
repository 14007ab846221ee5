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
        to_film: affine map (2, 3) from places in the average film to places in this one, in parts of the side; the
            identity where no lungs were found.
        note: why none were found; empty where they were.
    """

    mask: Mask
    quality: float
    drawn: bool
    to_film: NDArray[np.float32]
    note: str = ""


def lungs_of(square: Square) -> Lungs:
    """Find the lungs, or lay the average ones over the film and say so.

    Args:
        square: (size, size) uint8.
    """
    found = lung_field(square, quick=True)
    quality = -1.0 if found.quality is None else float(np.clip(found.quality, -1, 1))
    if found.mask is None or found.to_film is None:
        note = f"no lung field found: {found.reason}; the average outline takes its place"
        return Lungs(average_lungs(square.shape), quality, False, np.eye(2, 3, dtype=np.float32), note)
    return Lungs(found.mask, quality, not found.from_prior, found.to_film)
