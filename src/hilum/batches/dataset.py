"""The films of one split, drawn from the pixel cache, augmented and stacked into batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from hilum import recipe
from hilum.batches.augment import apply, draw
from hilum.batches.batch import Batch, Transform
from hilum.batches.crops import center_crops, cut, draw_crops
from hilum.batches.mix import mix
from hilum.batches.sampling import UNSHARDED, Indices, Shard, make_generator, sample_epoch, sequential_batches
from hilum.errors import RequestError
from hilum.films import labels_of
from hilum.pixels import PixelCache
from hilum.records import Manifest


@dataclass(frozen=True, slots=True)
class FilmBatches:
    """The films of one split as a `Source` of batches; they stay in the pixel cache until they are drawn.

    Attributes:
        manifest: the films.
        cache: their pixels.
        classes: the class names that `Batch.labels` index.
        spec: the recipe's `[batches]`: how films are drawn and augmented.
        rows: (films,) the row of each film in the cache.
        labels: (films,) int64 class indices, in the manifest's order.
        on_device: by device, all films (films, size, size) uint8, where `copy_to` put them.
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
        """The number of whole batches that the films fill, and at least one."""
        return len(self.sample(torch.Generator()))

    def sample(self, generator: torch.Generator) -> list[Indices]:
        """Draw an epoch: the films of each of its batches, as indices into the manifest."""
        by_cause = self.spec.by == "cause"
        groups = [f"{film.label}/{film.subtype}" if by_cause else film.label for film in self.manifest]
        return sample_epoch(np.array(groups), self.spec.size, self.spec.draw, generator)

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield an epoch's batches from batch `start` on, shuffled, augmented and mixed; of each, one shard.

        A batch depends on the seed, the epoch's number and its own number alone: a run that is resumed in the middle
        of an epoch draws what the first run would have drawn, and every process knows what the others draw.
        """
        if device is not None and device.type == "cuda" and device not in self.on_device and self._fits(device):
            self.copy_to(device)
        for step, chosen in enumerate(self.sample(make_generator(seed, number))[start:], start=start + 1):
            generator = make_generator(seed, number, step)
            mine = shard.rows(len(chosen))
            batch = self._stack(chosen, mine, self.spec.augment, generator, device)
            yield mix(batch, self.spec.mixup, mine, generator)

    def unaugmented(
        self, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, without augmentation; crops are taken from the centre."""
        for chosen in sequential_batches(len(self), size):
            yield self._stack(chosen, shard.rows(len(chosen)), None, None, device)

    def augmented(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, each in an augmented view."""
        generator = make_generator(seed, number)
        for chosen in sequential_batches(len(self), size):
            yield self._stack(chosen, shard.rows(len(chosen)), self.spec.augment, generator, device)

    def transformed(self, transform: Transform) -> FilmBatches:
        """The same films with `transform` applied to each grey square; held in memory, size² bytes per film."""
        films = np.empty((len(self), self.cache.size, self.cache.size), dtype=np.uint8)
        for index, row in enumerate(self.rows):
            films[index] = np.rint(transform(self.cache.films[row] / np.float32(255)) * 255)
        rows = {film.sha256: index for index, film in enumerate(self.manifest)}
        return FilmBatches(self.manifest, PixelCache(films, rows), self.classes, self.spec)

    def copy_to(self, device: torch.device) -> None:
        """Copy all films to a device, one byte per pixel: batches are then gathered there from indices alone."""
        films = torch.from_numpy(np.asarray(self.cache.films[self.rows]))
        self.on_device[device] = films.to(device)

    def _fits(self, device: torch.device) -> bool:
        """Whether the films take no more than a quarter of the device's free memory."""
        return 4 * len(self) * self.cache.size**2 <= torch.cuda.mem_get_info(device)[0]

    def _bytes(self, indices: Indices, device: torch.device | None) -> Tensor:
        """The films' pixels, (n, size, size) uint8 on the device."""
        if device is not None and device in self.on_device:
            return self.on_device[device][torch.from_numpy(indices).to(device)]
        return torch.from_numpy(self.cache.films[self.rows[indices]]).to(device)

    def _stack(
        self,
        chosen: Indices,
        rows: slice,
        augment: recipe.Augment | None,
        generator: torch.Generator | None,
        device: torch.device | None,
    ) -> Batch:
        """Some rows of a batch. Random values are drawn for the whole batch, so that no row depends on its shard."""
        global_size, mine = len(chosen), chosen[rows]
        images = self._bytes(mine, device)[:, None].float() / 255
        if self.spec.crop:
            side = images.shape[-1]
            crops = (
                draw_crops(self.spec, global_size, side, generator)
                if generator
                else center_crops(self.spec, global_size, side)
            )
            images = cut(crops.rows(rows), images)
        if augment is not None and augment != recipe.Augment():
            assert generator is not None
            views = draw(augment, global_size, images.shape[-1], generator).rows(rows)
            images = apply(views.to(images.device), images)
        return Batch(images, torch.from_numpy(self.labels[mine]).to(device), mine, global_size)


def make_batches(
    manifest: Manifest, cache: PixelCache, classes: tuple[str, ...], spec: recipe.Batches
) -> FilmBatches:
    """Prepare the films of one split for batches to be drawn from them.

    Args:
        manifest: the films.
        cache: their pixels, as `hilum.pixels.cache` gives them.
        classes: the class names, in the order that labels index.
        spec: the recipe's `[batches]`.

    Raises:
        RequestError: there is no film.
        LayoutError: a film's label is not among the classes.
    """
    if not len(manifest):
        raise RequestError("no films to draw batches from")
    return FilmBatches(manifest, cache, classes, spec)
