"""What a detector says of films, and the CSV that keeps it."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hilum.errors import LayoutError
from hilum.files import replacing
from hilum.records.csv_text import open_to_write, row_writer
from hilum.records.listing import html_table, text_table
from hilum.records.manifest import Film

_SHOWN = 20  # rows at a prompt


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a detector says of one film, or why it could not say anything.

    Attributes:
        film: the film, with its label where one is known.
        probs: one probability a class, in the order of `Predictions.classes`; empty where `error` is set.
        prediction: the class chosen; empty where `error` is set.
        error: why the film could not be read; empty where it could.
        shape: height and width of the film as it was decoded, in pixels; zeros where it could not be.
        plausible: the classes in the film's prediction set, where the bundle has such sets.
        flags: why the film is not one that the detector was made for, in words; empty where it is, or nobody asked.
    """

    film: Film
    probs: tuple[float, ...] = ()
    prediction: str = ""
    error: str = ""
    shape: tuple[int, int] = (0, 0)
    plausible: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Predictions:
    """One row a film, also for a film that could not be read; a table at a prompt.

    >>> film = Film("film.png", label="PNEUMONIA")
    >>> row = Prediction(film, probs=(0.02, 0.98), prediction="PNEUMONIA")
    >>> predictions = Predictions(("NORMAL", "PNEUMONIA"), 0.5, (row,))
    >>> predictions
    path      label      PNEUMONIA  prediction  notes
    film.png  PNEUMONIA      0.980  PNEUMONIA
    >>> predictions.to_columns()["prob_PNEUMONIA"]
    [0.98]

    Attributes:
        classes: the names of the classes; of two, the last one is the positive class.
        threshold: the probability of the positive class from which on it is predicted; None with more than two
            classes, of which the most probable is predicted.
        rows: the predictions, in the order of the films asked for.
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

        `prob_<class>` are floats, None where the film could not be read; `threshold` is a float or None; `plausible`
        and `flags` are lists of strings; all else are strings.
        """
        return [self._as_dict(row) for row in self.rows]

    def to_columns(self) -> dict[str, list[object]]:
        """The same column by column, as `pandas.DataFrame` and `polars.DataFrame` take it."""
        rows = self.to_dicts()
        return {name: [row[name] for row in rows] for name in prediction_columns(self.classes)}

    def _as_dict(self, row: Prediction) -> dict[str, object]:
        film = row.film
        probs = row.probs or (None,) * len(self.classes)
        values = (film.path, film.label, *probs, row.prediction, self.threshold, film.patient, film.split)
        rest = (list(row.plausible), list(row.flags), row.error)
        return dict(zip(prediction_columns(self.classes), (*values, *rest), strict=True))

    def __repr__(self) -> str:
        lines = [text_table(*self._table(), right=self._numeric())] if self.rows else ["Predictions: of no film"]
        return "\n".join((*lines, *self._omitted()))

    def _repr_html_(self) -> str:
        below = "".join(f"<p>{html.escape(line)}</p>" for line in self._omitted())
        return html_table(*self._table(), right=self._numeric()) + below

    def _table(self) -> tuple[list[str], list[list[str]]]:
        """The first rows; of two classes the positive one's probability says it all."""
        shown = slice(-1, None) if len(self.classes) == 2 else slice(None)
        rows = []
        for row in self.rows[:_SHOWN]:
            probs = [f"{prob:.3f}" for prob in row.probs[shown]] or ["–"] * len(self.classes[shown])
            notes = row.error or "; ".join(row.flags)
            rows.append([row.film.path, row.film.label, *probs, row.prediction, notes])
        return ["path", "label", *self.classes[shown], "prediction", "notes"], rows

    def _numeric(self) -> range:
        return range(2, 3 if len(self.classes) == 2 else 2 + len(self.classes))

    def _omitted(self) -> list[str]:
        more = len(self.rows) - _SHOWN
        return [f"… and {more:,} more films"] if more > 0 else []


def write_predictions(predictions: Predictions, path: str | Path) -> None:
    """Write `predictions.csv`: `path,label,prob_<class>…,prediction,threshold,patient,split,plausible,flags,error`.

    Several plausible classes are divided by `|`, several flags by a semicolon and a space.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, open_to_write(temporary) as file:
        write = row_writer(file)
        write(prediction_columns(predictions.classes))
        for row in predictions:
            write(prediction_cells(row, predictions.classes, predictions.threshold))


def prediction_columns(classes: tuple[str, ...]) -> list[str]:
    """The header of `predictions.csv`."""
    names = [f"prob_{name}" for name in classes]
    return ["path", "label", *names, "prediction", "threshold", "patient", "split", "plausible", "flags", "error"]


def prediction_cells(row: Prediction, classes: tuple[str, ...], threshold: float | None) -> list[str]:
    """One film's line of `predictions.csv`."""
    film, decides = row.film, "" if threshold is None else f"{threshold:.6f}"
    probs = [f"{prob:.6f}" for prob in row.probs] or [""] * len(classes)
    sets, flags = "|".join(row.plausible), "; ".join(row.flags)
    return [film.path, film.label, *probs, row.prediction, decides, film.patient, film.split, sets, flags, row.error]


def csv_bytes(rows: Iterable[Iterable[str]]) -> bytes:
    """Rows as `write_predictions` writes them."""
    text = io.StringIO()
    write = row_writer(text)
    for row in rows:
        write(row)
    return text.getvalue().encode("utf-8", "surrogateescape")


def read_predictions(path: Path, classes: tuple[str, ...], threshold: float | None) -> Predictions:
    """Read what `write_predictions` wrote, as far as it is there: of the films path, label, patient and split.

    Raises:
        LayoutError: the file is missing, or holds no predictions of these classes.
    """
    columns = [f"prob_{name}" for name in classes]
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            table = csv.DictReader(file)
            needed = {"path", "label", "prediction", "patient", "split", "error", *columns}
            if not needed <= set(table.fieldnames or ()):
                raise LayoutError(f"{path}: holds no predictions of {', '.join(classes)}; evaluate again")
            return Predictions(classes, threshold, tuple(_prediction(row, columns) for row in table))
    except FileNotFoundError:
        raise LayoutError(f"{path}: no such predictions; hilum evaluate writes them") from None
    except (csv.Error, ValueError) as error:
        raise LayoutError(f"{path}: damaged ({error}); evaluate again") from None


def _prediction(row: dict[str, str], columns: list[str]) -> Prediction:
    film = Film(row["path"], row["label"], patient=row["patient"], split=row["split"])
    probs = () if row["error"] else tuple(float(row[column]) for column in columns)
    return Prediction(film, probs, row["prediction"], row["error"])
