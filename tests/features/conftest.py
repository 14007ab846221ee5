"""A small frozen network and films for it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from hilum import batches, films, models, pixels
from hilum.recipe import Augment, Batches, Model, Pixels
from hilum.records import Manifest
from tests.conftest import ChestFolder

CLASSES = ("NORMAL", "PNEUMONIA")
PIXELS = Pixels(size=32)
MODEL = Model(name="s1-cnn", normalise="film", head="s2")
AUGMENT = Augment(rotation=15, flip=0.5, noise=(0.5, 0.05), jpeg=(0.5, 30))


@dataclass
class Case:
    """A network cut in two, and films."""

    network: models.Network
    data: batches.FilmBatches

    def frozen(self, stage: str = "stage2") -> nn.Sequential:
        return self.network.split(stage)[0]

    def rest(self, stage: str = "stage2") -> nn.Sequential:
        return self.network.split(stage)[1]

    def films(self, first: int, last: int, augment: Augment = AUGMENT) -> batches.FilmBatches:
        part = Manifest(self.data.manifest.films[first:last])
        return batches.make_batches(part, self.data.cache, CLASSES, Batches(size=4, augment=augment))


@pytest.fixture
def case(chest_folder: ChestFolder) -> Case:
    manifest = films.index(chest_folder({"train": {"normal": 12, "bacteria": 10}}), cut=False)
    cache = pixels.cache(manifest, PIXELS)
    torch.manual_seed(0)
    network = models.build(MODEL, PIXELS.size).eval()
    return Case(network, batches.make_batches(manifest, cache, CLASSES, Batches(size=4, augment=AUGMENT)))
