"""Hilum at the same work as its peers."""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn

from benchmarks.data import CLASSES
from benchmarks.peers.serve import Work, serve
from hilum import batches, features, films, models, pixels
from hilum.batches import BatchSource
from hilum.recipe import Recipe, parse_recipe
from hilum.training.device import fastest_device, set_up_device
from hilum.training.finetuning import parameter_groups
from hilum.training.loss import make_loss_function
from hilum.training.parallel import shard_of
from hilum.training.precision import uses_bfloat16
from hilum.training.schedule import make_optimizer
from hilum.training.step import Stepper

EPOCHS = 27  # of the study's VGG-16
AUGMENT = {"rotation": 20, "scale": 0.25, "translation": 0.1, "flip": 0.5, "contrast": 0.5}
S1 = parse_recipe({"name": "s1", "batches": {"size": 32, "augment": AUGMENT}}, "benchmark")
S2 = parse_recipe(
    {
        "name": "s2",
        "pixels": {"size": 256},
        "model": {"name": "vgg16", "channels": 3, "normalise": "vgg", "head": "s2"},
        "transfer": {"frozen": "trunk"},
    },
    "benchmark",
)


class Learner:
    """What `training.fit` does in an epoch, without its validation and its files."""

    def __init__(self, model: nn.Module, source: BatchSource, recipe: Recipe, fabric: Fabric | None = None) -> None:
        fabric = fabric or set_up_device(recipe.training, gradual=False)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = make_optimizer(recipe.training, parameter_groups(model, recipe.transfer))
        network, wrapped = fabric.setup(model, optimizer)
        objective = make_loss_function(recipe.training, source.labels, source.classes).to(fabric.device)
        shard, size = shard_of(fabric, recipe.batches.size), recipe.batches.size
        self.model, self.source, self.device = model, source, fabric.device
        self.stepper = Stepper(fabric, network, wrapped, objective, shard, 0.0, size)
        self.numbers = count(1)

    def epoch(self) -> int:
        """Learn from every batch; returns how many films there were."""
        self.model.train()
        number, films = next(self.numbers), 0
        for step, batch in enumerate(self.source.epoch(1, number, self.device)):
            self.stepper.step(batch, seed=number * 1000 + step)
            films += len(batch.labels)
        return films


def films_of(folder: Path, recipe: Recipe) -> batches.FilmBatches:
    """The films of a folder, decoded once and kept in a cache, as training has them."""
    manifest = films.index(folder, cut=False)
    return batches.make_batches(manifest, pixels.cache(manifest, recipe.pixels), CLASSES, recipe.batches)


def s1(folder: Path) -> Work:
    """An epoch of S1, augmented."""
    torch.manual_seed(1)
    return Learner(models.build(S1.model, S1.pixels.size), films_of(folder, S1), S1).epoch


def s2(folder: Path) -> Work:
    """VGG-16 transfer, the whole run: the pass that stores features, and every epoch on them."""
    data, bfloat16 = films_of(folder, S2), uses_bfloat16(S2.training)

    def run() -> int:
        torch.manual_seed(1)
        frozen, head = models.build(S2.model, S2.pixels.size).split("trunk")
        with tempfile.TemporaryDirectory() as stores:
            stored = features.extract_features(
                frozen, data, S2.model, S2.pixels, bfloat16=bfloat16, device=fastest_device(), folder=Path(stores)
            )
            learner = Learner(head, stored, S2)
            for _ in range(EPOCHS):
                seen = learner.epoch()
        return seen

    return run


if __name__ == "__main__":
    serve({"s1": s1, "s2": s2})
