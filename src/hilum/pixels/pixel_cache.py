"""The pixel cache: every film decoded and preprocessed once, for all the epochs and all the runs that follow."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError, RequestError
from hilum.pixels.decode import DECODE_VERSION
from hilum.pixels.preprocess import PREPROCESS_VERSION
from hilum.pixels.region import key_parts, pin_lungs
from hilum.pixels.square import read_square
from hilum.places import cache_folder
from hilum.progress import track
from hilum.recipe import Pixels
from hilum.records import Film, Manifest
from hilum.rows import RowStore, key_of
from hilum.workers import map_in_order

if TYPE_CHECKING:
    from hilum.lungs import LungFinder

_CHUNK = 256  # films between two commits: what a killed build loses at most
_NAMED = 5  # unreadable films that a message names
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PixelCache:
    """Preprocessed films: memory-mapped from disk as `cache` returns them, so never in memory as a whole.

    Attributes:
        films: read-only, (rows, size, size) uint8; rows of other manifests may lie among them.
        row_of: the row of each film, by its SHA-256.
        lungs: read-only, (rows, size, size) uint8, where films are cropped to the lungs: 255 inside them, 0
            elsewhere, and so everywhere in a film in which none were found; else None.
    """

    films: NDArray[np.uint8]
    row_of: Mapping[str, int]
    lungs: NDArray[np.uint8] | None = None

    @property
    def size(self) -> int:
        """The side of a film, in pixels."""
        return int(self.films.shape[1])

    def rows(self, manifest: Manifest) -> NDArray[np.int64]:
        """Return the row of each film of the manifest, in its order; films of the same bytes share one.

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

    def without_lungs(self, manifest: Manifest) -> list[Film]:
        """The films of the manifest in which no lungs were found, which are shown whole."""
        if self.lungs is None:
            return []
        return [film for film, row in zip(manifest, self.rows(manifest), strict=True) if not self.lungs[row].any()]


def cache(
    manifest: Manifest,
    spec: Pixels,
    folder: Path | None = None,
    workers: int | None = None,
    lungs: LungFinder | None = None,
) -> PixelCache:
    """Decode and preprocess the films that the cache does not hold yet, and open it.

    A complete cache is opened without a lock and without touching the films. Every film in it is compared with its
    checksum, and one that is damaged is decoded again. One process fills it at a time; a second one waits for it. A
    process that is killed loses at most 256 films, and the next one resumes its work.

    Args:
        manifest: the films, with their SHA-256.
        spec: the preprocessing; each one, and each version of the decoder, has a store of its own.
        folder: where caches are kept; by default `$HILUM_CACHE`, else the platform's folder for caches.
        workers: threads that decode; by default one a processor.
        lungs: the network that finds the lungs where the recipe crops films to them; None takes the one that comes
            with Hilum.

    Raises:
        FilmError: films cannot be read. All the others are decoded first, and stay.
        RequestError: the manifest is empty or has films without a SHA-256, the folder cannot be written, or the
            recipe names another lung network than this one.
    """
    _refuse_unhashed(manifest)
    spec = pin_lungs(spec, lungs)
    cropped = spec.region == "lungs"
    shape = (2, spec.size, spec.size) if cropped else (spec.size, spec.size)
    store = RowStore(store_folder(spec, folder, lungs), np.dtype(np.uint8), shape, "pixel cache", _CHUNK)
    film_of = {film.sha256: film for film in reversed(manifest.films)}  # the first of those with the same bytes
    unreadable: list[FilmError] = []

    def squares(missing: list[str]) -> Generator[tuple[str, NDArray[np.uint8]]]:
        films = [film_of[sha256] for sha256 in missing]
        with closing(map_in_order(lambda film: _read(film, spec, lungs), films, workers)) as reading:
            for film, square in zip(films, track(reading, "decoding films", len(films)), strict=True):
                if isinstance(square, FilmError):
                    unreadable.append(square)
                else:
                    yield film.sha256, square

    rows, row_of = store.fill((film.sha256 for film in manifest), squares)
    if unreadable:
        raise _summarize(unreadable, kept=len(film_of) - len(unreadable))
    return PixelCache(rows[:, 0], row_of, rows[:, 1]) if cropped else PixelCache(rows, row_of)


def store_folder(spec: Pixels, folder: Path | None = None, lungs: LungFinder | None = None) -> Path:
    """Return where the films of one preprocessing lie: another one, or another version of the code, has its own.

    Raises:
        RequestError: the recipe names another lung network than this one.
    """
    base = folder if folder is not None else cache_folder()
    return base / "pixels" / key_of([DECODE_VERSION, PREPROCESS_VERSION, *key_parts(spec, lungs)])


def _refuse_unhashed(manifest: Manifest) -> None:
    if not manifest.films:
        raise RequestError("the manifest lists no film; make one with: hilum index DIR --out manifest.csv")
    for film in manifest:
        if not _SHA256.fullmatch(film.sha256):
            raise RequestError(
                f"{film.path}: has no SHA-256 in the manifest; make it with: hilum index DIR --out manifest.csv"
            )


def _read(film: Film, spec: Pixels, lungs: LungFinder | None) -> NDArray[np.uint8] | FilmError:
    """A film's row: its levels, and with them its lungs where films are cropped to them."""
    try:
        square = read_square(film.path, spec, film.sha256, lungs)
        return square.levels if square.lungs is None else np.stack([square.levels, square.lungs])
    except FilmError as error:
        return error


def _summarize(unreadable: list[FilmError], kept: int) -> FilmError:
    """One line for all the films that could not be read."""
    first, *others = unreadable
    reason = first.reason
    if others:
        named = ", ".join(error.path for error in others[: _NAMED - 1])
        more = len(others) - (_NAMED - 1)
        reason += f"; {len(others)} more cannot be read: {named}{f' and {more:,} others' if more > 0 else ''}"
    return FilmError(
        first.path,
        f"{reason}; the other {kept:,} are in the cache: fix these films or remove their rows from the manifest",
    )
