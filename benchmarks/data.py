"""The films that every system is given: the children's films where they lie beside the checkout, else generated ones.

`HILUM_BENCH_DATA` names another folder `train/CLASS/*`; it has to hold JPEGs.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from hilum.pixels import chest_phantom

CLASSES = ("NORMAL", "PNEUMONIA")
GENERATED = 320  # of each class
_SHARED = Path(__file__).parents[2] / "shared" / "data"
_generated = TemporaryDirectory()


@cache
def training_films() -> Path:
    """A folder CLASS/*.jpeg."""
    folder = Path(os.environ.get("HILUM_BENCH_DATA", _SHARED / "chest_xray")) / "train"
    if folder.is_dir():
        return folder
    print(f"{folder} is not here; films are generated", flush=True)
    for number in range(len(CLASSES) * GENERATED):
        path = Path(_generated.name) / CLASSES[number % 2] / f"person{number}_bacteria_{number}.jpeg"
        path.parent.mkdir(exist_ok=True)
        grey = np.round(chest_phantom(number, (224, 224)) * 255).astype(np.uint8)
        path.write_bytes(cv2.imencode(".jpeg", grey)[1].tobytes())
    return Path(_generated.name)


def films_in(folder: Path) -> list[Path]:
    """The films of a folder CLASS/*, the classes in turn."""
    classes = [sorted((folder / name).iterdir()) for name in CLASSES]
    return [film for pair in zip(*classes, strict=False) for film in pair]


def full_size() -> list[Path]:
    """JPEGs as hospitals have them, where they lie beside the checkout."""
    folder = _SHARED / "fullres"
    return sorted(folder.rglob("*.jp*g")) if folder.is_dir() else []


def some_films(count: int, folder: Path) -> Path:
    """Link so many films of each class's half into an empty folder CLASS/*, for systems that take a folder whole."""
    for film in films_in(training_films())[:count]:
        link = folder / film.parent.name / film.name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(film.resolve())
    return folder
