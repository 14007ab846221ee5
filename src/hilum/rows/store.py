"""A store of rows: filled once, read checked."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import RequestError
from hilum.locks import exclusive
from hilum.rows.check import ROWS_NAME, Examined, examine, read_index
from hilum.rows.described import cannot_be_kept
from hilum.rows.writer import RowWriter

logger = logging.getLogger("hilum")

OpenRows = tuple[NDArray[Any], dict[str, int]]


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

    def fill(self, hashes: Iterable[str], produce: Callable[[list[str]], Generator[tuple[str, Any]]]) -> OpenRows:
        """Compute the rows that the store does not hold yet, or holds damaged, and open them all.

        A store that holds them all is not locked. One process fills a store at a time; a second one waits for it, and
        then computes what is still missing. Whatever ends `produce` early, Ctrl-C too, the rows that it gave stay.
        Damaged rows are reported.

        Args:
            hashes: the SHA-256 of each film that has to be there; some may be the same.
            produce: from the missing ones, each once and in order, to pairs of a SHA-256 and its row. It may omit
                some, whose rows then stay missing.

        Returns:
            As `open`.

        Raises:
            RequestError: the folder cannot be written, or the disk is full.
        """

        def rows(missing: list[str]) -> Generator[tuple[str, tuple[Any]]]:
            with closing(produce(missing)) as pairs:
                for sha256, row in pairs:
                    yield sha256, (row,)

        return fill_together([self], hashes, rows, self.folder)[0]

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Return those that have no row, or a damaged one, each once and in order."""
        hashes = list(dict.fromkeys(hashes))
        sound = self._examine(hashes).sound
        return [sha256 for sha256 in hashes if sha256 not in sound]

    def open(self, hashes: Iterable[str] | None = None) -> OpenRows:
        """Map the rows into memory: (n, *shape), read-only, and the row's number by the film's SHA-256.

        Args:
            hashes: the films whose rows are checked and numbered, without those whose row is missing or damaged; by
                default all that the store holds.

        Raises:
            RequestError: the folder cannot be read.
        """
        try:
            index = read_index(self.folder, self.row_bytes)
            return self._map(len(index)), self._examine(index if hashes is None else hashes).sound
        except OSError as error:
            raise _refusal(self, error) from None

    def _examine(self, hashes: Iterable[str]) -> Examined:
        return examine(self.folder, self.row_bytes, hashes, self.what)

    def _map(self, rows: int) -> NDArray[Any]:
        shape = (rows, *self.shape)
        if not rows:
            return np.empty(shape, self.dtype)
        return np.memmap(self.folder / ROWS_NAME, self.dtype, mode="r", shape=shape)


def fill_together(
    stores: Sequence[RowStore],
    hashes: Iterable[str],
    produce: Callable[[list[str]], Generator[tuple[str, Sequence[Any]]]],
    lock: Path,
) -> list[OpenRows]:
    """Fill several stores in one pass, as `RowStore.fill` fills one.

    Args:
        stores: whatever of them lacks a film's row gets it.
        hashes: as for `RowStore.fill`.
        produce: from what any of the stores lacks to pairs of a SHA-256 and its rows, one for each store.
        lock: a folder that is locked meanwhile, the same one for all who fill one of these stores.

    Returns:
        Each store, as `RowStore.open` opens it.

    Raises:
        RequestError: as `RowStore.fill`.
    """
    hashes, needed = list(dict.fromkeys(hashes)), 0
    try:
        sound = [store._examine(hashes).sound for store in stores]
        needed = sum((len(hashes) - len(rows)) * store.row_bytes for store, rows in zip(stores, sound, strict=True))
        if needed:
            with exclusive(lock):
                _fill(stores, hashes, produce, sound)
        return [
            (store._map(len(read_index(store.folder, store.row_bytes))), rows)
            for store, rows in zip(stores, sound, strict=True)
        ]
    except OSError as error:
        raise _refusal(stores[0], error, needed) from None


def _fill(
    stores: Sequence[RowStore],
    hashes: list[str],
    produce: Callable[[list[str]], Generator[tuple[str, Sequence[Any]]]],
    sound: list[dict[str, int]],
) -> None:
    """Compute what is not sound, with the lock held; what is written becomes sound."""
    places: list[dict[str, int | None]] = []
    for store, rows in zip(stores, sound, strict=True):
        left = [sha256 for sha256 in hashes if sha256 not in rows]
        again = store._examine(left)  # another process may have computed some meanwhile
        rows.update(again.sound)
        _report(store, again)
        known = again.damaged | again.unchecked
        places.append({sha256: known.get(sha256) for sha256 in left if sha256 not in again.sound})
    writers: list[RowWriter] = []
    try:
        with ExitStack() as stack:  # whatever happens: `produce` ends, then each store gets what was produced
            for store in stores:
                writer = RowWriter(store.folder, store.dtype, store.shape, store.chunk)
                writers.append(stack.enter_context(closing(writer)))
            rows_of = stack.enter_context(closing(produce(list(dict.fromkeys(chain.from_iterable(places))))))
            for sha256, values in rows_of:
                for writer, wanted, row in zip(writers, places, values, strict=True):
                    if sha256 in wanted:
                        writer.add(sha256, row, wanted[sha256])
    finally:
        for rows, writer in zip(sound, writers, strict=False):
            rows.update(writer.written)


def _report(store: RowStore, found: Examined) -> None:
    for films, why in (
        (found.damaged, "not what was written there (if that recurs, have the disk checked)"),
        (found.unchecked, "of an earlier Hilum, which kept no checksums"),
    ):
        if films:
            rows, verb = ("1 row", "is") if len(films) == 1 else (f"{len(films):,} rows", "are")
            logger.warning(f"{store.folder}: {rows} of the {store.what} {verb} {why}; computed again")


def _refusal(store: RowStore, error: OSError, needed: int = 0) -> RequestError:
    return cannot_be_kept(store.folder, store.what, error, needed)
