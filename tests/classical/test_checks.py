"""What films and recipe lack is said before anything is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hilum.classical.checks import refuse_too_few, refuse_too_much, refuse_unusable
from hilum.classical.features.describe import Described
from hilum.errors import RecipeError, RequestError
from hilum.records import Film, Manifest
from tests.classical.simulated import spec_of

CLASSES = ("NORMAL", "PNEUMONIA")
LABELS = np.repeat([0, 1], [8, 40])
FILMS = Manifest(tuple(Film(f"{number}.png") for number in range(3)))


def described(numbers: list[list[float]]) -> Described:
    return Described(np.array(numbers, dtype=np.float32), ("grey: mean", "grey: deviation"), ("",) * 3)


@pytest.mark.parametrize("what", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named_with_its_film(what: float) -> None:
    with pytest.raises(RequestError, match=r"^1\.png: grey: deviation is NaN or infinite"):
        refuse_unusable(described([[1, 2], [3, what], [4, 5]]), FILMS)


def test_films_of_one_grey_value_teach_nothing() -> None:
    with pytest.raises(RequestError, match="all 3 training films give the same 2 numbers"):
        refuse_unusable(described([[1, 2]] * 3), FILMS)
    refuse_unusable(described([[1, 2], [1, 2], [1, 3]]), FILMS)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"reduce": ["pca"], "components": [39]}, "pca cannot leave 39 numbers of 38 films in cross-validation"),
        ({"reduce": ["pca"], "components": [31], "folds": 0}, "31 numbers of 48 films with 30 numbers"),
        ({"reduce": ["pca", "kernel-pca"], "components": [10, 39]}, "kernel-pca cannot leave 39 numbers of 38 films"),
        ({"reduce": ["pca", "pca"], "components": [10, 11]}, "11 numbers of 38 films .* with 10 numbers"),
        ({"reduce": ["isomap"], "components": [38]}, "take at most 37"),
        ({"reduce": ["kernel-pca"], "components": [30], "strengths": [1, 2]}, "of 28 films in cross-validation"),
        ({"select": "mutual-information", "selected": [31]}, "classical.selected: 31 numbers cannot be kept of 30"),
        ({"classifier": "forest", "strengths": [1.0]}, "smallest share of the films in a leaf, below 0.5"),
    ],
)  # fmt: skip
def test_fewer_films_or_numbers_than_asked_for(table: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        refuse_too_few(spec_of(**table), LABELS, 30, CLASSES)


def test_fewer_films_of_a_class_than_medoids() -> None:
    table = {"describe": "grey", "reduce": ["templates"], "components": [0], "templates": {"per_class": 7}}
    with pytest.raises(
        RecipeError, match="7 medoids of NORMAL, and there are 6 films in cross-validation; take at most 6"
    ):
        refuse_too_few(spec_of(**table), LABELS, 576, CLASSES)
    refuse_too_few(spec_of(**{**table, "templates": {"per_class": 7, "kind": "mean"}}), LABELS, 576, CLASSES)


def test_what_is_enough_passes() -> None:
    table = {"select": "recursive", "selected": [20], "reduce": ["pca", "lda"], "components": [20, 0]}
    refuse_too_few(spec_of(**table), LABELS, 30, CLASSES)


def test_comparing_every_film_with_every_other_takes_memory() -> None:
    quadratic = spec_of(reduce=["kernel-pca"], components=[10])
    with pytest.raises(RequestError, match=r"each of 100,000 films .* takes 240\.0 GB, and there are 8\.0 GB"):
        refuse_too_much(quadratic, 100_000, 8e9)
    refuse_too_much(quadratic, 5_000, 8e9)
    refuse_too_much(spec_of(reduce=["pca"], components=[10]), 100_000, 8e9)
    refuse_too_much(quadratic, 100_000, None)
