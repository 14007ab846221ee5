"""Describe preprocessed films by numbers: their own grey values, or hand-made features."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.classical.features.families import feature_names, features
from hilum.classical.features.film import film_of
from hilum.classical.features.outline import Square, outline_of_crop
from hilum.classical.features.prepare import Prepared, prepare
from hilum.lungs import LungFinder
from hilum.recipe import Classical
from hilum.workers import map_in_order

# Raise it whenever any film comes out with other numbers, also because its lungs do: stores are named by it.
DESCRIBE_VERSION = 3
Row = NDArray[np.float32]
_FLAT = 1e-3  # grey levels: a deviation below it is rounding


@dataclass(frozen=True, slots=True)
class Described:
    """Films as numbers.

    Attributes:
        numbers: (n, d) float32, all finite.
        names: of the d columns.
        notes: one a film, in words what was not found in it; empty where all is well.
    """

    numbers: NDArray[np.float32]
    names: tuple[str, ...]
    notes: tuple[str, ...]


def describe(
    squares: Sequence[Square] | NDArray[np.uint8],
    spec: Classical,
    lungs: LungFinder | None = None,
    outlines: Sequence[Square] | NDArray[np.uint8] | None = None,
) -> Described:
    """Describe preprocessed films.

    Args:
        squares: each (size, size) uint8, as `pixels.preprocess` gives them.
        spec: a recipe's choices.
        lungs: what finds the lungs, where they are needed; None takes the network that comes with Hilum.
        outlines: each (size, size) uint8, not 0 inside the lungs, of films that were cropped to them: these lungs are
            taken, and none are looked for. None for whole films.

    Raises:
        ValueError: a film is not such a square, or there are not as many outlines as films.
    """
    of_films = [None] * len(squares) if outlines is None else outlines
    rows = [describe_one(*each, spec, lungs) for each in zip(squares, of_films, strict=True)]
    names = names_of(spec)
    numbers = np.stack([row for row, _ in rows]) if rows else np.zeros((0, len(names)), dtype=np.float32)
    return Described(numbers, names, tuple(note for _, note in rows))


def names_of(spec: Classical) -> tuple[str, ...]:
    """The columns' names: `row 3, column 5` of the small film, or `family: feature`."""
    if spec.describe == "grey":
        return tuple(f"row {row}, column {column}" for row in range(spec.side) for column in range(spec.side))
    return feature_names(spec.families)


def one_by_one(
    films: Iterable[tuple[Square, Square | None]],
    spec: Classical,
    lungs: LungFinder | None = None,
    workers: int | None = None,
) -> Generator[tuple[Row, str]]:
    """Yield the numbers and the note of each film, in order, computed by several threads.

    Args:
        films: each a square and its outline, as for `describe_one`.
        spec, lungs: as for `describe`.
        workers: threads; by default one a processor.
    """
    return map_in_order(lambda film: describe_one(*film, spec, lungs), films, workers)


def describe_one(
    square: Square, outline: Square | None, spec: Classical, lungs: LungFinder | None = None
) -> tuple[Row, str]:
    """The numbers, (d,) float32, and the note of one film; its outline is None where it is shown whole."""
    known = outline_of_crop(outline) if outline is not None and spec.uses_lungs else None
    prepared = prepare(square, spec.steps, lungs, known)
    if spec.describe == "grey":
        row, notes = _grey(prepared, spec.side)
    else:
        film = film_of(prepared, lungs)
        row, notes = np.array(list(features(film, spec.families).values()), dtype=np.float32), film.notes
    return row, "; ".join(notes)


def _grey(prepared: Prepared, side: int) -> tuple[Row, tuple[str, ...]]:
    """The small film less its mean, over its deviation."""
    film = prepared.square.astype(np.float32)  # as numbers first: OpenCV would round the means of bytes
    how = cv2.INTER_AREA if side <= len(film) else cv2.INTER_LINEAR
    small = cv2.resize(film, (side, side), interpolation=how).astype(np.float64)
    deviation = float(small.std())
    if deviation < _FLAT:
        return np.zeros(side * side, dtype=np.float32), (*prepared.notes, "one grey value throughout")
    return ((small - small.mean()) / deviation).astype(np.float32).ravel(), prepared.notes
