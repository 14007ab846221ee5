"""Describing films by hand-made features: the whole of a data set, and what each step and family costs of it.

Takes the films of `--data DIR` (default: `../shared/data/chest_xray`) and the recipe of S7; target for 5,232 films at
224 px on 2 cores: under 3 minutes, under 4 GB. Seconds of single films are of one thread.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar, get_args

import cv2
import numpy as np

from hilum import films, pixels
from hilum.classical import describe, describe_films, prepare
from hilum.classical.features.families import features
from hilum.classical.features.film import film_of
from hilum.classical.features.outline import outline_of
from hilum.recipe import Classical, read_recipe
from hilum.recipe.classical import Family, Step
from hilum.records import Manifest

T = TypeVar("T")

SINGLE = 80  # films that parts are timed on


def main() -> None:
    """Print a line for the data set, and one for each part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    parser.add_argument("--films", type=int, default=0, help="describe so many films instead of all")
    parser.add_argument("--workers", type=int, default=0, help="threads; 0: one a processor")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        print(f"{arguments.data} is not here; name films with --data DIR")
        return
    recipe = read_recipe("s7-features")
    spec = recipe.classical or Classical()
    manifest = Manifest(films.index(arguments.data, cut=False).films)
    if arguments.films:
        manifest = Manifest(manifest.films[:: max(1, len(manifest) // arguments.films)])
    with tempfile.TemporaryDirectory() as folder:
        cache = pixels.cache(manifest, recipe.pixels, Path(folder))
        describe(cache.films[:1], spec)  # imports
        for what in ("described", "read again"):
            started, used = time.perf_counter(), time.process_time()
            made = describe_films(manifest, cache, spec, recipe.pixels, Path(folder), arguments.workers or None)
            wall, processor = time.perf_counter() - started, time.process_time() - used
            print(f"{what:<12} {len(manifest):,} films  {wall:7.1f} s wall  {processor:7.1f} s of the processors")
        noted = sum(bool(note) for note in made.notes)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{len(made.names)} features; {noted:,} films with a note; peak memory {peak:.2f} GB")
        squares = [np.array(square) for square in cache.films[:: max(1, len(cache.films) // SINGLE)][:SINGLE]]
    cv2.setNumThreads(1)
    parts(squares)


def parts(squares: list[np.ndarray]) -> None:
    """Milliseconds of the processor for one film, step by step and family by family."""
    steps: tuple[Step, ...] = get_args(Step)
    families: tuple[Family, ...] = get_args(Family)
    for step in steps:
        took(step, partial(prepare, steps=(step,)), squares)
    took("lungs", outline_of, squares)
    ready = [film_of(prepare(square, ())) for square in squares]
    for family in families:
        took(family, partial(features, families=(family,)), ready)


def took(what: str, work: Callable[[T], object], items: Iterable[T]) -> None:
    """Print the mean of one call's time."""
    times = []
    for item in items:
        started = time.process_time()
        work(item)
        times.append(time.process_time() - started)
    print(f"{what:<12} {1000 * float(np.mean(times)):6.2f} ms a film")


if __name__ == "__main__":
    main()
