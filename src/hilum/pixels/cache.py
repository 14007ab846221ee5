"""The pixel cache: every film decoded and preprocessed once, for all the epochs and all the runs that follow."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError, RequestError
from hilum.files import cache_folder
from hilum.pixels.decode import DECODE_VERSION
from hilum.pixels.preprocess import PREPROCESS_VERSION
from hilum.pixels.square import read_square
from hilum.progress import track
from hilum.recipe import Pixels
from hilum.records import Film, Manifest
from hilum.rows import ROWS_NAME, Writer, only_builder, read_index
from hilum.workers import map_in_order

_CHUNK = 256  # rows between two commits: what a killed build loses at most
_NAMED = 5  # unreadable films that an error names
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PixelCache:
    """Preprocessed films; as `cache` gives them, on disk and mapped, and not resident as a whole.

    Attributes:
        films: read-only, (rows, size, size) uint8; rows of other manifests may lie among them.
        row_of: the row of each film, by its SHA-256.
    """

    films: NDArray[np.uint8]
    row_of: Mapping[str, int]

    @property
    def size(self) -> int:
        """The side of a film, in pixels."""
        return int(self.films.shape[1])

    def rows(self, manifest: Manifest) -> NDArray[np.int64]:
        """The row of each film of the manifest, in its order; films of the same bytes share one.

        Raises:
            RequestError: a film is not in this cache.
        """
        try:
            return np.array([self.row_of[film.sha256] for film in manifest], dtype=np.int64)
        except KeyError:
            film = next(film for film in manifest if film.sha256 not in self.row_of)
            raise RequestError(
                f"{film.path}: not in the pixel cache; make the cache of a manifest that lists it"
            ) from None


def cache(manifest: Manifest, spec: Pixels, folder: Path | None = None, workers: int | None = None) -> PixelCache:
    """Decode and preprocess the films that the cache does not hold yet, and open it.

    A complete cache is opened without a lock and without touching the films. One builder works at a time; a second
    one waits for it. A build that is killed loses at most 256 films, and its successor goes on.

    Args:
        manifest: the films, with their SHA-256.
        spec: the preprocessing; each one, and each version of the decoder, has a store of its own.
        folder: where caches are kept; by default `$HILUM_CACHE`, else the platform's folder for caches.
        workers: threads that decode; by default one a processor.

    Raises:
        FilmError: films cannot be read. All the others are decoded first, and stay.
        RequestError: the manifest is empty or has films without a SHA-256, or the folder cannot be written.
    """
    _refuse_unhashed(manifest)
    store = store_folder(spec, folder)
    row_bytes = spec.size * spec.size
    missing: list[Film] = []
    try:
        index = read_index(store, row_bytes)
        if missing := _missing(manifest, index):
            index = _build(manifest, spec, store, workers)
        shape = (len(index), spec.size, spec.size)
        films = np.memmap(store / ROWS_NAME, dtype=np.uint8, mode="r", shape=shape)
    except OSError as error:
        megabytes = max(1, len(missing) * row_bytes // 10**6)
        raise RequestError(
            f"{store}: the pixel cache cannot be kept ({error.strerror or error}); it needs {megabytes:,} MB more; "
            "make room, or set HILUM_CACHE to a folder that has it"
        ) from None
    return PixelCache(films, {sha256: row for row, sha256 in enumerate(index)})


def store_folder(spec: Pixels, folder: Path | None = None) -> Path:
    """Where the films of one preprocessing lie: another one, or another version of the code, never reads them."""
    words = msgspec.json.encode([DECODE_VERSION, PREPROCESS_VERSION, spec], order="deterministic")
    base = folder if folder is not None else cache_folder()
    return base / "pixels" / hashlib.sha256(words).hexdigest()[:16]


def _refuse_unhashed(manifest: Manifest) -> None:
    if not manifest.films:
        raise RequestError("the manifest lists no film; make one with: hilum index DIR --out manifest.csv")
    for film in manifest:
        if not _SHA256.fullmatch(film.sha256):
            raise RequestError(
                f"{film.path}: has no SHA-256 in the manifest; make it with: hilum index DIR --out manifest.csv"
            )


def _missing(manifest: Manifest, index: Iterable[str]) -> list[Film]:
    """The films without a row, one for each SHA-256, in the manifest's order."""
    known = set(index)
    first_of: dict[str, Film] = {}
    for film in manifest:
        if film.sha256 not in known:
            first_of.setdefault(film.sha256, film)
    return list(first_of.values())


def _build(manifest: Manifest, spec: Pixels, store: Path, workers: int | None) -> list[str]:
    """Add what is missing; gives the index then."""
    with only_builder(store):
        writer = Writer(store, spec.size * spec.size)
        try:
            unreadable = _fill(writer, _missing(manifest, writer.index), spec, workers)
        finally:
            writer.close()
    if unreadable:
        raise _name(unreadable, kept=len(_missing(manifest, ())) - len(unreadable))
    return writer.index


def _fill(writer: Writer, films: list[Film], spec: Pixels, workers: int | None) -> list[FilmError]:
    """Decode the films into the store, chunk by chunk; gives those that could not be read."""
    unreadable: list[FilmError] = []
    hashes: list[str] = []
    chunk = np.empty((_CHUNK, spec.size, spec.size), dtype=np.uint8)
    decoding = _decoded(films, spec, workers)
    try:
        for film, square in track(decoding, "Decoding films", len(films)):
            if isinstance(square, FilmError):
                unreadable.append(square)
                continue
            chunk[len(hashes)] = square
            hashes.append(film.sha256)
            if len(hashes) == _CHUNK:
                full, hashes = hashes, []
                writer.append(full, chunk)
    finally:
        decoding.close()
        if hashes:  # also after Ctrl-C
            writer.append(hashes, chunk[: len(hashes)])
    return unreadable


def _decoded(
    films: list[Film], spec: Pixels, workers: int | None
) -> Generator[tuple[Film, NDArray[np.uint8] | FilmError]]:
    """Decode in threads (the decoders release the interpreter), in order, a bounded number ahead."""

    def one(film: Film) -> NDArray[np.uint8] | FilmError:
        try:
            return read_square(film.path, spec, film.sha256).levels
        except FilmError as error:
            return error

    with closing(map_in_order(one, films, workers)) as squares:
        yield from zip(films, squares, strict=True)


def _name(unreadable: list[FilmError], kept: int) -> FilmError:
    """One line for all the films that could not be read."""
    first, *others = unreadable
    reason = first.reason
    if others:
        named = ", ".join(error.path for error in others[: _NAMED - 1])
        more = len(others) - (_NAMED - 1)
        reason += f"; {len(others)} more cannot be read: {named}{f' and {more:,} others' if more > 0 else ''}"
    return FilmError(
        first.path,
        f"{reason}; the other {kept:,} are in the cache: mend these films or take their rows out of the manifest",
    )
