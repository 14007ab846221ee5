"""The region of a film that a finding is tied to: a closed line, within the film."""

from __future__ import annotations

import math

from hilum.pacs.records import AnsweredFilm, Point


def region_outline(answer: AnsweredFilm, size: tuple[int, int]) -> tuple[Point, ...]:
    """The lung field, else what the detector was shown, else the whole film.

    A viewer draws it, and shows a film's measurements only beside something that is drawn.

    >>> from hilum.records import Film, Prediction
    >>> answer = AnsweredFilm(Prediction(Film("film")), outline=((9.0, 5.0), (40.0, 8.0), (20.0, 60.0)))
    >>> region_outline(answer, (64, 64))
    ((9.0, 5.0), (40.0, 8.0), (20.0, 60.0), (9.0, 5.0))

    Args:
        answer: to the film.
        size: rows and columns of the film, where they are known.

    Returns:
        Columns and rows from the corner of the film's first pixel (PS3.3 C.18.6.1.1); the last point is the first
        one. Empty where there is neither a region nor a size.
    """
    rows, columns = size if min(size) > 0 else answer.row.shape
    lungs = _within(answer.outline, rows, columns)
    if _has_area(lungs):
        return _closed(lungs)
    for top, left, bottom, right in (answer.region or (0, 0, rows, columns), (0, 0, rows, columns)):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        box = _within([(float(column), float(row)) for column, row in corners], rows, columns)
        if _has_area(box):
            return _closed(box)
    return ()


def _closed(corners: list[Point]) -> tuple[Point, ...]:
    """A line back to its first point; of four corners it goes through the middles between them, too.

    OHIF takes a closed line of four corners for a rectangle of its own, and asks whether to go on with it: who says
    yes sees an area in place of the probability.
    """
    if len(corners) == 4:
        line = []
        for (column, row), (right, below) in zip(corners, corners[1:] + corners[:1], strict=True):
            line += [(column, row), ((column + right) / 2, (row + below) / 2)]
        corners = line
    return (*corners, corners[0])


def _within(points: tuple[Point, ...] | list[Point], rows: int, columns: int) -> list[Point]:
    """Points on the film, without those that are none and without the same one twice in a row."""
    kept: list[Point] = []
    for column, row in points:
        if not (math.isfinite(column) and math.isfinite(row)):
            continue
        point = (min(max(float(column), 0.0), float(columns)), min(max(float(row), 0.0), float(rows)))
        if not kept or kept[-1] != point:
            kept.append(point)
    while len(kept) > 1 and kept[-1] == kept[0]:
        kept.pop()
    return kept


def _has_area(points: list[Point]) -> bool:
    """By the shoelace formula, more than a pixel."""
    following = points[1:] + points[:1]
    doubled = sum(x * below - right * y for (x, y), (right, below) in zip(points, following, strict=True))
    return abs(doubled) > 2
