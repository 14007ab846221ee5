"""Studies whose trials take no time: the figure is worked out from the values instead of trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hilum.recipe import Recipe, parse_recipe
from hilum.records import Film, Manifest
from hilum.tuning import Space, StudyObjective, StudySummary, Train, read_space, tune

LOSS = StudyObjective("val_loss", "loss on validation", True)
FILMS = Manifest(
    tuple(
        Film(f"{split}{n}.png", ("NORMAL", "PNEUMONIA")[n % 2], "", f"{split}{n // 2}", split, f"{split}{n}")
        for split, films in {"train": 8, "val": 6, "test": 4}.items()
        for n in range(films)
    )
)
RATE = {"training.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}}
MIXED = {**RATE, "batches.size": {"low": 8, "high": 32, "step": 8}, "training.optimizer": ["adam", "sgd"]}


def recipe_with(space: dict[str, Any], *, epochs: int = 3, **tune: Any) -> Recipe:
    table = {"name": "tiny", "training": {"epochs": epochs}, "tune": {"prune": "none", "space": space, **tune}}
    return parse_recipe(table, "tiny.toml")


def space_of(space: dict[str, Any], **table: Any) -> Space:
    return read_space(recipe_with(space, **table), "tiny.toml")


def loss_of(recipe: Recipe) -> float:
    """Least where the learning rate is 1e-3, and the less the larger the batch."""
    scheme = recipe.training
    away = abs(math.log10(scheme.learning_rate / 1e-3)) + 0.1 / recipe.batches.size
    return away + 0.2 * (scheme.optimizer == "sgd")


class MadeUp:
    """A trainer that remembers what it was asked for; an epoch's loss is `loss`, and the more the earlier it is.

    It keeps its epochs in the folder as a real one does, and resumes after them.
    """

    def __init__(self, loss: Callable[[Recipe], float] = loss_of, stop: Callable[[int, int], None] | None = None):
        self.loss, self.stop = loss, stop
        self.recipes: list[Recipe] = []
        self.epochs: list[tuple[str, int]] = []

    def __call__(self, recipe: Recipe, folder: Path, *, on_epoch: Callable[[dict[str, float]], None]) -> int:
        self.recipes.append(recipe)
        done = folder / "checkpoints" / "epochs"
        done.parent.mkdir(parents=True, exist_ok=True)
        figure, behind = self.loss(recipe), int(done.read_text()) if done.exists() else 0
        for epoch in range(1, recipe.training.epochs + 1):
            if epoch > behind:
                self.epochs.append((folder.name, epoch))
                done.write_text(str(epoch))
            on_epoch({"epoch": epoch, "seconds": 2.0, "val_loss": figure + 0.1 * (recipe.training.epochs - epoch)})
            if self.stop is not None and epoch > behind:
                self.stop(int(folder.name[-4:]), epoch)
        return recipe.training.epochs


def study(out: Path, space: Space, train: Train | None = None, **options: Any) -> StudySummary:
    return tune(space, options.pop("films", FILMS), out, train or MadeUp(), LOSS, **options)


def all_values(summary: StudySummary) -> list[dict[str, Any]]:
    return [trial.values for trial in summary.trials]
