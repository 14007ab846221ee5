"""Where on the whole film an answer comes from, drawn from what the detector was shown of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.inference import Detector
from hilum.inference.heat_maps import heat_map
from hilum.pixels import Square
from hilum.renderings import heat_on_film


def film_heat(detector: Detector, square: Square, target: int, longest: int) -> NDArray[np.float32]:
    """A heat map on the whole film.

    Args:
        detector: that answered.
        square: what it was shown.
        target: the index of the class that is explained.
        longest: pixels of the longer side of what is returned.

    Returns:
        (height, width) float32, of the film's proportions: as `heat_map` gives it, 0 to 1, and 0 outside what the
        detector was shown.

    Raises:
        ValueError: the square does not say which part of the film it shows.
    """
    if square.region is None:
        raise ValueError("a square that does not say which part of the film it shows has no place on it")
    height, width = square.shape
    heat = heat_map(detector, square.levels, target, square.lungs)
    padded = detector.spec.recipe.pixels.resize == "pad"
    return heat_on_film(heat, (height, width), square.region, padded=padded, longest=longest)


def explained_class(classes: tuple[str, ...], prediction: str) -> int:
    """The index of the class that a heat map explains: the positive one of two, of several the predicted one.

    >>> explained_class(("NORMAL", "PNEUMONIA"), "NORMAL")
    1
    """
    return len(classes) - 1 if len(classes) <= 2 else classes.index(prediction)
