"""A detector's predictions for films, in memory and as `predictions.csv`."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hilum.errors import LayoutError
from hilum.files import open_text, replacing
from hilum.records.answer import ABSTENTIONS, NOT_JUDGED
from hilum.records.csv_text import open_to_write, path_cell, plain_cells, row_writer, text_cell
from hilum.records.listing import html_table, text_table
from hilum.records.manifest import Film

ADDED_COLUMNS = ("answer", "why", "remarks")  # that tables of Hilum 0.2.0 and earlier lack
_SHOWN = 20  # the largest number of rows in a repr


@dataclass(frozen=True, slots=True)
class Prediction:
    """A detector's prediction for one film, or why there is none.

    Attributes:
        film: the film, with its true label where one is known.
        probs: one probability per class, in the order of `Predictions.classes`; empty where `error` is set.
        prediction: the predicted class; empty where `error` is set.
        error: why the film could not be read; empty where it could.
        shape: height and width of the decoded film in pixels, before preprocessing; zeros where `error` is set.
        plausible: the classes in the film's conformal prediction set; empty where the bundle has no such sets.
        flags: why the film is out of the training distribution, or what was not found in it, in words; empty where
            all is well, or the bundle has no such check.
        remarks: what a person should know about how the film was read, in words; no reason not to answer.
        answer: what may be read off (`records.answer`): a class, `not sure` or `not judged`; empty in what was read
            from a table of Hilum 0.2.0 or earlier.
        why: the reason for that answer, as one sentence.
    """

    film: Film
    probs: tuple[float, ...] = ()
    prediction: str = ""
    error: str = ""
    shape: tuple[int, int] = (0, 0)
    plausible: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    answer: str = ""
    why: str = ""

    @property
    def answered(self) -> bool:
        """Whether the answer is a class."""
        return bool(self.answer) and self.answer not in ABSTENTIONS

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know besides the answer and its reason: the other flags, and the remarks."""
        return (*(flag for flag in self.flags if flag not in self.why), *self.remarks)

    @property
    def stopped(self) -> bool:
        """Whether the film could be read, and the gate stopped it."""
        return self.answer == NOT_JUDGED and not self.error


@dataclass(frozen=True, slots=True, repr=False)
class Predictions:
    """The predictions for several films, one row per film, also for films that could not be read.

    >>> film = Film("film.png", label="PNEUMONIA")
    >>> row = Prediction(film, (0.02, 0.98), "PNEUMONIA", answer="not sure", why="No class is plausible.")
    >>> predictions = Predictions(("NORMAL", "PNEUMONIA"), 0.5, (row,))
    >>> predictions
    path      label      answer    PNEUMONIA  prediction  why                     remarks
    film.png  PNEUMONIA  not sure      0.980  PNEUMONIA   No class is plausible.
    >>> predictions.to_columns()["prob_PNEUMONIA"]
    [0.98]

    Attributes:
        classes: the names of the classes; of two, the last one is the positive class.
        threshold: the smallest probability of the positive class at which that class is predicted; None with more
            than two classes, of which the most probable is predicted.
        rows: the predictions, in the order of the films.
    """

    classes: tuple[str, ...]
    threshold: float | None
    rows: tuple[Prediction, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.rows)

    @property
    def failed(self) -> tuple[Prediction, ...]:
        """The films that could not be read."""
        return tuple(row for row in self.rows if row.error)

    def to_dicts(self) -> list[dict[str, object]]:
        """A dictionary for each film, with the columns of `predictions.csv` as keys.

        `prob_<class>` are floats, None where the film could not be read; `threshold` is a float or None; `plausible`,
        `flags` and `remarks` are lists of strings; all else are strings.
        """
        return [self._as_dict(row) for row in self.rows]

    def to_columns(self) -> dict[str, list[object]]:
        """The same as a dictionary of columns, which `pandas.DataFrame` and `polars.DataFrame` accept."""
        rows = self.to_dicts()
        return {name: [row[name] for row in rows] for name in prediction_columns(self.classes)}

    def _as_dict(self, row: Prediction) -> dict[str, object]:
        film = row.film
        probs = row.probs or (None,) * len(self.classes)
        values = (film.path, film.label, *probs, row.prediction, self.threshold, film.patient, film.split)
        rest = (list(row.plausible), list(row.flags), row.error, row.answer, row.why, list(row.remarks))
        return dict(zip(prediction_columns(self.classes), (*values, *rest), strict=True))

    def __repr__(self) -> str:
        lines = [text_table(*self._table(), right=self._numeric())] if self.rows else ["Predictions: no films"]
        return "\n".join((*lines, *self._omitted()))

    def _repr_html_(self) -> str:
        below = "".join(f"<p>{html.escape(line)}</p>" for line in self._omitted())
        return html_table(*self._table(), right=self._numeric()) + below

    def _table(self) -> tuple[list[str], list[list[str]]]:
        """The header and the first rows of the repr; of two classes, only the positive one's probability."""
        shown = slice(-1, None) if len(self.classes) == 2 else slice(None)
        rows = []
        for row in self.rows[:_SHOWN]:
            probs = [f"{prob:.3f}" for prob in row.probs[shown]] or ["–"] * len(self.classes[shown])
            why, notes = row.why or row.error, "; ".join(row.notes)
            rows.append([row.film.path, row.film.label, row.answer, *probs, row.prediction, why, notes])
        return ["path", "label", "answer", *self.classes[shown], "prediction", "why", "remarks"], rows

    def _numeric(self) -> range:
        """The indices of the columns to align on the right."""
        return range(3, 4 if len(self.classes) == 2 else 3 + len(self.classes))

    def _omitted(self) -> list[str]:
        more = len(self.rows) - _SHOWN
        return [f"… and {more:,} more films"] if more > 0 else []


def write_predictions(predictions: Predictions, path: str | Path) -> None:
    """Write `predictions.csv`, with the columns that `prediction_columns` names.

    Several plausible classes are separated by `|`, several flags and remarks by a semicolon and a space.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, open_to_write(temporary) as file:
        write = row_writer(file)
        write(prediction_columns(predictions.classes))
        for row in predictions:
            write(prediction_cells(row, predictions.classes, predictions.threshold))


def prediction_columns(classes: tuple[str, ...]) -> list[str]:
    """The header of `predictions.csv`. Columns that are new are added at its end (`ADDED_COLUMNS`)."""
    names = [f"prob_{name}" for name in classes]
    first = ["path", "label", *names, "prediction", "threshold", "patient", "split", "plausible", "flags", "error"]
    return [*first, *ADDED_COLUMNS]


def prediction_cells(row: Prediction, classes: tuple[str, ...], threshold: float | None) -> list[str]:
    """One film's line of `predictions.csv`."""
    film, threshold_text = row.film, "" if threshold is None else f"{threshold:.6f}"
    probs = [f"{prob:.6f}" for prob in row.probs] or [""] * len(classes)
    sets, flags, remarks = "|".join(row.plausible), "; ".join(row.flags), "; ".join(row.remarks)
    before = [path_cell(film.path), text_cell(film.label), *probs, text_cell(row.prediction), threshold_text]
    after = (film.patient, film.split, sets, flags, row.error, row.answer, row.why, remarks)
    return [*before, *map(text_cell, after)]


def csv_bytes(rows: Iterable[Iterable[str]]) -> bytes:
    """Rows of cells in the bytes that `write_predictions` would write."""
    text = io.StringIO()
    write = row_writer(text)
    for row in rows:
        write(row)
    return text.getvalue().encode("utf-8", "surrogateescape")


def read_predictions(path: Path, classes: tuple[str, ...], threshold: float | None) -> Predictions:
    """Read what `write_predictions` wrote, except plausible classes, flags and remarks.

    Tables of Hilum 0.2.0 and earlier hold no answers; theirs are empty.

    Args:
        path: the CSV file.
        classes: the class names.
        threshold: becomes that of the result; the file's own is not read.

    Raises:
        LayoutError: the file is missing or damaged, or holds no predictions of these classes.
    """
    columns = [f"prob_{name}" for name in classes]
    try:
        with open_text(path, errors="surrogateescape") as file:
            table = csv.DictReader(file)
            needed = {"path", "label", "prediction", "patient", "split", "error", *columns}
            if not needed <= set(table.fieldnames or ()):
                raise LayoutError(f"{path}: holds no predictions of {', '.join(classes)}; run hilum evaluate again")
            return Predictions(classes, threshold, tuple(_prediction(path, table, row, columns) for row in table))
    except FileNotFoundError:
        raise LayoutError(f"{path}: no such predictions; hilum evaluate writes them") from None
    except csv.Error as error:
        raise LayoutError(f"{path}: damaged ({error}); run hilum evaluate again") from None


def _prediction(path: Path, table: csv.DictReader[str], row: dict[str, str], columns: list[str]) -> Prediction:
    where = f"{path}: line {table.line_num}"
    if None in row or None in row.values():
        raise LayoutError(f"{where} has more or fewer fields than the header; run hilum evaluate again")
    row = plain_cells(row)
    film = Film(row["path"], row["label"], patient=row["patient"], split=row["split"])
    probs = () if row["error"] else tuple(_probability(where, column, row[column]) for column in columns)
    answer, why = row.get("answer") or "", row.get("why") or ""
    return Prediction(film, probs, row["prediction"], row["error"], answer=answer, why=why)


def _probability(where: str, column: str, cell: str) -> float:
    with suppress(ValueError):
        if 0 <= (prob := float(cell)) <= 1:
            return prob
    raise LayoutError(f"{where} has '{cell}' in {column}, which is no probability; run hilum evaluate again")
