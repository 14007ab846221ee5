"""A film as its detector is shown it, what it says of itself, and a picture of it for whoever reads the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.answering.reading.messages import FilmRead
from hilum.pixels import read_square

if TYPE_CHECKING:
    from hilum.lungs import LungFinder
    from hilum.recipe import Pixels


def read_film(path: str, spec: Pixels, lungs: LungFinder | None, picture: int = 0) -> FilmRead:
    """Read a film; its picture is made from the same decoded pixels as the square.

    Args:
        path: the film.
        spec: the `[pixels]` of a recipe.
        lungs: the network that finds the lungs.
        picture: pixels of the picture's longer side, at most; 0 makes none. A JPEG that is decoded at a fraction of
            its size has no more than that.

    Raises:
        FilmError: as for `hilum.pixels.decode`.
    """
    decoded: list[NDArray[np.float32]] = []
    square = read_square(path, spec, lungs=lungs, look=decoded.append if picture else None)
    drawn = [_picture(grey, square.shape, picture) for grey in decoded]
    return FilmRead.of(square, *drawn)


def _picture(grey: NDArray[np.float32], shape: tuple[int, ...], longest: int) -> NDArray[np.uint8]:
    """A film in 8 bits, of its own proportions, its longer side no longer than `longest` and than it is decoded."""
    import cv2

    scale = min(longest, max(grey.shape)) / max(shape)
    height, width = (max(1, round(side * scale)) for side in shape)  # as `hilum.renderings.heat_on_film` counts
    fitted = (
        grey if grey.shape == (height, width) else cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    )
    return np.asarray(np.rint(np.clip(fitted, 0, 1) * np.float32(255)), dtype=np.uint8)
