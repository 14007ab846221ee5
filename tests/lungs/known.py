"""A lung network that finds what a test says, for tests of what is done with lungs and not of how they are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.lungs import Box, LungFinder, Lungs
from hilum.lungs.found import box_of


class KnownLungs(LungFinder):
    """Finds in every film what `found` makes of its mask, and counts the films."""

    def __init__(self, found: Callable[[tuple[int, ...]], Lungs], name: bytes = b"known") -> None:
        super().__init__(name)
        self._found = found
        self.films: list[tuple[int, ...]] = []

    def find(self, film: NDArray[Any]) -> Lungs:
        self.films.append(film.shape)
        return self._found(film.shape)


def two_lungs(box: Box, **what: Any) -> KnownLungs:
    """Finds two lungs that leave the middle third of a box free."""

    def found(shape: tuple[int, ...]) -> Lungs:
        mask = mask_of(box, shape)
        return Lungs(mask, 1.0, box=box_of(mask), **what)

    return KnownLungs(found)


def mask_of(box: Box, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    rows = [round(each * shape[0]) for each in (box.top, box.bottom)]
    left, right = round(box.left * shape[1]), round(box.right * shape[1])
    third = (right - left) // 3
    mask = np.zeros(shape, dtype=bool)
    mask[rows[0] : rows[1], left : left + third] = True
    mask[rows[0] : rows[1], right - third : right] = True
    return mask


def no_lungs(reason: str = "nothing in it looks like a lung", frontal: float = 1.0) -> KnownLungs:
    """Finds none."""
    return KnownLungs(lambda shape: Lungs(None, frontal, reason=reason), b"none")
