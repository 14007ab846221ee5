"""CSV files in which any file name reads back, whatever its bytes are."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO


def row_writer(file: TextIO) -> Callable[[Iterable[str]], None]:
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


def open_to_write(path: Path) -> TextIO:
    """A CSV to write to; a file name that is not Unicode keeps its bytes."""
    return path.open("w", newline="", encoding="utf-8", errors="surrogateescape")
