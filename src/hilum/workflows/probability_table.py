"""Another model's probabilities, from a table: what a detector is compared with.

The table is a CSV file in UTF-8 with a header. Its columns, in any order:

- `path`: the film's file, absolute, or relative to the current folder or to the table's.
- `prob_CLASS`, one for each class: the probability of that class, from 0 to 1; they add up to 1 in each row.
- `label`, `patient`, `split`, optional: read only where the films are not known from elsewhere.

Other columns are ignored, so that a `predictions.csv` of Hilum is such a table too.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hilum.errors import LayoutError, RequestError
from hilum.files import open_text
from hilum.films.class_names import is_negative
from hilum.records import Film, Manifest, Prediction, Predictions, answer_of
from hilum.records.csv_text import plain_cells

_PREFIX = "prob_"
_NAMED = 3  # films that a refusal names
_TOLERANCE = 1e-3  # of a row's sum: probabilities are often written with few digits


def is_table(path: Path) -> bool:
    """Whether this is a table of probabilities, and no folder."""
    return path.suffix.lower() == ".csv"


@dataclass(frozen=True, slots=True)
class ProbabilityTable:
    """A table of probabilities as it was read.

    Attributes:
        path: the file.
        classes: as the columns name them; the plainly negative one first, else in the columns' order.
        films: of each row, with what the table says of it.
        probs: of each row, in the order of `classes`.
    """

    path: Path
    classes: tuple[str, ...]
    films: tuple[Film, ...]
    probs: tuple[tuple[float, ...], ...]

    def reordered(self, classes: Sequence[str]) -> ProbabilityTable:
        """The same with the classes in another order; unchanged where they are not the same classes."""
        if set(classes) != set(self.classes):
            return self
        places = [self.classes.index(name) for name in classes]
        return ProbabilityTable(
            self.path, tuple(classes), self.films, tuple(tuple(row[place] for place in places) for row in self.probs)
        )

    def predictions(self, films: Manifest | None = None, threshold: float | None = None) -> Predictions:
        """Take the table's probabilities for predictions.

        Args:
            films: what to take from the table, with the labels that count; where the table's classes are subtypes, a
                film's subtype is its label. None takes every row, with the label that the table gives it.
            threshold: of two classes, the probability from which on the second is called; None is 0.5.

        Raises:
            LayoutError: films that the table does not list; or no label, where there are no films.
            RequestError: a threshold for more than two classes, or one that is not from 0 to 1.
        """
        decides = self._threshold(threshold)
        if films is None:
            if not any(film.label for film in self.films):
                raise LayoutError(f"{self.path}: has no labels; add a column 'label', or name the films with --data")
            films, rows = Manifest(self.films), list(range(len(self.films)))
        else:
            films = self._labelled(films)
            rows = self._rows_of(films)
        return Predictions(
            self.classes, decides, tuple(self._row(film, row, decides) for film, row in zip(films, rows, strict=True))
        )

    def _threshold(self, threshold: float | None) -> float | None:
        if len(self.classes) > 2:
            if threshold is not None:
                raise RequestError(
                    f"{self.path}: has {len(self.classes)} classes, of which the most probable is called; a "
                    "threshold is for two"
                )
            return None
        decides = 0.5 if threshold is None else threshold
        if not 0 <= decides <= 1:
            raise RequestError(f"the threshold is {decides:g}; it has to lie from 0 to 1")
        return decides

    def _labelled(self, films: Manifest) -> Manifest:
        by_subtype = films.labelled_by("subtype")
        known = set(self.classes)
        return by_subtype if not set(films.labels) <= known and set(by_subtype.labels) <= known else films

    def _rows_of(self, films: Manifest) -> list[int]:
        """The table's row of each film: by the path as written, by the current folder, or by the table's folder."""
        folder = os.path.abspath(self.path.parent)
        written = {os.path.normpath(film.path): row for row, film in enumerate(self.films)}
        here = {os.path.abspath(film.path): row for row, film in enumerate(self.films)}
        there = {os.path.normpath(os.path.join(folder, film.path)): row for row, film in enumerate(self.films)}
        rows, missing = [], []
        for film in films:
            place = os.path.abspath(film.path)
            row = written.get(os.path.normpath(film.path), here.get(place, there.get(place)))
            if row is None:
                missing.append(film.path)
            else:
                rows.append(row)
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise LayoutError(
                f"{self.path}: lacks {len(missing)} of {len(films)} films: {', '.join(missing[:_NAMED])}{more}; its "
                "paths have to be absolute, or relative to the current folder or to the table's"
            )
        return rows

    def _row(self, film: Film, row: int, threshold: float | None) -> Prediction:
        probs = self.probs[row]
        called = int(np.argmax(probs) if threshold is None else probs[1] >= threshold)
        answer, why = answer_of(self.classes, self.classes[called], None, None)
        return Prediction(film, probs, self.classes[called], answer=answer, why=why)


def read_probability_table(path: Path) -> ProbabilityTable:
    """Read another model's probabilities; the module says in which format.

    Raises:
        LayoutError: the file is missing or no CSV, lacks a column, names a film twice, or holds what are no
            probabilities; the line says which and where.
    """
    try:
        with open_text(path, "utf-8-sig", errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            header = list(rows.fieldnames or ())
            columns = _columns(path, header)
            films, probs = [], []
            first_line: dict[str, int] = {}
            for row in rows:
                line = rows.line_num
                if None in row or None in row.values():
                    raise LayoutError(f"{path}: line {line} has more or fewer fields than the header")
                cells = plain_cells({name: row.get(name, "") for name in ("path", "label", "patient", "split")})
                film = Film(cells["path"], cells["label"], patient=cells["patient"], split=cells["split"])
                before = first_line.setdefault(os.path.normpath(film.path), line)
                if before != line:
                    raise LayoutError(f"{path}: lines {before} and {line} both list {film.path}; list each film once")
                films.append(film)
                probs.append(_probs(path, line, row, columns))
    except FileNotFoundError:
        raise LayoutError(f"{path}: no such table") from None
    except csv.Error as error:
        raise LayoutError(f"{path}: not a readable CSV ({error})") from None
    if not films:
        raise LayoutError(f"{path}: lists no film")
    classes = tuple(column.removeprefix(_PREFIX) for column in columns)
    return ProbabilityTable(path, classes, tuple(films), tuple(probs))


def _columns(path: Path, header: list[str]) -> list[str]:
    """The columns of probabilities, the plainly negative class first."""
    if "path" not in header:
        raise LayoutError(
            f"{path}: has no column 'path'; a table of probabilities has path, and prob_CLASS for each class"
        )
    columns = [name for name in header if name.startswith(_PREFIX) and name != _PREFIX]
    if len(columns) < 2:
        raise LayoutError(
            f"{path}: needs a column prob_CLASS for each class, such as prob_NORMAL and prob_PNEUMONIA, and has "
            f"{columns[0] if columns else 'none'}"
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise LayoutError(f"{path}: the header names {', '.join(twice)} twice; rename or drop one of them")
    return sorted(columns, key=lambda name: not is_negative(name.removeprefix(_PREFIX)))


def _probs(path: Path, line: int, row: dict[str, str], columns: list[str]) -> tuple[float, ...]:
    probs = []
    for column in columns:
        try:
            prob = float(row[column])
        except ValueError:
            raise LayoutError(f"{path}: line {line} has '{row[column]}' in {column}, which is no number") from None
        if not 0 <= prob <= 1:
            raise LayoutError(
                f"{path}: line {line} has {row[column]} in {column}; a probability lies from 0 to 1 (a logit needs a "
                "sigmoid or a softmax first)"
            )
        probs.append(prob)
    if abs(sum(probs) - 1) > _TOLERANCE:
        raise LayoutError(f"{path}: the probabilities of line {line} add up to {sum(probs):.4g}, and not to 1")
    return tuple(probs)
