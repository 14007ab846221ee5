"""Films under shifts, as a recipe shows them to a model: each is decoded once, and shifted at its own resolution."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels import decode
from hilum.pixels.preprocess import preprocess_scaled
from hilum.progress import track
from hilum.shifts.grey import Shift
from hilum.workers import map_in_order

if TYPE_CHECKING:
    from hilum.lungs import LungFinder
    from hilum.recipe import Pixels
    from hilum.records import Film

Squares = NDArray[np.uint8]
Floats = NDArray[np.float64]
# Probabilities, (n, classes), of preprocessed films, (n, size, size), and of their lungs where cropped to them.
PredictSquares = Callable[[Squares, Squares | None], NDArray[np.floating]]
LookAt = Callable[["Film", NDArray[np.float32]], None]

_TOGETHER = 32  # squares predicted at a time: enough to keep the cores busy
_AHEAD = 32  # films decoded ahead of the model; each is one square for every shift


def probs_under_shifts(
    predict: PredictSquares,
    films: Sequence[Film],
    pixels: Pixels,
    lungs: LungFinder | None,
    shifts: Mapping[str, Shift],
    fixed: Collection[str] = (),
    look_at: LookAt | None = None,
) -> tuple[list[Film], Floats]:
    """What a model makes of films as they are and under each shift.

    Args:
        predict: the model.
        films: in any order.
        pixels: how the model is shown films.
        lungs: the network that finds the lungs, as for `hilum.pixels.preprocess`.
        shifts: by name.
        fixed: names of the shifts that hide the lungs; see `shifted_squares`.
        look_at: is given each film with its decoded pixels, (height, width), 0 to 1, as it is, in the thread that
            reads it, so that whoever wants to know more of it need not decode it again.

    Returns:
        The films that could be read, and their probabilities, `(1 + shifts, films, classes)`; first as they are.
    """
    read: list[Film] = []
    probs: list[Floats] = []
    for film, squares, of_film in shifted_squares(films, pixels, lungs, shifts, fixed, look_at):
        read.append(film)
        parts = [slice(start, start + _TOGETHER) for start in range(0, len(squares), _TOGETHER)]
        rows = [predict(squares[part], None if of_film is None else of_film[part]) for part in parts]
        probs.append(np.concatenate(rows).astype(np.float64))
    return read, np.stack(probs, axis=1) if probs else np.zeros((1 + len(shifts), 0, 0))


def shifted_squares(
    films: Sequence[Film],
    pixels: Pixels,
    lungs: LungFinder | None,
    shifts: Mapping[str, Shift],
    fixed: Collection[str] = (),
    look_at: LookAt | None = None,
) -> Iterator[tuple[Film, Squares, Squares | None]]:
    """Yield each film that can be read with its squares and their lungs: first as it is, then under each shift.

    Where films are cropped to the lungs, these are looked for in the shifted film, as they would be if it came so. A
    film under one of the shifts of `fixed` is cropped as it was before, and keeps the lungs that were found then.

    Yields:
        The film; `(1 + shifts, size, size)` uint8; the same shape, 255 inside the lungs, or None for whole films.
    """

    def squares_of(film: Film) -> tuple[Squares, Squares | None] | None:
        try:
            grey = decode(film.path, pixels.window, film.sha256, pixels.grey_scale)
            if look_at is not None:
                look_at(film, grey)
            intact = preprocess_scaled(grey, pixels, grey.shape, 1, lungs)
            framings = [intact.framing if name in fixed else None for name in shifts]
            views = (shift(grey) for shift in shifts.values())
            shown = [intact]
            shown += [
                preprocess_scaled(view, pixels, view.shape, 1, lungs, at)
                for view, at in zip(views, framings, strict=True)
            ]
            levels = np.stack([each.levels for each in shown])
            if intact.lungs is None:
                return levels, None
            return levels, np.stack([intact.lungs if each.lungs is None else each.lungs for each in shown])
        except FilmError:
            return None

    with closing(map_in_order(squares_of, films, ahead=_AHEAD)) as shifting:
        for film, squares in zip(films, track(shifting, "shifting films", len(films)), strict=True):
            if squares is not None:
                yield film, *squares
