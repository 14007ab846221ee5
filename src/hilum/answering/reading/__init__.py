"""Films are read in processes of their own, with little memory and time each: a hostile film ends only one."""

from hilum.answering.reading.messages import (
    FilmRead,
    FilmRefused,
    FilmShown,
    FilmsUnpacked,
    ReadFilm,
    ShowFilm,
    UnpackFilms,
)
from hilum.answering.reading.pool import ReadingLimits, ReadingPool
from hilum.pixels import FilmHeader

__all__ = [
    "FilmHeader",
    "FilmRead",
    "FilmRefused",
    "FilmShown",
    "FilmsUnpacked",
    "ReadFilm",
    "ReadingLimits",
    "ReadingPool",
    "ShowFilm",
    "UnpackFilms",
]
