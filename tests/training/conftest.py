"""A small run on generated films."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hilum import batches, films, models, pixels, training
from hilum.recipe import Recipe, parse_recipe
from tests.conftest import ChestFolder

CLASSES = ("NORMAL", "PNEUMONIA")
COUNTS = {"train": {"normal": 24, "bacteria": 24}, "val": {"normal": 8, "bacteria": 8}}
Table = dict[str, object]
Fit = Callable[..., training.FitResult]


def small(**training_table: object) -> Recipe:
    table = {"epochs": 2, "learning_rate": 1e-3, "precision": "float32", **training_table}
    return parse_recipe(
        {
            "name": "small",
            "pixels": {"size": 32},
            "batches": {"size": 16, "augment": {"rotation": 10, "flip": 0.5, "noise": [0.5, 0.05]}},
            "training": table,
        },
        "test",
    )


@pytest.fixture
def data(chest_folder: ChestFolder) -> tuple[batches.FilmBatches, batches.FilmBatches]:
    manifest = films.index(chest_folder(COUNTS), cut=False)
    recipe = small()
    cache = pixels.cache(manifest, recipe.pixels)
    return (
        batches.make_batches(manifest.split("train"), cache, CLASSES, recipe.batches),
        batches.make_batches(manifest.split("val"), cache, CLASSES, recipe.batches),
    )


@pytest.fixture
def fit(data: tuple[batches.FilmBatches, batches.FilmBatches]) -> Fit:
    def run(recipe: Recipe, folder: Path, **options: bool) -> training.FitResult:
        torch.manual_seed(recipe.seed)
        model = models.build(recipe.model, recipe.pixels.size)
        return training.fit(model, *data, recipe, folder, **options)  # type: ignore[arg-type]

    return run


class Killed(Exception):
    """Stands for a run's sudden end."""


def killed_after(epoch: int) -> Callable[[dict[str, float]], None]:
    """Ends a run behind an epoch's checkpoint."""

    def end(row: dict[str, float]) -> None:
        if row["epoch"] == epoch:
            raise Killed

    return end
