"""The films that a detector is given, as paths or as pixel values, one by one."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.errors import RequestError
from hilum.records import Film, Manifest

logger = logging.getLogger("hilum")

Array = NDArray[np.generic]
Films = Manifest | str | Path | Array | Sequence[str | Path] | Sequence[Array]  # what `Detector.predict` takes


def film_items(films: Films) -> list[tuple[Film, Array | None]]:
    """Each film, and its pixel values where they are in memory.

    >>> [film.path for film, _ in film_items(np.zeros((2, 64, 64)))]
    ['array[0]', 'array[1]']

    Args:
        films: as for `Detector.predict`.

    Raises:
        LayoutError: a path does not exist, or a folder has no film.
        RequestError: an array of another shape.
    """
    if isinstance(films, Manifest):
        return [(film, None) for film in films]
    if isinstance(films, np.ndarray):
        axes = films.ndim - (films.ndim > 2 and films.shape[-1] in (1, 3))  # without that of the colours
        if axes not in (2, 3):
            raise RequestError(
                f"an array of shape {films.shape}: pixel values are (height, width), or (n, height, width) of n films"
            )
        if axes == 2:
            return [(Film("array"), films)]
        return [(Film(f"array[{place}]"), film) for place, film in enumerate(films)]
    paths: list[str | Path] = []
    arrays: list[Array] = []
    for each in [films] if isinstance(films, str | os.PathLike) else films:
        if isinstance(each, np.ndarray):
            arrays.append(each)
        else:
            paths.append(each)
    if arrays and not paths:
        return [(Film(f"array[{place}]"), array) for place, array in enumerate(arrays)]
    if arrays:
        raise RequestError("paths and arrays in one list: give one kind at a time")
    from hilum.films import find  # what reads classes, patients and splits; films in memory need none of it

    found = find(paths)
    for note in found.notes:
        logger.info(f"note: {note}")
    return [(film, None) for film in found]
