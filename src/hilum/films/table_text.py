"""Tables as text: comma, semicolon, tab or bar between the columns, UTF-8 or UTF-16, plain or compressed by gzip."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

from hilum.errors import LayoutError, NotAFileError
from hilum.files import open_regular
from hilum.films.wording import count, listed, say

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
_GZIP, _ZIP, _OLE = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MOST_BYTES = 512 << 20  # of a table's text; the largest of a public data set, MIMIC's, have some 60 MB
_LONGEST_CELL = 16 << 20  # the csv module's own limit is 131,072 characters; masks and reports are longer


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table.

    Attributes:
        line: the number of its first line in the file, from 1.
        cells: as many as the header has.
    """

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class TextTable:
    """A table as it was read: its names of columns, and its rows.

    Attributes:
        path: where it lies.
        header: the names of its columns, without the spaces around them.
        rows: its rows, without empty ones.
    """

    path: str
    header: tuple[str, ...]
    rows: tuple[TableRow, ...]

    @cached_property
    def _places(self) -> dict[str, int]:
        places: dict[str, int] = {}
        for place, name in enumerate(self.header):
            places.setdefault(plain(name), place)
        return places

    def has(self, *names: str) -> bool:
        """Whether there are columns of all these names, in any spelling (`plain`)."""
        return all(plain(name) in self._places for name in names)

    def cell(self, row: TableRow, name: str) -> str:
        """A row's cell in a column, without the spaces around it; empty if there is no such column."""
        place = self._places.get(plain(name))
        return row.cells[place].strip() if place is not None else ""

    def column(self, place: int) -> list[str]:
        """All cells of a column, without the spaces around them."""
        return [row.cells[place].strip() for row in self.rows]


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """The name of a column in lower case, with one space for underscores, hyphens and spaces.

    >>> plain("Image_Index "), plain("patientId")
    ('image index', 'patientid')
    """
    return re.sub(r"[\s_-]+", " ", name.lower()).strip()


def is_table(path: str) -> bool:
    """Whether a file is a table by its name; a workbook is one too, which `read_text` refuses with a remedy."""
    return path.lower().endswith((*ENDINGS, *_WORKBOOKS))


def read_table_file(path: str) -> TextTable:
    """Read a table.

    Raises:
        LayoutError: the file is missing, is no text or no table; the message names the line.
    """
    return parse(path, read_text(path))


def read_text(path: str) -> str:
    """A table's text, unpacked and decoded.

    Raises:
        LayoutError: the file cannot be read, is a workbook, or is no text.
    """
    data = _bytes(path)
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise LayoutError(f"{say(path)}: not UTF-8 text; save the table as CSV UTF-8") from None


def _bytes(path: str) -> bytes:
    try:
        with open_regular(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except NotAFileError:
        raise
    except OSError as error:
        raise LayoutError(f"{say(path)}: the table cannot be read ({error.strerror})") from None
    if data.startswith(_GZIP):
        try:
            with gzip.open(io.BytesIO(data)) as unpacked:
                data = unpacked.read(_MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise LayoutError(f"{say(path)}: not a complete gzip file; fetch it again") from None
    if len(data) > _MOST_BYTES:
        raise LayoutError(f"{say(path)}: more than {_MOST_BYTES >> 20} MB, too long for a table; name a shorter one")
    if path.lower().endswith(_WORKBOOKS) or data.startswith(_OLE):
        raise LayoutError(
            f"{say(path)}: a workbook, which Hilum does not read; in Excel choose File, Save As, "
            "'CSV UTF-8 (comma delimited)', and name that file"
        )
    if data.startswith(_ZIP):
        raise LayoutError(
            f"{say(path)}: a zip archive or a workbook; unpack it, or save it as CSV, and name that file"
        )
    return data


def parse(path: str, text: str) -> TextTable:
    """The table that a text holds.

    Raises:
        LayoutError: the text is empty, or a row does not have the header's number of fields.
    """
    declared = re.match(r"sep=(.)\r?\n", text)  # as Excel writes it
    separator = declared[1] if declared else _separator(text.lstrip("\r\n").split("\n", 1)[0])
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not (declared and begins == 1):
                rows.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise LayoutError(f"{say(path)}: line {reader.line_num}: not a readable CSV ({error})") from None
    if not rows:
        raise LayoutError(
            f"{say(path)}: empty; it should have a line with the names of its columns, and a line for each film"
        )
    header = tuple(name.strip() for name in rows[0][1])
    table = TextTable(
        path, header, tuple(TableRow(line, _fit(path, line, cells, len(header))) for line, cells in rows[1:])
    )
    _refuse_twice(table)
    return table


def _separator(header: str) -> str:
    """What stands between the names of the columns, by the first line: what occurs most outside quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(",;\t|", key=bare.count)


def _fit(path: str, line: int, cells: list[str], columns: int) -> tuple[str, ...]:
    """A row's cells; empty ones beyond the header, as a comma at the end of a line makes them, are dropped."""
    while len(cells) > columns and not cells[-1].strip():
        cells.pop()
    if len(cells) != columns:
        raise LayoutError(f"{say(path)}: line {line} has {count(len(cells), 'field')}, the header {columns}")
    return tuple(cells)


def _refuse_twice(table: TextTable) -> None:
    named = [name for name in table.header if name]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise LayoutError(f"{say(table.path)}: the header has {listed(twice)} twice; rename or remove one of them")
