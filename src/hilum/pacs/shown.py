"""Where on a film an answer was looked for, as its row keeps it: the same after a start as before."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from msgspec import Struct

from hilum.pacs.records import AnsweredFilm, Point
from hilum.records import NOT_JUDGED, Film, Prediction
from hilum.store import StoredPrediction


class ShownPart(Struct, frozen=True):
    """The fields of `AnsweredFilm` besides its row."""

    outline: tuple[Point, ...] = ()
    region: tuple[int, int, int, int] | None = None


def shown_text(answered: AnsweredFilm) -> str:
    """What a film's row keeps, as JSON; every number comes back as it was."""
    outline = tuple((float(column), float(row)) for column, row in answered.outline)
    region = None if answered.region is None else tuple(map(int, answered.region))
    return msgspec.json.encode(ShownPart(outline, region)).decode()  # type: ignore[arg-type]


def answered_again(stored: StoredPrediction | None, shown: str, why: str) -> AnsweredFilm:
    """A film's answer as the store has it.

    Args:
        stored: the prediction; None for a film that none was made of.
        shown: what `shown_text` has given; empty without a prediction.
        why: no prediction was made.
    """
    if stored is None:
        return AnsweredFilm(Prediction(Film(""), answer=NOT_JUDGED, why=why))
    film = stored.row.film  # whose patient is a pseudonym, which is no business of anybody else's
    row = replace(stored.row, film=Film("", age=film.age, sex=film.sex, view=film.view))
    kept = msgspec.json.decode(shown, type=ShownPart) if shown else ShownPart()
    return AnsweredFilm(row, kept.outline, kept.region)
