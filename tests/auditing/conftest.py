"""Generated films that differ as films do: a phantom has a chest's outlines, and here also a texture of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import hilum.auditing  # noqa: F401  (so that its modules are there to be patched)
from hilum.lungs import Lungs
from hilum.pixels import chest_phantom

Grey = NDArray[np.uint8]


def film(seed: int, opacity: float = 0.0, side: int = 128) -> Grey:
    """A generated film as it lies on disk, (side, side)."""
    texture = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal((side, side)), (0, 0), side / 60)
    grey = chest_phantom(seed, size=(side, side), opacity=opacity) + 0.05 * texture / texture.std()
    return np.asarray(np.round(np.clip(grey, 0.02, 0.98) * 255), dtype=np.uint8)


def films(number: int) -> Grey:
    """So many different films, of two classes by turns: the odd ones have dense lungs."""
    return np.stack([film(seed, opacity=0.8 * (seed % 2)) for seed in range(number)])


@pytest.fixture(autouse=True)
def lungs_in_every_film(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lungs as they should be: whether the network finds them in a generated film is not what these tests ask."""
    everywhere = Lungs(np.ones((1, 1), dtype=np.bool_), 1.0)
    monkeypatch.setattr(sys.modules["hilum.auditing.survey"], "find_lungs", lambda film: everywhere)


class WriteSet(Protocol):
    def __call__(self, patients: int = 24, *, name: str = "set", quality: tuple[int, int] = (90, 90)) -> Path: ...


@pytest.fixture
def write_set(tmp_path: Path) -> WriteSet:
    """Write a clean set `{train,val}/{NORMAL,PNEUMONIA}`: so many patients of each class, with a film each."""

    def write(patients: int = 24, *, name: str = "set", quality: tuple[int, int] = (90, 90)) -> Path:
        root = tmp_path / name
        for number in range(2 * patients):
            split = "val" if number >= 3 * patients // 2 else "train"
            sick = number % 2
            file = f"person{number}_virus_{number}.jpeg" if sick else f"IM-{number:04d}-0001.jpeg"
            path = root / split / ("PNEUMONIA" if sick else "NORMAL") / file
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, film(number, opacity=0.8 * sick), quality[sick])
        return root

    return write


def save(path: Path, grey: Grey, quality: int = 90) -> Path:
    written, encoded = cv2.imencode(path.suffix, grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert written
    path.write_bytes(encoded.tobytes())
    return path
