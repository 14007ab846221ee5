"""From a file, or an array, to the square that a model is given: the same for training and prediction."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.decode import decode_array, decode_scaled
from hilum.pixels.preprocess import largest_scale, preprocess, preprocess_scaled
from hilum.recipe import Pixels


class Square(NamedTuple):
    """A preprocessed film.

    Attributes:
        levels: uint8, (size, size).
        shape: height and width of the film itself, in pixels.
        remarks: what a person should know about how it was read, in words; empty where all is as usual.
    """

    levels: NDArray[np.uint8]
    shape: tuple[int, ...]
    remarks: tuple[str, ...] = ()


def read_square(path: str, spec: Pixels, expected_sha256: str = "") -> Square:
    """Decode and preprocess one film.

    A JPEG that is much larger than the square is decoded at a fraction of its size (`largest_scale`), which
    leaves out most of the work of preprocessing; any other film gives `preprocess(decode(path), spec)`.

    Args:
        path: the film, as the user named it.
        spec: the `[pixels]` of a recipe.
        expected_sha256: as for `decode`.

    Raises:
        FilmError: as for `decode`.
    """
    film = decode_scaled(path, spec.window, expected_sha256, partial(largest_scale, spec=spec), spec.grey_scale)
    return Square(preprocess_scaled(film.grey, spec, film.shape, film.scale), film.shape, film.remarks)


def square_of(array: NDArray[np.generic], spec: Pixels, name: str = "array") -> Square:
    """Preprocess a film that is in memory, as `read_square` does one that is in a file.

    Args:
        array: the film, as for `grey_of_array`.
        spec: the `[pixels]` of a recipe; its window is not applied.
        name: what an error calls the film.

    Raises:
        FilmError: as for `grey_of_array`.

    >>> film = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    >>> square_of(film, Pixels(size=32)).levels.shape
    (32, 32)
    """
    film = decode_array(array, name, spec.grey_scale)
    return Square(preprocess(film.grey, spec), film.shape, film.remarks)
