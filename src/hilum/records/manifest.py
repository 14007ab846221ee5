"""Films, and the manifest that lists them."""

from __future__ import annotations

import csv
import html
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from hilum.errors import LayoutError
from hilum.files import open_text, replacing
from hilum.records.csv_text import open_to_write, path_cell, plain_cells, row_writer, text_cell
from hilum.records.listing import html_table, text_table

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


@dataclass(frozen=True, slots=True, repr=False)
class Manifest:
    """The films of one data set, in a fixed order: what every later stage reads, and all it reads.

    At a prompt it shows how many films of each class its splits have.

    Attributes:
        films: the films.
        notes: what a person should know about them, one line each: what was omitted, copies, how val was cut, leaks.
            `films.index` fills them in; a selection of the films has none.
    """

    films: tuple[Film, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)

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

    def counts(self) -> dict[str, dict[str, int]]:
        """Films by split (`none` for those without) and by class and subtype, films in all, and known patients."""
        table: dict[str, dict[str, int]] = {}
        others = {film.split for film in self.films} - {*SPLITS, ""}
        for split in (*SPLITS, *sorted(others), ""):
            films = [film for film in self.films if film.split == split]
            if films:
                names = Counter(f"{film.label}/{film.subtype}".strip("/") or "unlabelled" for film in films)
                patients = len({film.patient for film in films if film.patient})
                table[split or "none"] = {**dict(sorted(names.items())), "films": len(films), "patients": patients}
        return table

    def summary(self) -> str:
        """The counts as a table: a column for each split."""
        return text_table(*self._table(), right=range(1, len(self.counts()) + 1)) if self.films else ""

    def __repr__(self) -> str:
        lines = (self._title(), self.summary(), *(f"note: {note}" for note in self.notes))
        return "\n".join(line for line in lines if line)

    def _repr_html_(self) -> str:
        counts = html_table(*self._table(), right=range(1, len(self.counts()) + 1)) if self.films else ""
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"<p>{self._title()}</p>{counts}" + (f"<ul>{notes}</ul>" if notes else "")

    def _title(self) -> str:
        patients = len({film.patient for film in self.films if film.patient})
        return f"{type(self).__name__}: {len(self):,} films of {patients:,} known patients"

    def _table(self) -> tuple[list[str], list[list[str]]]:
        counts = self.counts()
        names = sorted(
            {name for split in counts.values() for name in split},
            key=lambda name: (name in ("films", "patients"), name),
        )
        rows = [[name, *(f"{split.get(name, 0):,}" for split in counts.values())] for name in names]
        return ["", *counts], rows


_FILM_COLUMNS = tuple(field.name for field in fields(Film))
_ADDED_LATER = {"site"}  # a manifest that was written before lacks them


def is_manifest_header(columns: Iterable[str]) -> bool:
    """Whether these are the columns of a manifest that `write_manifest` wrote, now or before a column was added."""
    before = tuple(name for name in _FILM_COLUMNS if name not in _ADDED_LATER)
    return tuple(columns) in (_FILM_COLUMNS, before)


def write_manifest(manifest: Manifest, path: str | Path) -> None:
    """Write the manifest as CSV; film paths are kept relative to its folder, so that both can move together."""
    path = Path(path)
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    with replacing(path) as temporary, open_to_write(temporary) as file:
        write = row_writer(file)
        write(_FILM_COLUMNS)
        for film in manifest:
            moved = replace(film, path=os.path.relpath(os.path.abspath(film.path), folder))
            write([(path_cell if name == "path" else text_cell)(getattr(moved, name)) for name in _FILM_COLUMNS])


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest that `write_manifest` wrote.

    Raises:
        LayoutError: the file is missing, or not a manifest.
    """
    path = Path(path)
    try:
        with open_text(path, errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            if not is_manifest_header(rows.fieldnames or ()):
                raise LayoutError(f"{path}: not a Hilum manifest; make one with: hilum index DIR --out {path}")
            films = []
            for number, row in enumerate(rows, start=2):
                if None in row or None in row.values():
                    raise LayoutError(f"{path}: line {number} has more or fewer fields than the header")
                film = Film(**plain_cells(row))
                films.append(replace(film, path=os.path.normpath(os.path.join(path.parent, film.path))))
    except FileNotFoundError:
        raise LayoutError(f"{path}: no such manifest; make one with: hilum index DIR --out {path}") from None
    except csv.Error as error:
        raise LayoutError(f"{path}: not a readable CSV ({error})") from None
    return Manifest(tuple(films))
