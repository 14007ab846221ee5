"""One look at every film: its header, its picture's facts, and a small square for all the checks that compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.auditing.facts import Facts, file_facts, picture_facts
from hilum.auditing.header import Header, read_header
from hilum.errors import FilmError
from hilum.pixels import decode, preprocess
from hilum.progress import track
from hilum.recipe import Pixels
from hilum.records import Film, Manifest
from hilum.workers import map_in_order

SIDE = 128  # of the squares: 16 KiB a film


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen of each film that could be read, in the manifest's order.

    Attributes:
        films: the films.
        headers: what their files say.
        before: the facts of file and picture as they are.
        after: the facts of the picture that are left in the preprocessed square.
        squares: (films, 128, 128) uint8, both sides squashed to the square.
        unreadable: why each of the others could not be read.
    """

    films: tuple[Film, ...]
    headers: tuple[Header, ...]
    before: tuple[Facts, ...]
    after: tuple[Facts, ...]
    squares: NDArray[np.uint8]
    unreadable: tuple[FilmError, ...]

    def __len__(self) -> int:
        return len(self.films)


def survey(manifest: Manifest) -> Survey:
    """Decode every film once; one that cannot be read is named, and the others go on."""
    films: list[Film] = []
    headers: list[Header] = []
    before: list[Facts] = []
    after: list[Facts] = []
    unreadable: list[FilmError] = []
    squares = np.empty((len(manifest), SIDE, SIDE), dtype=np.uint8)
    looks = track(map_in_order(_look, manifest), "looking at films", len(manifest))
    for film, look in zip(manifest, looks, strict=True):
        if isinstance(look, FilmError):
            unreadable.append(look)
            continue
        header, file_and_picture, left, squares[len(films)] = look
        films.append(film)
        headers.append(header)
        before.append(file_and_picture)
        after.append(left)
    return Survey(tuple(films), tuple(headers), tuple(before), tuple(after), squares[: len(films)], tuple(unreadable))


_Look = tuple[Header, Facts, Facts, NDArray[np.uint8]]


def _look(film: Film) -> _Look | FilmError:
    try:
        header = read_header(film.path)
        grey = decode(film.path, expected_sha256=film.sha256)
    except FilmError as error:
        return error
    square = preprocess(grey, Pixels(size=SIDE))
    levels = np.rint(grey * np.float32(255)).astype(np.uint8)
    return header, {**file_facts(header), **picture_facts(levels)}, picture_facts(square), square
