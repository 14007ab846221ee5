"""Films to prepare and to describe: generated ones, and squares that show nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from hilum.classical.features.film import ScaledFilm, film_of
from hilum.classical.features.prepare import prepare
from hilum.pixels import chest_phantom
from tests.classical.made import as_kept, kept, made, manifest  # noqa: F401  (fixtures)

Square = NDArray[np.uint8]


def phantom(seed: int, size: int = 128, opacity: float = 0.0) -> Square:
    """A generated film as `preprocess` would give it."""
    return np.rint(chest_phantom(seed, (size, size), opacity) * 255).astype(np.uint8)


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
