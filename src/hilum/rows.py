"""Fixed-size rows on disk with a journal beside them: what is written stays right when a build is killed.

`rows.bin` holds rows of one length (a preprocessed film, a film's features), `index.txt` one line a row: line i is
the SHA-256 of the film in row i. Rows are on the disk before their lines are written, so a line always has its row.
Whatever lies past the last whole pair of both (a chunk whose lines were not written, half a line) is not there for a
reader, and is cut off by the next builder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_NAME = "rows.bin"
INDEX_NAME = "index.txt"
_PATIENCE_SECONDS = 3.0  # a shorter wait for another builder needs no word
_LINE = 65  # 64 hexadecimal digits and a line feed
_HEX = np.zeros(256, dtype=bool)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = True


def read_index(folder: Path, row_bytes: int) -> list[str]:
    """The SHA-256 of each whole row, in order; empty where there is no store."""
    try:
        journal = (folder / INDEX_NAME).read_bytes()
        rows = (folder / ROWS_NAME).stat().st_size // row_bytes
    except FileNotFoundError:
        return []
    rows = min(rows, len(journal) // _LINE)
    lines = np.frombuffer(journal, dtype=np.uint8, count=rows * _LINE).reshape(rows, _LINE)
    whole = _HEX[lines[:, :-1]].all(axis=1) & (lines[:, -1] == ord("\n"))
    if not whole.all():
        rows = int(np.argmin(whole))
    return journal[: rows * _LINE].decode("ascii").split()


@contextmanager
def only_builder(folder: Path) -> Iterator[None]:
    """Hold the store in `folder`, which is made, against every other builder; wait for one that is at work.

    Raises:
        OSError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        print(f"waiting for another Hilum that is filling {folder} …", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class Writer:
    """Appends rows; used by `only_builder`."""

    def __init__(self, folder: Path, row_bytes: int) -> None:
        """Open the store, cut back to its whole rows.

        Raises:
            OSError: the folder cannot be written.
        """
        self._row_bytes = row_bytes
        self.index = read_index(folder, row_bytes)
        for name in (ROWS_NAME, INDEX_NAME):
            (folder / name).touch()
        self._rows = (folder / ROWS_NAME).open("r+b", buffering=0)
        self._lines = (folder / INDEX_NAME).open("r+b", buffering=0)
        self._cut_back()

    def append(self, hashes: Sequence[str], rows: NDArray[Any]) -> None:
        """Write rows and then their lines, each on the disk when this returns.

        Raises:
            OSError: the disk is full or gone; the store is as it was before.
        """
        try:
            _write(self._rows.fileno(), rows.tobytes())
            _write(self._lines.fileno(), "".join(f"{sha256}\n" for sha256 in hashes).encode("ascii"))
        except BaseException:
            with suppress(OSError):  # the next builder does the same
                self._cut_back()
            raise
        self.index.extend(hashes)

    def close(self) -> None:
        """Close both files."""
        self._rows.close()
        self._lines.close()

    def _cut_back(self) -> None:
        # Lines first: a power cut in between leaves rows without lines, never the other way round.
        for file, length in (
            (self._lines, len(self.index) * _LINE),
            (self._rows, len(self.index) * self._row_bytes),
        ):
            file.truncate(length)
            file.seek(length)
            os.fsync(file.fileno())


def _write(descriptor: int, data: bytes) -> None:
    """All of it, and on the disk: an unbuffered write may take only a part, as when the disk fills up."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)
