"""The films of one split as batches: sampled from the pixel cache, augmented and stacked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from torch import Tensor

from hilum import recipe
from hilum.batches.augment import apply, draw
from hilum.batches.batch import Batch, Transform
from hilum.batches.crops import center_crops, cut, draw_crops
from hilum.batches.mix import mix
from hilum.batches.outside import draw_replacements, replace_outside
from hilum.batches.sampling import UNSHARDED, Indices, Shard, make_generator, sample_epoch, sequential_batches
from hilum.errors import RequestError
from hilum.films import labels_of
from hilum.pixels import PixelCache
from hilum.records import Manifest


@dataclass(frozen=True, slots=True)
class FilmBatches:
    """The films of one split as a `BatchSource`: what a torch `Dataset` and its `DataLoader` are together.

    Attributes:
        manifest: the list of films.
        cache: the preprocessed films, (rows, size, size) uint8, which may be larger than memory.
        classes: the class names that `Batch.labels` index.
        spec: the recipe's `[batches]`: how films are sampled and augmented.
        rows: (films,) the row of each film in the cache.
        labels: (films,) int64 class indices, in the manifest's order.
        on_device: for each device that `copy_to` was called for, all films there, (films, size, size) uint8.
    """

    manifest: Manifest
    cache: PixelCache
    classes: tuple[str, ...]
    spec: recipe.Batches
    rows: np.ndarray = field(init=False)
    labels: np.ndarray = field(init=False)
    on_device: dict[torch.device, Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", labels_of(self.manifest, self.classes))
        object.__setattr__(self, "rows", self.cache.rows(self.manifest))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches in an epoch; a smaller last batch is dropped, unless it is the only one."""
        return len(self.sample(torch.Generator()))

    def sample(self, generator: torch.Generator) -> list[Indices]:
        """Sample an epoch: the films of each of its batches, as indices into the manifest."""
        by_cause = self.spec.by == "cause"  # of a pneumonia: bacteria or virus
        groups = [f"{film.label}/{film.subtype}" if by_cause else film.label for film in self.manifest]
        return sample_epoch(np.array(groups), self.spec.size, self.spec.draw, generator)

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield the batches of epoch `number`, shuffled, augmented and with mixup; of each batch, only this shard.

        The first `start` batches are skipped. A batch depends only on the seed, the epoch's number and its own
        number: a run that is resumed within an epoch gets the batches that it would have had, and processes agree.
        """
        if device is not None and device.type == "cuda" and device not in self.on_device and self._fits(device):
            self.copy_to(device)
        for step, indices in enumerate(self.sample(make_generator(seed, number))[start:], start=start + 1):
            generator = make_generator(seed, number, step)
            shard_rows = shard.rows(len(indices))
            batch = self._stack(indices, shard_rows, self.spec.augment, generator, device)
            yield mix(batch, self.spec.mixup, shard_rows, generator)

    def unaugmented(
        self, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, without augmentation; crops are taken from the centre."""
        for indices in sequential_batches(len(self), size):
            yield self._stack(indices, shard.rows(len(indices)), None, None, device)

    def augmented(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, augmented; each `number` gives other random views.

        They are views to choose by: each film keeps its own surroundings and its lungs.
        """
        generator = make_generator(seed, number)
        evidence = replace(self.spec.augment, outside=0.0, between=0.0, blank=0.0)
        for indices in sequential_batches(len(self), size):
            yield self._stack(indices, shard.rows(len(indices)), evidence, generator, device)

    def transformed(self, transform: Transform) -> FilmBatches:
        """The same films with `transform` applied to each preprocessed film; all in memory, size² bytes per film."""
        return self.replaced(transform(self.cache.films[row] / np.float32(255)) for row in self.rows)

    def replaced(self, squares: Iterable[NDArray[np.float32]]) -> FilmBatches:
        """The same films, shown as other grey squares: (size, size) from 0 to 1, in the manifest's order."""
        films = np.empty((len(self), self.cache.size, self.cache.size), dtype=np.uint8)
        for index, square in enumerate(squares):
            films[index] = np.rint(square * 255)
        rows = {film.sha256: index for index, film in enumerate(self.manifest)}
        lungs = None if self.cache.lungs is None else self.cache.lungs[self.rows]
        return FilmBatches(self.manifest, PixelCache(films, rows, lungs), self.classes, self.spec)

    def copy_to(self, device: torch.device) -> None:
        """Copy all films to a device, one byte per pixel: batches are then indexed there, and only indices copied."""
        films = torch.from_numpy(np.asarray(self.cache.films[self.rows]))
        self.on_device[device] = films.to(device)

    def _fits(self, device: torch.device) -> bool:
        """Whether the films take at most a quarter of the device's free memory."""
        return 4 * len(self) * self.cache.size**2 <= torch.cuda.mem_get_info(device)[0]

    def _pixels(self, indices: Indices, device: torch.device | None) -> Tensor:
        """The films' pixels, (n, size, size) uint8 on the device."""
        if device is not None and device in self.on_device:
            return self.on_device[device][torch.from_numpy(indices).to(device)]
        return torch.from_numpy(self.cache.films[self.rows[indices]]).to(device)

    def _lungs(self, indices: Indices) -> Tensor:
        """The films' lungs, (n, size, size) uint8, 255 inside."""
        assert self.cache.lungs is not None  # the recipe asks for the region "lungs"
        return torch.from_numpy(self.cache.lungs[self.rows[indices]])

    def _stack(
        self,
        indices: Indices,
        shard_rows: slice,
        augment: recipe.Augment | None,
        generator: torch.Generator | None,
        device: torch.device | None,
    ) -> Batch:
        """Crop, augment and stack one shard of a batch; `indices` are those of the whole batch.

        Random values are drawn for the whole batch, so that a film's do not depend on how the batch is sharded.
        """
        global_size, shard_indices = len(indices), indices[shard_rows]
        images = self._pixels(shard_indices, device)[:, None].float() / 255
        blanked = None
        if augment is not None and (augment.outside or augment.blank):
            assert generator is not None
            replacements = draw_replacements(augment, global_size, generator).rows(shard_rows)
            images = replace_outside(replacements, images, self._lungs(shard_indices))
            blanked = replacements.blank.to(device) if augment.blank else None
        if self.spec.crop:
            side = images.shape[-1]
            crops = (
                draw_crops(self.spec, global_size, side, generator)
                if generator
                else center_crops(self.spec, global_size, side)
            )
            images = cut(crops.rows(shard_rows), images)
        if augment is not None and augment != recipe.Augment():
            assert generator is not None
            views = draw(augment, global_size, images.shape[-1], generator).rows(shard_rows)
            images = apply(views.to(images.device), images)
        labels = torch.from_numpy(self.labels[shard_indices]).to(device)
        return Batch(images, labels, shard_indices, global_size, blanked=blanked)


def make_batches(
    manifest: Manifest, cache: PixelCache, classes: tuple[str, ...], spec: recipe.Batches
) -> FilmBatches:
    """Make the batches of one split.

    Args:
        manifest: the list of films.
        cache: the preprocessed films, as `hilum.pixels.cache` returns them.
        classes: the class names, in the order that labels index.
        spec: the recipe's `[batches]`.

    Raises:
        RequestError: the manifest is empty.
        LayoutError: a film's label is not among the classes.
    """
    if not len(manifest):
        raise RequestError("no films to draw batches from")
    return FilmBatches(manifest, cache, classes, spec)
