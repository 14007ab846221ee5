"""CSV files in which any text reads back, whatever its bytes are, and which no spreadsheet executes.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, quoted or not,
and a formula can start programs. An apostrophe before it is no answer: it is part of the value for every other
reader, and nobody can tell it from one that was there. So a path gets `./` before it, which names the same file, and
other text a backslash. Readers of Hilum take away exactly that again. Numbers, such as `-17`, stay as they are.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TextIO

_EXECUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the wide ones are read as the others
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


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


def path_cell(path: str) -> str:
    """A path as a cell that no spreadsheet executes, and that names the same file.

    >>> path_cell("=x.png"), path_cell("a/=x.png"), path_of("./=x.png")
    ('./=x.png', 'a/=x.png', '=x.png')
    """
    return f"./{path}" if _would_run(path, "./") else path


def path_of(cell: str) -> str:
    """The path that `path_cell` wrote."""
    return cell.removeprefix("./") if _would_run(cell, "./") else cell


def text_cell(text: str) -> str:
    r"""Text as a cell that no spreadsheet executes.

    >>> text_cell("=1+1"), text_cell("-17"), text_of(text_cell("=1+1"))
    ('\\=1+1', '-17', '=1+1')
    """
    return f"\\{text}" if _would_run(text, "\\") else text


def text_of(cell: str) -> str:
    """The text that `text_cell` wrote."""
    return cell.removeprefix("\\") if _would_run(cell, "\\") else cell


def plain_cells(cells: Mapping[str, str]) -> dict[str, str]:
    """A row by its columns, as it was before `path_cell` and `text_cell`."""
    return {name: path_of(cell) if name == "path" else text_of(cell) for name, cell in cells.items()}


def _would_run(cell: str, before: str) -> bool:
    """Whether a cell, without any number of what is written before such ones, would be executed."""
    while cell.startswith(before):
        cell = cell.removeprefix(before)
    return cell.startswith(_EXECUTED) and not _NUMBER.fullmatch(cell)
