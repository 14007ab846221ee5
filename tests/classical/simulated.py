"""Films as numbers: two or three classes that a straight line nearly parts, several films a patient."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilum.classical.models.pipeline import TrainingSet, film_weights
from hilum.recipe import Classical, parse_recipe

NAMES = ("NORMAL", "bacteria", "virus")


def training_set(films: int = 240, numbers: int = 12, classes: int = 2, seed: int = 0, folds: int = 4) -> TrainingSet:
    """Films of which the first numbers tell the class, and the others nothing; the first class is half as common."""
    draws = np.random.default_rng(seed)
    labels = draws.choice(classes, films, p=np.r_[0.5, np.ones(classes - 1)] / (classes - 0.5))
    values = draws.normal(size=(films, numbers)).astype(np.float32)
    values[np.arange(films), labels] += 1.5
    patients = np.arange(films) // 2
    return TrainingSet(
        values,
        labels.astype(np.int64),
        film_weights(labels, NAMES[:classes], "balanced"),
        (patients % folds).astype(np.int64),
        patients % 3 == 0,
    )


def spec_of(**table: Any) -> Classical:
    """A recipe's `[classical]`; features unless it says otherwise."""
    recipe = parse_recipe({"name": "test", "classical": {"describe": "features", **table}}, "test")
    assert recipe.classical is not None
    return recipe.classical
