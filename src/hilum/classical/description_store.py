"""Described films on disk: computed once for each preprocessing and way of describing.

    FOLDER/described/KEY/store.json     what KEY stands for
    FOLDER/described/KEY/rows.bin       a row a film: its numbers and its note

The key covers everything that a number depends on, so the numbers of another preparation, of other features or of
another version are never read in their place. Films are identified by their SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.classical.features.describe import DESCRIBE_VERSION, Described, names_of, one_by_one
from hilum.lungs import LungFinder, shipped_finder
from hilum.pixels import PixelCache
from hilum.pixels.pixel_cache import store_folder
from hilum.places import cache_folder
from hilum.progress import track
from hilum.recipe import Classical, Pixels
from hilum.records import Manifest
from hilum.rows import RowStore, described_folder

_CHUNK = 128  # films between two commits: what a killed pass loses at most
_NOTE_BYTES = 320  # of UTF-8
_WHAT = "described films"


def describe_films(
    manifest: Manifest,
    cache: PixelCache,
    spec: Classical,
    pixels: Pixels,
    folder: Path | None = None,
    workers: int | None = None,
    *,
    lungs: LungFinder | None = None,
) -> Described:
    """Describe the films that the store does not hold yet, and read all of the manifest's.

    A complete store is read without a lock. One process fills it at a time; a pass that was killed is resumed.

    Args:
        manifest: the films, with their SHA-256.
        cache: the films' squares.
        spec: how they are described.
        pixels: the preprocessing that the cache was made with.
        folder: where stores are kept; by default where caches are.
        workers: threads; by default one a processor.
        lungs: what finds the lungs, where they are needed in whole films; None takes the network that comes with
            Hilum. Films that are cropped to their lungs are described by the lungs in the cache.

    Raises:
        RequestError: a film is not in the cache, or the store is damaged or cannot be written.
    """
    row_of = dict(zip((film.sha256 for film in manifest), cache.rows(manifest).tolist(), strict=True))
    names = names_of(spec)
    dtype = np.dtype([("numbers", "<f4", (len(names),)), ("note", f"S{_NOTE_BYTES}")])
    finds_lungs = spec.uses_lungs or spec.describe == "features"
    found_by = "the crop" if cache.lungs is not None else (lungs or shipped_finder()).sha256
    everything = _everything(spec, pixels, names, found_by if finds_lungs else "")
    folder = described_folder((folder or cache_folder()) / "described", everything, _WHAT)
    store = RowStore(folder, dtype, (), _WHAT, _CHUNK)

    def descriptions(missing: list[str]) -> Generator[tuple[str, tuple[NDArray[np.float32], bytes]]]:
        rows = (row_of[sha256] for sha256 in missing)
        films = ((cache.films[row], None if cache.lungs is None else cache.lungs[row]) for row in rows)
        with closing(one_by_one(films, spec, lungs, workers)) as describing:
            shown = track(describing, "describing films", len(missing))
            for sha256, (numbers, note) in zip(missing, shown, strict=True):
                yield sha256, (numbers, note.encode()[:_NOTE_BYTES])

    stored, place_of = store.fill(row_of, descriptions)
    chosen = [place_of[film.sha256] for film in manifest]
    notes = tuple(note.decode("utf-8", "ignore") for note in stored["note"][chosen].tolist())
    return Described(stored["numbers"][chosen].astype(np.float32, copy=False), names, notes)


def _everything(spec: Classical, pixels: Pixels, names: tuple[str, ...], lungs: str) -> dict[str, object]:
    """Everything that a film's numbers and note depend on; `lungs` is the SHA-256 of what finds them, or says how."""
    from importlib.metadata import version

    import cv2

    of_features = spec.describe == "features"
    return {
        "version": DESCRIBE_VERSION,
        "preprocessing": store_folder(pixels, Path()).name,
        "steps": list(spec.steps),
        "describe": spec.describe,
        "side": 0 if of_features else spec.side,
        "families": list(spec.families) if of_features else [],
        "lungs": lungs,
        "names": hashlib.sha256("\n".join(names).encode()).hexdigest(),
        "libraries": [cv2.__version__, np.__version__, *map(version, ("scikit-image", "pywavelets", "scipy"))],
    }
