"""Described films on disk: computed once for each preprocessing and way of describing.

    FOLDER/described/KEY/store.json     what KEY stands for
    FOLDER/described/KEY/rows.bin       a row a film: its numbers and its note

The key covers everything that a number depends on, so the numbers of another preparation, of other features or of
another version are never read in their place. Films are told apart by their SHA-256.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hilum.classical.describe import DESCRIBE_VERSION, Described, names_of, one_by_one
from hilum.errors import RequestError
from hilum.files import cache_folder, write_text
from hilum.pixels import PixelCache
from hilum.pixels.cache import store_folder
from hilum.progress import track
from hilum.recipe import Classical, Pixels
from hilum.records import Manifest
from hilum.rows import ROWS_NAME, Writer, only_builder, read_index

_CHUNK = 128  # films between two commits: what a killed pass loses at most
_NOTE_BYTES = 320  # of UTF-8


def described(
    manifest: Manifest,
    cache: PixelCache,
    spec: Classical,
    pixels: Pixels,
    folder: Path | None = None,
    workers: int | None = None,
) -> Described:
    """Describe the films that the store does not hold yet, and read all of the manifest's.

    A complete store is read without a lock. One builder works at a time; a pass that was killed goes on where it was.

    Args:
        manifest: the films, with their SHA-256.
        cache: the films' squares.
        spec: how they are described.
        pixels: the preprocessing that the cache was made with.
        folder: where stores are kept; by default where caches are.
        workers: threads; by default one a processor.

    Raises:
        RequestError: a film is not in the cache, or the store is damaged or cannot be written.
    """
    rows = dict(zip((film.sha256 for film in manifest), cache.rows(manifest).tolist(), strict=True))
    names = names_of(spec)
    kind = np.dtype([("numbers", "<f4", (len(names),)), ("note", f"S{_NOTE_BYTES}")])
    base = folder or cache_folder()
    try:
        store = _store_for(spec, pixels, names, base)
        index = read_index(store, kind.itemsize)
        if not rows.keys() <= set(index):
            index = _fill(store, kind, rows, cache, spec, workers)
        row_of = {sha256: row for row, sha256 in enumerate(index)}
        stored: Any = np.memmap(store / ROWS_NAME, dtype=kind, mode="r", shape=(len(index),))
    except OSError as error:
        raise RequestError(
            f"{base}: the described films cannot be kept ({error.strerror or error}); make room, or set HILUM_CACHE "
            "to a folder that has it; what is stored already is not computed again"
        ) from None
    chosen = [row_of[film.sha256] for film in manifest]
    notes = tuple(note.decode("utf-8", "ignore") for note in stored["note"][chosen].tolist())
    return Described(stored["numbers"][chosen].astype(np.float32, copy=False), names, notes)


def _store_for(spec: Classical, pixels: Pixels, names: tuple[str, ...], base: Path) -> Path:
    """The store's folder; it is made where it is not there yet.

    Raises:
        RequestError: the folder holds the numbers of something else, or its description is damaged.
    """
    from importlib.metadata import version

    import cv2

    of_features = spec.describe == "features"
    described = {
        "version": DESCRIBE_VERSION,
        "preprocessing": store_folder(pixels, Path()).name,
        "steps": list(spec.steps),
        "describe": spec.describe,
        "side": 0 if of_features else spec.side,
        "families": list(spec.families) if of_features else [],
        "names": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        "libraries": [cv2.__version__, np.__version__, *map(version, ("scikit-image", "pywavelets", "scipy"))],
    }
    key = hashlib.sha256(msgspec.json.encode(described, order="deterministic")).hexdigest()[:16]
    store = base / "described" / key
    path = store / "store.json"
    if not path.exists():
        write_text(path, msgspec.json.format(msgspec.json.encode(described), indent=1).decode() + "\n")
    try:
        found = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError:
        found = None
    if found != described:
        raise RequestError(f"{path}: damaged; remove {store}, and its films are described again")
    return store


def _fill(
    store: Path, kind: np.dtype[Any], rows: dict[str, int], cache: PixelCache, spec: Classical, workers: int | None
) -> list[str]:
    """Describe what is missing; gives the index then."""
    with only_builder(store):
        writer = Writer(store, kind.itemsize)
        known = set(writer.index)
        missing = [sha256 for sha256 in rows if sha256 not in known]
        chunk = np.zeros(_CHUNK, dtype=kind)
        hashes: list[str] = []
        describing = one_by_one((cache.films[rows[sha256]] for sha256 in missing), spec, workers)
        try:
            for sha256, (numbers, note) in zip(
                missing, track(describing, "describing films", len(missing)), strict=True
            ):
                chunk[len(hashes)] = (numbers, note.encode()[:_NOTE_BYTES])
                hashes.append(sha256)
                if len(hashes) == _CHUNK:
                    full, hashes = hashes, []
                    writer.append(full, chunk)
        finally:
            describing.close()
            if hashes:  # also after Ctrl-C
                writer.append(hashes, chunk[: len(hashes)])
            writer.close()
    return writer.index
