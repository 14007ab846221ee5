"""Writing rows so that a reader, and whoever comes after a crash, sees whole ones only."""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from hilum.files import require_regular
from hilum.rows.check import CHECK, CHECKS_NAME, INDEX_NAME, LINE, ROWS_NAME, checksum, place_of, read_index
from hilum.streams import write_all


class RowWriter:
    """Writes rows to a store that nobody else fills: new ones behind the last, others in their place.

    Attributes:
        written: the row of each film that was written, on the disk.
    """

    def __init__(self, folder: Path, dtype: np.dtype[Any], shape: tuple[int, ...], chunk: int) -> None:
        """Open the store, cut back to its whole rows.

        Args:
            folder: the store; it is made.
            dtype: of a row's values.
            shape: of a row.
            chunk: rows between two commits.

        Raises:
            OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.written: dict[str, int] = {}
        self._place = place_of(folder)
        self._chunk = np.empty((chunk, *shape), dtype)
        self._row_bytes = self._chunk[:1].nbytes
        self._count = len(read_index(folder, self._row_bytes))
        self._waiting: list[tuple[str, int | None]] = []  # of each row in the chunk: film, place
        self._rows, self._checks, self._lines = (
            _open(folder / name) for name in (ROWS_NAME, CHECKS_NAME, INDEX_NAME)
        )
        self._cut_back()

    def add(self, sha256: str, row: Any, place: int | None = None) -> None:
        """Add a row; a full chunk is on the disk when this returns.

        Args:
            sha256: of the film.
            row: its values.
            place: of the damaged row that it replaces; None where the film has none yet.

        Raises:
            OSError: the disk is full or gone; the store is as it was before the chunk.
        """
        self._chunk[len(self._waiting)] = row
        self._waiting.append((sha256, place))
        if len(self._waiting) == len(self._chunk):
            self._commit()

    def close(self) -> None:
        """Write what is left, and close the files.

        Raises:
            OSError: as `add`.
        """
        try:
            if self._waiting:
                self._commit()
        finally:
            for file in (self._rows, self._checks, self._lines):
                file.close()

    def _commit(self) -> None:
        """Write the chunk's rows, then their checksums, then the lines of new ones."""
        waiting, self._waiting = self._waiting, []  # a chunk that cannot be written is not tried again
        new = [sha256 for sha256, place in waiting if place is None]
        behind = iter(range(self._count, self._count + len(new)))
        places = [next(behind) if place is None else place for _, place in waiting]
        bytes_of = self._chunk[: len(waiting)].reshape(-1).view(np.uint8).reshape(len(waiting), self._row_bytes)
        rows = [row.data for row in bytes_of]
        checks = [
            np.array(checksum(self._place, sha256, row), CHECK).tobytes()
            for (sha256, _), row in zip(waiting, rows, strict=True)
        ]
        try:
            _write_at(self._rows, [place * self._row_bytes for place in places], rows)
            _write_at(self._checks, [place * CHECK.itemsize for place in places], checks)
            lines = "".join(f"{sha256}\n" for sha256 in new).encode("ascii")
            _write_at(self._lines, [self._count * LINE], [lines])
        except BaseException:
            with suppress(OSError):  # the next process that fills the store does the same
                self._cut_back()
            raise
        self._count += len(new)
        self.written.update({sha256: place for (sha256, _), place in zip(waiting, places, strict=True)})

    def _cut_back(self) -> None:
        # Lines first: a power cut in between leaves rows without lines, never lines without rows.
        for file, length in ((self._lines, LINE), (self._checks, CHECK.itemsize), (self._rows, self._row_bytes)):
            file.truncate(self._count * length)
            os.fsync(file.fileno())


def _open(path: Path) -> FileIO:
    path.touch()
    require_regular(path)
    return path.open("r+b", buffering=0)


def _write_at(file: FileIO, places: list[int], pieces: list[Any]) -> None:
    """Write pieces at their places, and onto the disk; what lies side by side is written at once."""
    start, joined = 0, list[Any]()
    for place, piece in zip(places, pieces, strict=True):
        if place != start + sum(map(len, joined)):
            _write_run(file, start, joined)
            start, joined = place, []
        joined.append(piece)
    _write_run(file, start, joined)
    os.fsync(file.fileno())


def _write_run(file: FileIO, start: int, pieces: list[Any]) -> None:
    if pieces:
        file.seek(start)
        write_all(file.fileno(), b"".join(pieces))
