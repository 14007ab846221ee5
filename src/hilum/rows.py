"""Rows of one length on disk, each computed from one film once: right after any crash, and cheap to open.

A store is a folder. `rows.bin` holds the rows (a preprocessed film, a film's features), `index.txt` one line a row:
line i is the SHA-256 of the film in row i. Rows are on the disk before their lines are written, so a line always has
its row. Whatever lies past the last whole pair of both (a chunk whose lines were not written, half a line) does not
exist for a reader, and is cut off by the next process that fills the store.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hilum.errors import RequestError
from hilum.files import write_json
from hilum.locks import exclusive

ROWS_NAME = "rows.bin"
INDEX_NAME = "index.txt"
_LINE = 65  # 64 hexadecimal digits and a line feed
_HEX = np.zeros(256, dtype=bool)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = True


@dataclass(frozen=True, slots=True)
class RowStore:
    """A folder of rows.

    Attributes:
        folder: where they lie; it is made when the first row is written.
        dtype: of a row's values.
        shape: of a row.
        what: the rows are, for messages, such as "features".
        chunk: rows between two commits: what a killed process loses at most.
    """

    folder: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    what: str
    chunk: int

    @property
    def row_bytes(self) -> int:
        """The length of a row on disk."""
        return math.prod(self.shape) * self.dtype.itemsize

    def fill(self, hashes: Iterable[str], produce: Callable[[list[str]], Generator[tuple[str, Any]]]) -> None:
        """Compute the rows that the store does not hold yet, and append them.

        A store that holds them all is not locked. One process fills a store at a time; a second one waits for it, and
        then computes what is still missing. Whatever ends `produce` early, Ctrl-C too, the rows that it gave stay.

        Args:
            hashes: the SHA-256 of each film that has to be there; some may be the same.
            produce: from the missing ones, each once and in order, to pairs of a SHA-256 and its row. It may omit
                some, whose rows then stay missing.

        Raises:
            RequestError: the folder cannot be written, or the disk is full.
        """

        def rows(missing: list[str]) -> Generator[tuple[str, tuple[Any]]]:
            with closing(produce(missing)) as pairs:
                for sha256, row in pairs:
                    yield sha256, (row,)

        fill_together([self], hashes, rows, self.folder)

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return those that have no row, each once and in order."""
        known = set(read_index(self.folder, self.row_bytes))
        return [sha256 for sha256 in dict.fromkeys(hashes) if sha256 not in known]

    def open(self) -> tuple[NDArray[Any], dict[str, int]]:
        """Map the rows into memory: (n, *shape), read-only, and the row's number by the film's SHA-256.

        Raises:
            RequestError: the folder cannot be read.
        """
        try:
            index = read_index(self.folder, self.row_bytes)
            shape = (len(index), *self.shape)
            rows: NDArray[Any] = (
                np.memmap(self.folder / ROWS_NAME, self.dtype, mode="r", shape=shape)
                if index
                else np.empty(shape, self.dtype)
            )
        except OSError as error:
            raise _refusal(self, error) from None
        return rows, {sha256: row for row, sha256 in enumerate(index)}


def fill_together(
    stores: Sequence[RowStore],
    hashes: Iterable[str],
    produce: Callable[[list[str]], Generator[tuple[str, Sequence[Any]]]],
    lock: Path,
) -> None:
    """Fill several stores in one pass, as `RowStore.fill` fills one.

    Args:
        stores: whatever of them lacks a film's row gets it.
        hashes: as for `RowStore.fill`.
        produce: from what any of the stores lacks to pairs of a SHA-256 and its rows, one for each store.
        lock: a folder that is locked meanwhile, the same one for all who fill one of these stores.

    Raises:
        RequestError: as `RowStore.fill`.
    """
    hashes, needed = list(hashes), 0
    try:
        needed = sum(len(store.missing(hashes)) * store.row_bytes for store in stores)
        if needed:
            with exclusive(lock):
                _fill(stores, hashes, produce)
    except OSError as error:
        raise _refusal(stores[0], error, needed) from None


def _fill(
    stores: Sequence[RowStore],
    hashes: list[str],
    produce: Callable[[list[str]], Generator[tuple[str, Sequence[Any]]]],
) -> None:
    missing = [dict.fromkeys(store.missing(hashes)) for store in stores]
    with ExitStack() as stack:  # whatever happens: `produce` ends, then each store gets what was produced
        writers = [stack.enter_context(closing(_Writer(store))) for store in stores]
        rows_of = stack.enter_context(closing(produce(list(dict.fromkeys(chain.from_iterable(missing))))))
        for sha256, rows in rows_of:
            for writer, wanted, row in zip(writers, missing, rows, strict=True):
                if sha256 in wanted:
                    writer.add(sha256, row)


def read_index(folder: Path, row_bytes: int) -> list[str]:
    """Return the SHA-256 of each whole row, in order; none where there is no store."""
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


def key_of(described: object) -> str:
    """Return 16 hexadecimal digits that stand for a description: the name of a folder of rows that depend on it."""
    return hashlib.sha256(msgspec.json.encode(described, order="deterministic")).hexdigest()[:16]


def described_folder(base: Path, described: Mapping[str, object], what: str) -> Path:
    """Return the folder of the rows that depend on what is described; `store.json` in it says what that is.

    Args:
        base: the folder of such folders.
        described: everything that a row depends on, in JSON's types.
        what: the rows are, for messages.

    Raises:
        RequestError: `store.json` says something else or is damaged, or the folder cannot be written.
    """
    folder = base / key_of(described)
    path = folder / "store.json"
    try:
        if not path.exists():
            write_json(path, described)
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise _cannot_be_kept(folder, what, error) from None
    except msgspec.DecodeError:
        found = None
    if found != described:
        other = ", ".join(key for key in described if found.get(key) != described[key]) if found else ""
        reason = f"these are {what} of something else (other {other})" if other else "damaged"
        raise RequestError(f"{path}: {reason}; remove {folder}, and what it held is computed again")
    return folder


class _Writer:
    """Appends rows to a store that nobody else fills."""

    def __init__(self, store: RowStore) -> None:
        """Open the store, cut back to its whole rows.

        Raises:
            OSError: the folder cannot be written.
        """
        store.folder.mkdir(parents=True, exist_ok=True)
        self._row_bytes = store.row_bytes
        self._count = len(read_index(store.folder, store.row_bytes))
        self._chunk = np.empty((store.chunk, *store.shape), store.dtype)
        self._hashes: list[str] = []  # of the rows in the chunk
        for name in (ROWS_NAME, INDEX_NAME):
            (store.folder / name).touch()
        self._rows = (store.folder / ROWS_NAME).open("r+b", buffering=0)
        self._lines = (store.folder / INDEX_NAME).open("r+b", buffering=0)
        self._cut_back()

    def add(self, sha256: str, row: Any) -> None:
        """Add a row; a full chunk is on the disk when this returns.

        Raises:
            OSError: the disk is full or gone; the store is as it was before the chunk.
        """
        self._chunk[len(self._hashes)] = row
        self._hashes.append(sha256)
        if len(self._hashes) == len(self._chunk):
            self._commit()

    def close(self) -> None:
        """Write what is left, and close both files.

        Raises:
            OSError: as `add`.
        """
        try:
            if self._hashes:
                self._commit()
        finally:
            self._rows.close()
            self._lines.close()

    def _commit(self) -> None:
        """Write the chunk's rows and then their lines."""
        hashes, self._hashes = self._hashes, []  # a chunk that cannot be written is not tried again
        rows = self._chunk[: len(hashes)]
        try:
            _write(self._rows.fileno(), rows.reshape(-1).view(np.uint8).data)
            _write(self._lines.fileno(), memoryview("".join(f"{sha256}\n" for sha256 in hashes).encode("ascii")))
        except BaseException:
            with suppress(OSError):  # the next process that fills the store does the same
                self._cut_back()
            raise
        self._count += len(hashes)

    def _cut_back(self) -> None:
        # Lines first: a power cut in between leaves rows without lines, never lines without rows.
        for file, length in ((self._lines, self._count * _LINE), (self._rows, self._count * self._row_bytes)):
            file.truncate(length)
            file.seek(length)
            os.fsync(file.fileno())


def _write(descriptor: int, data: memoryview) -> None:
    """Write all of it, and onto the disk: an unbuffered write may take only a part, as when the disk fills up."""
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def _refusal(store: RowStore, error: OSError, needed: int = 0) -> RequestError:
    return _cannot_be_kept(store.folder, store.what, error, needed)


def _cannot_be_kept(folder: Path, what: str, error: OSError, needed: int = 0) -> RequestError:
    room = f"room for {max(1, needed // 10**6):,} MB more" if needed else "room"
    return RequestError(
        f"{folder}: the {what} cannot be kept ({error.strerror or error}); make {room}, or set HILUM_CACHE to a "
        "folder that has it; what is stored already is not computed again"
    )
