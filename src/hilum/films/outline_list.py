"""`outlines.csv`: which outline each film of a run was given, so that the run can be resumed with the same ones."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from hilum.errors import RequestError
from hilum.files import open_text, replacing
from hilum.films.outlines import Outline
from hilum.records import Manifest
from hilum.records.csv_text import open_to_write, path_cell, plain_cells, row_writer, text_cell

_COLUMNS = ("film_sha256", "path", "sha256")


def write_outlines(outlines: Iterable[Outline], path: Path) -> None:
    """Write the list; the outlines' paths are kept relative to its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.path.abspath(path.parent)
    with replacing(path) as temporary, open_to_write(temporary) as file:
        write = row_writer(file)
        write(_COLUMNS)
        for outline in outlines:
            relative = os.path.relpath(os.path.abspath(outline.path), folder)
            write([text_cell(outline.film.sha256), path_cell(relative), text_cell(outline.sha256)])


def read_outlines(path: Path, manifest: Manifest) -> tuple[Outline, ...]:
    """Read what `write_outlines` wrote, for the films of the run's manifest.

    Raises:
        RequestError: the list is missing or damaged, or is of other films.
    """
    again = "restore it, or start the run again"
    try:
        with open_text(path, errors="surrogateescape") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != _COLUMNS:
                raise RequestError(f"{path}: not a run's list of outlines; {again}")
            lines = [plain_cells(row) for row in rows]
    except FileNotFoundError:
        raise RequestError(f"{path}: the run's list of outlines is missing; {again}") from None
    except (csv.Error, AttributeError, TypeError):
        raise RequestError(f"{path}: damaged; {again}") from None
    if [row["film_sha256"] for row in lines] != [film.sha256 for film in manifest]:
        raise RequestError(f"{path}: lists other films than the run's manifest.csv; {again}")
    return tuple(
        Outline(film, os.path.normpath(os.path.join(path.parent, row["path"])), row["sha256"])
        for film, row in zip(manifest, lines, strict=True)
    )
