"""From a file to the square that a model sees: for training's cache and for a prediction, the same."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.decode import decode_scaled
from hilum.pixels.preprocess import largest_scale, preprocess_scaled
from hilum.recipe import Pixels


class Square(NamedTuple):
    """A film as a model is shown it.

    Attributes:
        levels: uint8, (size, size).
        shape: height and width of the film itself, in pixels.
    """

    levels: NDArray[np.uint8]
    shape: tuple[int, ...]


def read_square(path: str, spec: Pixels, expected_sha256: str = "") -> Square:
    """Decode and preprocess one film.

    A JPEG that is much larger than the square is decoded at a fraction of its size (`largest_scale`), which
    leaves out most of the work of preprocessing; any other film as `preprocess(decode(path), spec)`.

    Args:
        path: the film, as the user named it.
        spec: a recipe's choices.
        expected_sha256: as for `decode`.

    Raises:
        FilmError: as `decode`.
    """
    grey, shape, scale = decode_scaled(path, spec.window, expected_sha256, partial(largest_scale, spec=spec))
    return Square(preprocess_scaled(grey, spec, shape, scale), shape)
