"""One pass over every film: its header, its picture's facts, and a small square for the checks that compare films."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.auditing.facts import Facts, file_facts, picture_facts
from hilum.auditing.header import Header, read_header
from hilum.auditing.lung_findings import LungsSeen, seen_of
from hilum.errors import FilmError
from hilum.lungs import find_lungs
from hilum.pixels import decode, preprocess
from hilum.progress import track
from hilum.recipe import Pixels
from hilum.records import Film, Manifest
from hilum.workers import map_in_order

SIDE = 128  # of the squares: 16 KiB a film


@dataclass(frozen=True, slots=True)
class Survey:
    """What was read of each film that could be read, in the manifest's order.

    Attributes:
        films: the films.
        headers: their files' headers.
        before: the facts of file and picture as they are.
        after: the facts of the preprocessed square.
        squares: (films, 128, 128) uint8, both sides squashed to the square.
        lungs: what was found of the lungs.
        unreadable: why each of the others could not be read.
    """

    films: tuple[Film, ...]
    headers: tuple[Header, ...]
    before: tuple[Facts, ...]
    after: tuple[Facts, ...]
    squares: NDArray[np.uint8]
    lungs: tuple[LungsSeen, ...]
    unreadable: tuple[FilmError, ...]

    def __len__(self) -> int:
        return len(self.films)


def survey(manifest: Manifest) -> Survey:
    """Decode every film once; those that cannot be read are listed with the reason."""
    films: list[Film] = []
    headers: list[Header] = []
    before: list[Facts] = []
    after: list[Facts] = []
    lungs: list[LungsSeen] = []
    unreadable: list[FilmError] = []
    squares = np.empty((len(manifest), SIDE, SIDE), dtype=np.uint8)
    contents = track(map_in_order(_read_film, manifest), "auditing films", len(manifest))
    for film, read in zip(manifest, contents, strict=True):
        if isinstance(read, FilmError):
            unreadable.append(read)
            continue
        header, file_and_picture, left, squares[len(films)], seen = read
        films.append(film)
        headers.append(header)
        before.append(file_and_picture)
        after.append(left)
        lungs.append(seen)
    squares = squares[: len(films)]
    return Survey(tuple(films), tuple(headers), tuple(before), tuple(after), squares, tuple(lungs), tuple(unreadable))


_FilmFacts = tuple[Header, Facts, Facts, NDArray[np.uint8], LungsSeen]


def _read_film(film: Film) -> _FilmFacts | FilmError:
    try:
        header = read_header(film.path)
        grey = decode(film.path, expected_sha256=film.sha256)
    except FilmError as error:
        return error
    square = preprocess(grey, Pixels(size=SIDE))
    levels = np.rint(grey * np.float32(255)).astype(np.uint8)
    lungs = seen_of(find_lungs(square))
    return header, {**file_facts(header), **picture_facts(levels)}, picture_facts(square), square, lungs
