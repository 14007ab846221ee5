"""Films drawn from the pixel cache, augmented and stacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.batches.augment import apply, draw
from hilum.batches.crops import cut, draw_crops, middle_crops
from hilum.batches.mix import mix
from hilum.batches.order import ALL, Numbers, Share, batches_of_epoch, in_order, neighbours
from hilum.errors import RequestError
from hilum.films import labels_of
from hilum.pixels import PixelCache
from hilum.recipe import Augment
from hilum.recipe import Batches as Spec
from hilum.records import Manifest

Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # of a square from 0 to 1


@dataclass(frozen=True, slots=True)
class Batch:
    """Films and what they show.

    Attributes:
        inputs: films (n, 1, side, side) float32 in [0, 1], or what frozen stages gave for them.
        labels: (n,) int64, the index of each film's class.
        films: (n,) the films' numbers in the manifest.
        whole: how many films the batch has over all processes; this one's share of it is `len(labels)`.
        share: (n,) float32, how much of each film is itself and not its neighbour in the pair; None where films are
            not mixed.
    """

    inputs: Tensor
    labels: Tensor
    films: Numbers
    whole: int
    share: Tensor | None = None

    def shown(self) -> Tensor:
        """(n,) int64, the label of what each film mostly shows: its own, or its neighbour's."""
        if self.share is None:
            return self.labels
        return torch.where(self.share >= 0.5, self.labels, self.labels[neighbours(len(self.labels))])

    def rows(self, rows: slice) -> Batch:
        """A part of the batch; with mixed films, a part that cuts no pair in two."""
        share = None if self.share is None else self.share[rows]
        return Batch(self.inputs[rows], self.labels[rows], self.films[rows], self.whole, share)


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

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, share: Share = ALL
    ) -> Iterator[Batch]:
        """An epoch's batches from number `start` on, in drawn views; of each batch, one process's share."""

    def plain(self, size: int = 64, device: torch.device | None = None, *, share: Share = ALL) -> Iterator[Batch]:
        """Every film once, in order, as it is; of each batch, one process's share."""

    def views(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, share: Share = ALL
    ) -> Iterator[Batch]:
        """Every film once, in order, each in a drawn view; of each batch, one process's share."""

    def changed(self, change: Change) -> Source:
        """The same films, each as a function makes it of its grey square."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The films of one split, ready to be drawn; they stay in the cache until they are.

    Attributes:
        manifest: the films.
        cache: their pixels.
        classes: the names that `Batch.labels` index.
        spec: how they are drawn.
        held: by device, all films (films, size, size) uint8, where they lie there.
    """

    manifest: Manifest
    cache: PixelCache
    classes: tuple[str, ...]
    spec: Spec
    rows: np.ndarray = field(init=False)
    labels: np.ndarray = field(init=False)
    held: dict[torch.device, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", labels_of(self.manifest, self.classes))
        object.__setattr__(self, "rows", self.cache.rows(self.manifest))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def batches_an_epoch(self) -> int:
        """As many as whole ones fit into the films, and at least one."""
        return len(self.drawn(torch.Generator()))

    def drawn(self, generator: torch.Generator) -> list[Numbers]:
        """The films of each of an epoch's batches, as numbers into the manifest."""
        by_cause = self.spec.by == "cause"
        groups = [f"{film.label}/{film.subtype}" if by_cause else film.label for film in self.manifest]
        return batches_of_epoch(np.array(groups), self.spec.size, self.spec.draw, generator)

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, share: Share = ALL
    ) -> Iterator[Batch]:
        """An epoch's batches from number `start` on, shuffled, augmented and mixed; of each, one process's share.

        A batch depends on the seed, the epoch's number and its own alone: a run that goes on in the middle of an
        epoch draws what the first would have drawn, and every process knows what the others draw.
        """
        if device is not None and device.type == "cuda" and device not in self.held and self._fits(device):
            self.hold(device)
        for step, chosen in enumerate(self.drawn(generator_of(seed, number))[start:], start=start + 1):
            generator = generator_of(seed, number, step)
            mine = share.rows(len(chosen))
            batch = self._stack(chosen, mine, self.spec.augment, generator, device)
            yield mix(batch, self.spec.mixup, mine, generator)

    def plain(self, size: int = 64, device: torch.device | None = None, *, share: Share = ALL) -> Iterator[Batch]:
        """Every film once, in the manifest's order, as it is; of crops, the middle one."""
        for chosen in in_order(len(self), size):
            yield self._stack(chosen, share.rows(len(chosen)), None, None, device)

    def views(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, share: Share = ALL
    ) -> Iterator[Batch]:
        """Every film once, in the manifest's order, each in a drawn view."""
        generator = generator_of(seed, number)
        for chosen in in_order(len(self), size):
            yield self._stack(chosen, share.rows(len(chosen)), self.spec.augment, generator, device)

    def changed(self, change: Change) -> Batches:
        """The same films, each as a function makes it of its square; kept in memory, size² bytes a film."""
        films = np.empty((len(self), self.cache.size, self.cache.size), dtype=np.uint8)
        for number, row in enumerate(self.rows):
            films[number] = np.rint(change(self.cache.films[row] / np.float32(255)) * 255)
        rows = {film.sha256: number for number, film in enumerate(self.manifest)}
        return Batches(self.manifest, PixelCache(films, rows), self.classes, self.spec)

    def hold(self, device: torch.device) -> None:
        """Put all films on a device, a byte a pixel: batches are then gathered there, and only numbers travel."""
        films = torch.from_numpy(np.asarray(self.cache.films[self.rows]))
        self.held[device] = films.to(device)

    def _fits(self, device: torch.device) -> bool:
        """Whether the films take no more than a quarter of what the device has free."""
        return 4 * len(self) * self.cache.size**2 <= torch.cuda.mem_get_info(device)[0]

    def _bytes(self, chosen: Numbers, device: torch.device | None) -> Tensor:
        """(n, size, size) uint8 on the device."""
        if device is not None and device in self.held:
            return self.held[device][torch.from_numpy(chosen).to(device)]
        return torch.from_numpy(self.cache.films[self.rows[chosen]]).to(device)

    def _stack(
        self,
        chosen: Numbers,
        rows: slice,
        augment: Augment | None,
        generator: torch.Generator | None,
        device: torch.device | None,
    ) -> Batch:
        """Some rows of a batch; what is random is drawn for all, so that no row depends on who takes which."""
        whole, mine = len(chosen), chosen[rows]
        films = self._bytes(mine, device)[:, None].float() / 255
        if self.spec.crop:
            side = films.shape[-1]
            crops = (
                draw_crops(self.spec, whole, side, generator) if generator else middle_crops(self.spec, whole, side)
            )
            films = cut(crops.rows(rows), films)
        if augment is not None and augment != Augment():
            assert generator is not None
            views = draw(augment, whole, films.shape[-1], generator).rows(rows)
            films = apply(views.to(films.device), films)
        return Batch(films, torch.from_numpy(self.labels[mine]).to(device), mine, whole)


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
