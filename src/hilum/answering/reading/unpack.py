"""The films of a MedMNIST archive, each as a picture of its own: archives hold arrays, and a service keeps films."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from hilum.answering.reading.messages import FilmsUnpacked
from hilum.errors import FilmError
from hilum.pixels import ArrayError, names_in, read_array
from hilum.records import SPLITS


def unpack_films(path: str, most: int) -> FilmsUnpacked:
    """Read the films of `train_images`, `val_images` and `test_images`, in this order.

    Args:
        path: an `.npz` archive.
        most: how many films may be in it; of more, only their number is given.

    Raises:
        FilmError: it is damaged or too large, or holds no films of 8 or 16 bits.
    """
    try:
        names = [f"{split}_images" for split in SPLITS if f"{split}_images" in names_in(path)]
        arrays = [read_array(path, name) for name in names]
    except ArrayError as error:
        raise FilmError(path, str(error)) from None
    if not arrays:
        raise FilmError(
            path, "a ZIP archive without films; send its films themselves, or an .npz with train_images, val_images "
            "or test_images",
        )  # fmt: skip
    if not all(map(_holds_films, arrays)):
        raise FilmError(path, "the arrays of an .npz have to be films × height × width[× 3] of 8 or 16 bits")
    number = sum(map(len, arrays))
    films = (_png(film) for array in arrays for film in array)
    return FilmsUnpacked(number, tuple(films) if number <= most else ())


def _holds_films(array: NDArray[np.generic]) -> bool:
    grey = array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 1)
    colour = array.ndim == 4 and array.shape[3] == 3 and array.dtype == np.uint8
    return array.size > 0 and (colour or (grey and array.dtype in (np.uint8, np.uint16)))


def _png(film: NDArray[np.generic]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    plain = film[:, :, 0] if film.ndim == 3 and film.shape[2] == 1 else film
    Image.fromarray(np.ascontiguousarray(plain, dtype=plain.dtype.newbyteorder("="))).save(file, format="PNG")
    return file.getvalue()
