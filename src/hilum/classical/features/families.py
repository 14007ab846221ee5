"""The families of hand-made features that a recipe can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from hilum.classical.features.film import ScaledFilm, film_of
from hilum.classical.features.grey_levels import grey_levels
from hilum.classical.features.layout import layout
from hilum.classical.features.lung_shape import lung_shape
from hilum.classical.features.prepare import prepare
from hilum.classical.features.texture import texture
from hilum.pixels import chest_phantom
from hilum.recipe.classical import Family

_FAMILIES: Mapping[Family, Callable[[ScaledFilm], dict[str, float]]] = {
    "grey": grey_levels,
    "texture": texture,
    "shape": lung_shape,
    "layout": layout,
}


def features(film: ScaledFilm, families: Sequence[Family]) -> dict[str, float]:
    """A film's features as `family: name`, family by family: the same names for every film, all numbers finite."""
    return {f"{family}: {name}": value for family in families for name, value in _FAMILIES[family](film).items()}


@cache
def feature_names(families: tuple[Family, ...]) -> tuple[str, ...]:
    """The names that `features` gives, read from a generated film's."""
    generated = np.rint(chest_phantom(0, (64, 64)) * 255).astype(np.uint8)
    return tuple(features(film_of(prepare(generated, ())), families))
