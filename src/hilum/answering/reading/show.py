"""A film's pixels at their full depth, for a viewer that windows them itself."""

from __future__ import annotations

import zlib

from hilum.answering.reading.messages import FilmShown
from hilum.renderings import read_levels


def show_film(path: str) -> FilmShown:
    """Read a film for a viewer, as `hilum.renderings.read_levels` does; the first window is what `decode` shows.

    Raises:
        FilmError: as for `hilum.pixels.decode`.
    """
    film = read_levels(path)
    height, width = film.levels.shape
    return FilmShown(
        height=height,
        width=width,
        pixels=zlib.compress(film.levels.astype("<u2").tobytes(), 1),
        inverted=film.inverted,
        windows=tuple(dict.fromkeys(each.linear for each in film.windows)),
        low=int(film.levels.min()),
        high=int(film.levels.max()),
        spacing=film.spacing,
    )
