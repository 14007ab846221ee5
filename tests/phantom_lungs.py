"""Phantom films with the ellipses of their lungs: what the phantom draws, drawn again."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.pixels import chest_phantom


def ellipses(seed: int, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Both lungs of `chest_phantom(seed, size)`: its first draws are where they lie."""
    draw = np.random.RandomState(seed)
    y = np.linspace(-1, 1, size[0])[:, None] + draw.uniform(-0.05, 0.05)
    x = np.linspace(-1, 1, size[1])[None] + draw.uniform(-0.05, 0.05)
    breadth, length = draw.uniform(0.28, 0.36), draw.uniform(0.58, 0.72)
    gap = breadth + draw.uniform(0.10, 0.16)
    right = ((x + gap) / breadth) ** 2 + ((y + 0.05) / length) ** 2 <= 1
    left = ((x - gap) / (breadth * 0.92)) ** 2 + ((y + 0.05) / (length * 0.97)) ** 2 <= 1
    return np.asarray(right | left)


def write_films(root: Path, count: int, size: int = 64) -> tuple[Path, Path]:
    """A folder of films and one of their outlines."""
    films, outlines = root / "films" / "NORMAL", root / "outlines" / "some"
    for folder in (films, outlines):
        folder.mkdir(parents=True)
    for seed in range(count):
        name = f"IM-{seed:04d}-0001.png"
        film = chest_phantom(seed, (size, size))
        cv2.imwrite(str(films / name), np.rint(film * 255).astype(np.uint8))
        cv2.imwrite(str(outlines / name), ellipses(seed, (size, size)).astype(np.uint8) * 255)
    return root / "films", root / "outlines"
