"""Films drawn from the pixel cache, augmented and stacked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hilum.batches.augment import apply, draw
from hilum.errors import LayoutError, RequestError
from hilum.pixels import PixelCache
from hilum.recipe import Augment
from hilum.recipe import Batches as Spec
from hilum.records import Manifest


@dataclass(frozen=True, slots=True)
class Batch:
    """Films and what they show.

    Attributes:
        inputs: films (n, 1, size, size) float32 in [0, 1], or what frozen stages gave for them.
        labels: (n,) int64, the index of each film's class.
    """

    inputs: Tensor
    labels: Tensor


class Source(Protocol):
    """What training draws from: films, or features that frozen stages gave for them."""

    @property
    def manifest(self) -> Manifest:
        """The films."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that labels index."""

    @property
    def labels(self) -> np.ndarray:
        """(films,) int64, in the manifest's order."""

    @property
    def batches_an_epoch(self) -> int:
        """How many batches `epoch` gives."""

    def __len__(self) -> int:
        """How many films."""

    def epoch(self, seed: int, number: int, device: torch.device | None = None) -> Iterator[Batch]:
        """Every film once, shuffled, in a drawn view."""

    def plain(self, size: int = 64, device: torch.device | None = None) -> Iterator[Batch]:
        """Every film once, in order, as it is."""

    def views(self, seed: int, number: int, size: int = 64, device: torch.device | None = None) -> Iterator[Batch]:
        """Every film once, in order, each in a drawn view."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The films of one split, ready to be drawn; they stay in the cache until they are.

    Attributes:
        manifest: the films.
        cache: their pixels.
        classes: the names that `Batch.labels` index.
        spec: how they are drawn.
    """

    manifest: Manifest
    cache: PixelCache
    classes: tuple[str, ...]
    spec: Spec
    rows: np.ndarray = field(init=False)
    labels: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        unknown = sorted({film.label or "(none)" for film in self.manifest} - set(self.classes))
        if unknown:
            raise LayoutError(
                f"{self.manifest.films[0].split or 'these'} films carry labels that are not among the classes "
                f"{', '.join(self.classes)}: {', '.join(unknown)}"
            )
        index = {name: number for number, name in enumerate(self.classes)}
        object.__setattr__(self, "rows", self.cache.rows(self.manifest))
        labels = np.array([index[film.label] for film in self.manifest], dtype=np.int64)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def batches_an_epoch(self) -> int:
        """Whole batches only: a ragged one would weigh its films, and its batch statistics, differently."""
        return max(1, len(self) // self.spec.size)

    def epoch(self, seed: int, number: int, device: torch.device | None = None) -> Iterator[Batch]:
        """Every film once (but for a remainder smaller than a batch), shuffled and augmented.

        An epoch depends on the seed and its number alone: a resumed run draws what the first would have drawn.
        """
        generator = generator_of(seed, number)
        for chosen in self.shuffled(generator):
            yield self._stack(chosen, self.spec.augment, generator, device)

    def shuffled(self, generator: torch.Generator) -> Iterator[np.ndarray]:
        """The films of each of an epoch's batches, as numbers into the manifest."""
        order = torch.randperm(len(self), generator=generator).numpy()
        if len(order) >= self.spec.size:
            order = order[: self.batches_an_epoch * self.spec.size]
        for start in range(0, len(order), self.spec.size):
            yield order[start : start + self.spec.size]

    def plain(self, size: int = 64, device: torch.device | None = None) -> Iterator[Batch]:
        """Every film once, in the manifest's order, as it is."""
        for start in range(0, len(self), size):
            yield self._stack(np.arange(start, min(start + size, len(self))), None, None, device)

    def views(self, seed: int, number: int, size: int = 64, device: torch.device | None = None) -> Iterator[Batch]:
        """Every film once, in the manifest's order, each in a drawn view."""
        generator = generator_of(seed, number)
        for start in range(0, len(self), size):
            chosen = np.arange(start, min(start + size, len(self)))
            yield self._stack(chosen, self.spec.augment, generator, device)

    def _stack(
        self,
        chosen: np.ndarray,
        augment: Augment | None,
        generator: torch.Generator | None,
        device: torch.device | None,
    ) -> Batch:
        grey = torch.from_numpy(self.cache.films[self.rows[chosen]])[:, None].to(device)
        films = grey.float() / 255
        if augment is not None and augment != Augment():
            assert generator is not None
            films = apply(draw(augment, len(films), films.shape[-1], generator).to(films.device), films)
        return Batch(films, torch.from_numpy(self.labels[chosen]).to(device))


def of(manifest: Manifest, cache: PixelCache, classes: tuple[str, ...], spec: Spec) -> Batches:
    """Make the films of one split ready to be drawn.

    Raises:
        RequestError: there is no film.
        LayoutError: a film's label is not among the classes.
    """
    if not len(manifest):
        raise RequestError("no films to draw batches from")
    return Batches(manifest, cache, classes, spec)


def generator_of(*numbers: int) -> torch.Generator:
    """A generator for these numbers alone: two that differ in any of them give streams that do not meet."""
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state % (2**63))
