"""Lists of films that may be longer than memory holds: a Parquet or a CSV with a column of paths, read in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from csv import reader
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hilum.errors import LayoutError
from hilum.files import open_text, require_regular
from hilum.records import Film, Manifest

SUFFIXES = (".csv", ".parquet")
COLUMNS = ("path", "label", "subtype", "patient", "split")  # a film's first fields: what predictions say of it
_PIECE = 65_536  # rows read at a time: 10 MB or so


@dataclass(frozen=True, slots=True)
class FilmList:
    """Films in a fixed order, which can be gone through again and again without holding them all.

    Attributes:
        source: a manifest in memory, or the path of a table: a Parquet or CSV with a column `path`, and `label`,
            `subtype`, `patient` and `split` where it has them. Relative paths count from the table's folder.
    """

    source: Manifest | Path

    def __iter__(self) -> Iterator[Film]:
        """The films with absolute paths, which mean the same in every folder.

        Raises:
            LayoutError: the table is missing, damaged, has no column `path`, or a row of it names no film.
        """
        folder = ""
        films: Iterator[Film]
        if isinstance(self.source, Manifest):
            films = iter(self.source)
        else:
            folder, films = os.path.dirname(self.source), self._rows(self.source)
        for film in films:
            path = os.path.abspath(os.path.join(folder, film.path))
            yield Film(path, film.label, film.subtype, film.patient, film.split)

    def _rows(self, table: Path) -> Iterator[Film]:
        import pyarrow as arrow

        number = 0
        try:
            for piece in _parquet(table) if table.suffix.lower() == ".parquet" else _csv(table):
                columns = {name: piece.column(name).cast(arrow.string()).to_pylist() for name in piece.schema.names}
                rows = zip(*(columns.get(name) or [""] * piece.num_rows for name in COLUMNS), strict=True)
                for row in rows:
                    number += 1
                    if not row[0]:
                        raise LayoutError(f"{table}: row {number} has no path; name a film in it or take it out")
                    yield Film(*(cell or "" for cell in row))
        except FileNotFoundError:
            raise LayoutError(f"{table}: no such list of films") from None
        except arrow.ArrowException as error:
            raise LayoutError(f"{table}: damaged after row {number} ({' '.join(str(error).split())})") from None


def _parquet(table: Path) -> Iterator[Any]:
    import pyarrow.parquet as parquet

    require_regular(table)
    with parquet.ParquetFile(table) as file:
        names = _known(table, file.schema_arrow.names)
        yield from file.iter_batches(_PIECE, columns=names)


def _csv(table: Path) -> Iterator[Any]:
    """Every cell is text: a patient `007` stays so."""
    import pyarrow as arrow
    from pyarrow import csv

    with open_text(table, "utf-8-sig", errors="replace") as text:
        header = next(reader(text), [])
    if not header:
        raise LayoutError(f"{table}: empty; its first line should name a column path, each other line a film")
    names = _known(table, header)
    convert = csv.ConvertOptions(
        column_types={name: arrow.string() for name in names}, include_columns=names, strings_can_be_null=False
    )
    parse = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(table, parse_options=parse, convert_options=convert) as file:
        yield from file


def _known(table: Path, names: list[str]) -> list[str]:
    if "path" not in names:
        raise LayoutError(f"{table}: no column path among {', '.join(names)}; rename the one that names the films")
    return [name for name in COLUMNS if name in names]
