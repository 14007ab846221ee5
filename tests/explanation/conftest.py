"""Networks whose reasons are known, and films for them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilum import models
from hilum.recipe import Model

SIZE = 64
SQUARE = (slice(16, 32), slice(32, 48))


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """These films are small: threads would wait for one another longer than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Body(nn.Module):
    """A trunk of one layer, the mean of its maps, one logit."""

    attribution_layers = ("maps",)

    def __init__(self, maps: nn.Module, dense: nn.Module) -> None:
        super().__init__()
        self.maps, self.dense = maps, dense

    def forward(self, films: Tensor) -> Tensor:
        logits: Tensor = self.dense(self.maps(films))
        return logits


class Known(nn.Module):
    """Built as `hilum.models.Network` is."""

    def __init__(self, maps: nn.Module, dense: nn.Module) -> None:
        super().__init__()
        self.normalise, self.body = nn.Identity(), Body(maps, dense)

    def forward(self, films: Tensor) -> Tensor:
        logits: Tensor = self.body(self.normalise(films))
        return logits


def linear(weights: NDArray[np.float32]) -> Known:
    """One logit, the sum of each place's grey times its weight."""
    dense = nn.Linear(weights.size, 1)
    with torch.no_grad():
        dense.weight.copy_(torch.from_numpy(weights).reshape(1, -1))
    return Known(nn.Identity(), nn.Sequential(nn.Flatten(), dense))


def bright_finder() -> Known:
    """One logit that says how much of a film is brighter than 0.7: a mean of four by four pixels, less that."""
    maps = nn.Conv2d(1, 1, 4, stride=4)
    dense = nn.Linear(1, 1)
    with torch.no_grad():
        maps.weight.fill_(1 / 16)
        maps.bias.fill_(-0.7)  # type: ignore[union-attr]
        dense.weight.fill_(400.0)
        dense.bias.fill_(-4.0)
    return Known(nn.Sequential(maps, nn.ReLU()), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense))


def film_with_square() -> NDArray[np.uint8]:
    """Dark noise with one bright square, which is all that `bright_finder` answers to."""
    film = np.random.default_rng(0).integers(20, 90, (SIZE, SIZE), dtype=np.uint8)
    film[SQUARE] = 230
    return film


def square_mask() -> NDArray[np.bool_]:
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[SQUARE] = True
    return mask


def grey_films(count: int, side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(side).integers(0, 256, (count, side, side), dtype=np.uint8)


@cache
def drawn(name: str = "s1-cnn", side: int = SIZE, classes: int = 2, normalise: str = "film") -> models.Network:
    """A network of the zoo with fresh weights."""
    torch.manual_seed(0)
    channels = 3 if normalise in ("imagenet", "vgg") else 1
    head = "s2" if name.startswith("vgg") else "default"
    spec = Model(name, channels=channels, normalise=normalise, head=head)  # type: ignore[arg-type]
    return models.build(spec, side, classes).eval()


def probs_of(model: nn.Module, films: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What `Detector.probs` gives, by a torch model of one logit."""
    with torch.inference_mode():
        logits = model(torch.from_numpy(films[:, None].astype(np.float32) / 255))
    positive = torch.sigmoid(logits[:, 0].double()).numpy()
    return np.stack([1 - positive, positive], axis=1)
