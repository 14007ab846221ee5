"""Films with outlines of their lungs as batches: painted, moved together with the outline, turned, or replaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum import recipe
from hilum.batches import operations
from hilum.batches.augment import Views, apply, draw
from hilum.batches.batch import Batch, Transform
from hilum.batches.opacities import Opacities, draw_opacities, paint
from hilum.batches.sampling import UNSHARDED, Indices, Shard, make_generator, sample_epoch, sequential_batches
from hilum.gate import other_picture
from hilum.records import Manifest

UPRIGHT, OTHER = 0, 4  # labels of the view; between them are the quarter turns, clockwise


@dataclass(frozen=True, slots=True)
class OutlineBatches:
    """The films of one split with their outlines, as a `BatchSource` whose labels are how each film lies.

    A batch's outlines are 1 inside the lungs and 0 outside; of a picture that is no chest film they are 0.

    Attributes:
        manifest: the films, all of which lie upright.
        films: (films, size, size) uint8, in the manifest's order.
        outlines: (films, size, size) uint8, 255 inside the lungs.
        classes: the names of the views.
        spec: the recipe's `[batches]`.
        learnt: the recipe's `[outlines]`: how often films are painted, turned and replaced.
    """

    manifest: Manifest
    films: NDArray[np.uint8]
    outlines: NDArray[np.uint8]
    classes: tuple[str, ...]
    spec: recipe.Batches
    learnt: recipe.Outlines
    labels: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", np.full(len(self.manifest), UPRIGHT, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.manifest)

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches in an epoch; a smaller last batch is dropped, unless it is the only one."""
        return len(self._sample(torch.Generator()))

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield the batches of epoch `number`, shuffled and augmented; of each batch, only this shard.

        As for `FilmBatches`, a batch depends only on the seed, the epoch's number and its own number.
        """
        for step, indices in enumerate(self._sample(make_generator(seed, number))[start:], start=start + 1):
            yield self._augmented(indices, shard.rows(len(indices)), make_generator(seed, number, step), device)

    def unaugmented(
        self, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, as it is."""
        for indices in sequential_batches(len(self), size):
            rows = shard.rows(len(indices))
            images, outlines = self._stack(indices[rows], device)
            labels = torch.from_numpy(self.labels[indices[rows]]).to(device)
            yield Batch(images, labels, indices[rows], len(indices), outlines=outlines)

    def augmented(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, augmented; each `number` gives other random views."""
        generator = make_generator(seed, number)
        for indices in sequential_batches(len(self), size):
            yield self._augmented(indices, shard.rows(len(indices)), generator, device)

    def painted(self, seed: int, size: int = 64) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, with opacities painted into its lungs and nothing else."""
        generator = make_generator(seed)
        for batch in self.unaugmented(size):
            assert batch.outlines is not None
            opacities = draw_opacities(1.0, len(batch.labels), generator)
            images = paint(opacities, batch.inputs, batch.outlines)
            yield Batch(images, batch.labels, batch.indices, batch.global_size, outlines=batch.outlines)

    def transformed(self, transform: Transform) -> OutlineBatches:
        """The same films with `transform`, which must leave the lungs where they are, applied to each."""
        films = np.stack([np.rint(transform(film / np.float32(255)) * 255) for film in self.films]).astype(np.uint8)
        return OutlineBatches(self.manifest, films, self.outlines, self.classes, self.spec, self.learnt)

    def _sample(self, generator: torch.Generator) -> list[Indices]:
        return sample_epoch(np.zeros(len(self), dtype=np.int64), self.spec.size, "shuffled", generator)

    def _stack(self, indices: Indices, device: torch.device | None) -> tuple[Tensor, Tensor]:
        """Films and outlines, (n, 1, size, size) float32 from 0 to 1."""
        images, outlines = (
            torch.from_numpy(np.asarray(held[indices])).to(device)[:, None].float() / 255
            for held in (self.films, self.outlines)
        )
        return images, outlines

    def _augmented(
        self, indices: Indices, rows: slice, generator: torch.Generator, device: torch.device | None
    ) -> Batch:
        """Augment one shard of a batch; `indices` are those of the whole batch, for which everything is drawn."""
        n, size = len(indices), self.films.shape[-1]
        opacities: Opacities = draw_opacities(self.learnt.opacities, n, generator).rows(rows)
        views: Views = draw(self.spec.augment, n, size, generator).rows(rows)
        labels = draw_views(self.learnt, n, generator)[rows]
        seeds = torch.randint(2**62, (n,), generator=generator)[rows]
        images, outlines = self._stack(indices[rows], device)
        if len(images):
            images = paint(opacities.to(images.device), images, outlines)
            views = views.to(images.device)
            images = apply(views, images)
            outlines = operations.move(outlines, views.affine, torch.ones_like(views.black, dtype=torch.bool))
        images, outlines = turn(images, labels), turn(outlines, labels)
        for place in torch.nonzero(labels == OTHER).flatten().tolist():
            picture = other_picture(self.films[indices[rows][place]], int(seeds[place]))
            images[place, 0] = torch.from_numpy(picture).to(images.device).float() / 255
            outlines[place] = 0
        return Batch(images, labels.to(device), indices[rows], n, outlines=outlines)


def draw_views(spec: recipe.Outlines, n: int, generator: torch.Generator) -> Tensor:
    """Draw how each of n films lies: upright, turned by one of three quarter turns, or no chest film; (n,) int64."""
    chance = torch.rand(n, generator=generator)
    turns = 1 + (chance / max(spec.turned, 1e-9) * 3).long().clamp(max=2)
    labels = torch.where(chance < spec.turned, turns, torch.full_like(turns, UPRIGHT))
    is_other = (chance >= spec.turned) & (chance < spec.turned + spec.others)
    return torch.where(is_other, torch.full_like(labels, OTHER), labels)


def turn(images: Tensor, labels: Tensor) -> Tensor:
    """Turn images clockwise by as many quarter turns as their labels say; `OTHER` turns none."""
    images = images.clone()
    for quarter in (1, 2, 3):
        where = (labels == quarter).to(images.device)
        if where.any():
            images[where] = torch.rot90(images[where], -quarter, (2, 3))
    return images
