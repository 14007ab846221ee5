"""A CSV's rows as they lie on the disk: where each one ends, and the file written again with some of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from hilum.files import open_regular, replacing

Span = tuple[int, int]  # where a row begins and ends, in bytes


def whole_rows(path: Path) -> Iterator[tuple[list[str], int]]:
    """The whole rows of a CSV, also those with line feeds in a cell, and where each ends. Half a row is none."""
    place, quotes, lines = 0, 0, list[bytes]()
    with open_regular(path) as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            place += len(line)
            quotes += line.count(b'"')
            lines.append(line)
            if quotes % 2:
                continue
            text = b"".join(lines).decode("utf-8", "surrogateescape")
            quotes, lines = 0, []
            try:
                yield next(csv.reader(io.StringIO(text, newline=""))), place
            except (csv.Error, StopIteration):
                yield [], place


def rewrite(path: Path, spans: Sequence[Span]) -> int:
    """Replace a file by one that holds these parts of it, in this order; gives its length. Whole before, whole after.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    length = 0
    with replacing(path) as temporary, temporary.open("wb") as new, path.open("rb") as old:
        for start, end in spans:
            old.seek(start)
            length += new.write(old.read(end - start))
    return length
