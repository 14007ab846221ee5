"""What travels between the stages: films, the manifest that lists them, and predictions.

Plain, frozen values without behaviour of their own beyond selecting and reading or writing a CSV,
so that every stage can import them and none needs to know another.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, TextIO

from hilum.errors import LayoutError
from hilum.files import replacing

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Film:
    """One film: where it lies, what it shows, whose it is, where it belongs.

    An empty string means *unknown*, never a default: an unlabelled film has `label == ""`, a film of
    an unknown patient `patient == ""`.

    Attributes:
        path: the file, as usable from the current folder; `archive.npz#train/17` for an array's member.
        label: the class that the film is labelled with.
        subtype: the cause within the class, such as `bacteria` or `virus`.
        patient: an identifier that is the same for every film of one patient.
        split: `train`, `val`, `test`, or empty where the films were not split.
        sha256: of the file's bytes (of the array's bytes for a member of an `.npz`).
        view: projection, `PA` or `AP`.
        age: in years, as the source gives it.
        sex: `F` or `M`, as the source gives it.
        site: the hospital or the machine that it was made at, as the source gives it.
    """

    path: str
    label: str = ""
    subtype: str = ""
    patient: str = ""
    split: str = ""
    sha256: str = ""
    view: str = ""
    age: str = ""
    sex: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The films of one data set, in a fixed order: what every later stage reads, and all it reads."""

    films: tuple[Film, ...]

    def __len__(self) -> int:
        return len(self.films)

    def __iter__(self) -> Iterator[Film]:
        return iter(self.films)

    def where(self, keep: Callable[[Film], bool]) -> Manifest:
        """The films for which `keep` holds, in order."""
        return Manifest(tuple(film for film in self.films if keep(film)))

    def split(self, name: str) -> Manifest:
        """The films of one split; `all` gives every film.

        Raises:
            LayoutError: no film belongs to that split.
        """
        chosen = self if name == "all" else self.where(lambda film: film.split == name)
        if not chosen.films:
            present = sorted({film.split for film in self.films if film.split})
            raise LayoutError(
                f"no film belongs to the split '{name}'; this manifest has "
                f"{', '.join(present) if present else 'no splits: ask for --split all'}"
            )
        return chosen

    def labelled_by(self, what: Literal["label", "subtype"]) -> Manifest:
        """The same films with the class that a recipe means (`Recipe.labels`) as their label.

        By `subtype` a film's label becomes its subtype where it has one (Kermany: NORMAL, bacteria, virus). The
        subtype stays, so that doing it twice changes nothing.
        """
        if what == "label":
            return self
        return replace(self, films=tuple(replace(film, label=film.subtype or film.label) for film in self.films))

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names that occur, sorted."""
        return tuple(sorted({film.label for film in self.films if film.label}))


def _rows_of(file: TextIO) -> Callable[[Iterable[str]], None]:
    """Write rows to a CSV so that any file name reads back.

    The csv module leaves a lone carriage return unquoted where lines end in a line feed (Python 3.11), and reads it
    as the end of a row.
    """
    plain = csv.writer(file, lineterminator="\n")
    quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(row: Iterable[str]) -> None:
        cells = list(row)
        (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)

    return write


def _writable(path: Path) -> TextIO:
    """A CSV to write to; a file name that is not Unicode keeps its bytes."""
    return path.open("w", newline="", encoding="utf-8", errors="surrogateescape")


_FILM_COLUMNS = tuple(field.name for field in fields(Film))
_ADDED_LATER = {"site"}  # a manifest that was written before lacks them


def is_manifest_header(columns: Iterable[str]) -> bool:
    """Whether these are the columns of a manifest that `write_manifest` wrote, now or before a column was added."""
    before = tuple(name for name in _FILM_COLUMNS if name not in _ADDED_LATER)
    return tuple(columns) in (_FILM_COLUMNS, before)


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write the manifest as CSV; film paths are kept relative to its folder, so that both can move together."""
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    with replacing(path) as temporary, _writable(temporary) as file:
        write = _rows_of(file)
        write(_FILM_COLUMNS)
        for film in manifest:
            moved = replace(film, path=os.path.relpath(os.path.abspath(film.path), folder))
            write([getattr(moved, column) for column in _FILM_COLUMNS])


def read_manifest(path: Path) -> Manifest:
    """Read a manifest that `write_manifest` wrote.

    Raises:
        LayoutError: the file is missing, or not a manifest.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            if not is_manifest_header(rows.fieldnames or ()):
                raise LayoutError(f"{path}: not a Hilum manifest; make one with: hilum index DIR --out {path}")
            films = []
            for number, row in enumerate(rows, start=2):
                if None in row or None in row.values():
                    raise LayoutError(f"{path}: line {number} has more or fewer fields than the header")
                film = Film(**row)
                films.append(replace(film, path=os.path.normpath(os.path.join(path.parent, film.path))))
    except FileNotFoundError:
        raise LayoutError(f"{path}: no such manifest; make one with: hilum index DIR --out {path}") from None
    except csv.Error as error:
        raise LayoutError(f"{path}: not a readable CSV ({error})") from None
    return Manifest(tuple(films))


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


@dataclass(frozen=True, slots=True)
class Predictions:
    """One row a film, also for a film that could not be read.

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


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95% interval; `None` where it is not defined (no positive film, one class only, …)."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "not defined"
        if self.low is None or self.high is None:
            return f"{self.value:.4f}"
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write `predictions.csv`: `path,label,prob_<class>…,prediction,threshold,patient,split,plausible,flags,error`.

    Several plausible classes are divided by `|`, several flags by `; `.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, _writable(temporary) as file:
        write = _rows_of(file)
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
    write = _rows_of(text)
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
