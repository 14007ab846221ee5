"""Films to prepare and to describe: generated ones, and squares that show nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.draw import ellipse

from hilum.classical.features.film import ScaledFilm, film_of
from hilum.classical.features.prepare import prepare
from hilum.lungs import LungFinder, Lungs
from hilum.lungs.found import box_of
from hilum.pixels import chest_phantom
from tests.classical.made import as_kept, kept, made, manifest  # noqa: F401  (fixtures)

Square = NDArray[np.uint8]


def phantom(seed: int, size: int = 128, opacity: float = 0.0) -> Square:
    """A generated film as `preprocess` would give it."""
    return np.rint(chest_phantom(seed, (size, size), opacity) * 255).astype(np.uint8)


DARK = 70  # grey level below which a drawn film is lung


class FindsDark(LungFinder):
    """Finds what is dark, in place of the network: so where drawn lungs lie is known."""

    def __init__(self) -> None:
        self.sha256 = "dark"

    def find(self, film: NDArray[np.uint8] | NDArray[np.float32]) -> Lungs:
        mask = film < DARK
        return Lungs(mask, 1.0, box=box_of(mask))


class FindsNothing(LungFinder):
    """Finds no lungs in any film."""

    def __init__(self) -> None:
        self.sha256 = "nothing"

    def find(self, film: NDArray[np.uint8] | NDArray[np.float32]) -> Lungs:
        return Lungs(None, 0.2, reason="it does not look like a frontal chest film")


def two_lungs(scale: float = 1, aside: int = 0, below: int = 0) -> Square:
    """Two dark lungs of different sizes on a chest that is brighter downwards, (224, 224): enlarged and moved."""
    rows, columns = (np.mgrid[:224, :224] - 112) / scale
    chest = 160 + (rows - below / scale) / 4 + 20 * np.cos((columns - aside / scale) / 30)
    for down, across, high, wide in ((0, -40, 60, 24), (6, 42, 52, 28)):
        centre = (112 + below + scale * down, 112 + aside + scale * across)
        inside = ellipse(*centre, scale * high, scale * wide, shape=chest.shape)
        chest[inside] = 50
    return np.asarray(np.rint(np.clip(chest, 0, 255)), dtype=np.uint8)


@pytest.fixture(scope="session")
def film() -> ScaledFilm:
    """A generated film, ready to be described."""
    return film_of(prepare(phantom(5, 192), ()))


def _wild(kind: str, size: int, level: int, seed: int) -> Square:
    draw = np.random.default_rng(seed)
    drawn_as: dict[str, Callable[[], NDArray[np.generic]]] = {
        "constant": lambda: np.full((size, size), level),
        "one pixel differs": lambda: np.where(np.arange(size * size).reshape(size, size) == seed % size, 0, level),
        "two neighbouring levels": lambda: np.minimum(draw.integers(level, level + 2, (size, size)), 255),
        "noise": lambda: draw.integers(0, 256, (size, size)),
        "black and white": lambda: 255 * draw.integers(0, 2, (size, size)),
        "a ramp": lambda: np.tile(np.linspace(0, level, size), (size, 1)),
        "a chest in a few levels": lambda: phantom(seed, size) // 64,
        "a chest": lambda: phantom(seed, size),
        "a chest upside down": lambda: phantom(seed, size)[::-1],
    }
    return np.ascontiguousarray(drawn_as[kind]()).astype(np.uint8)


def wild_squares() -> st.SearchStrategy[Square]:
    """What a pixel cache may hold: chests, and squares without contrast, without a body, without sense."""
    kinds = (
        "constant", "one pixel differs", "two neighbouring levels", "noise", "black and white", "a ramp",
        "a chest in a few levels", "a chest", "a chest upside down",
    )  # fmt: skip
    return st.builds(
        _wild, st.sampled_from(kinds), st.sampled_from((16, 17, 40, 96)), st.integers(0, 255), st.integers(0, 99)
    )
