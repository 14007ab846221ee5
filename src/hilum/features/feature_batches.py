"""Batches of stored features, sampled as batches of films are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hilum.batches import (
    UNSHARDED,
    Batch,
    BatchSource,
    FilmBatches,
    Shard,
    Transform,
    make_generator,
    mix,
    sequential_batches,
)
from hilum.errors import RequestError
from hilum.records import Manifest


@dataclass(frozen=True, slots=True)
class FeatureBatches:
    """The stored features of one split's films; they stay on disk until a batch needs them.

    Attributes:
        films: that they are of.
        stored: for the films as they are and for each augmented view: (rows, …) float16, and the row of each film.
    """

    films: FilmBatches
    stored: tuple[tuple[NDArray[np.float16], NDArray[np.int64]], ...]

    def __len__(self) -> int:
        return len(self.films)

    @property
    def manifest(self) -> Manifest:
        """The films."""
        return self.films.manifest

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that labels index."""
        return self.films.classes

    @property
    def labels(self) -> np.ndarray:
        """(films,) int64, in the manifest's order."""
        return self.films.labels

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches only, as of films."""
        return self.films.batches_per_epoch

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield an epoch's batches from number `start` on, shuffled, each film in one of its stored views."""
        generator = make_generator(seed, number)
        views = torch.randint(len(self.stored), (len(self),), generator=generator).numpy()
        for step, chosen in enumerate(self.films.sample(generator)[start:], start=start + 1):
            mine = shard.rows(len(chosen))
            batch = self._stack(chosen[mine], views[chosen[mine]], len(chosen), device)
            yield mix(batch, self.films.spec.mixup, mine, make_generator(seed, number, step))

    def unaugmented(
        self, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield each film once, in the manifest's order, without augmentation."""
        return self._in_order(0, size, device, shard)

    def augmented(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield each film once, in the manifest's order, in its stored view of that number, from 1.

        Raises:
            RequestError: no such view is stored. The seed was fixed when the views were computed.
        """
        if not 1 <= number < len(self.stored):
            raise RequestError(f"no view {number} of these films is stored; there are {len(self.stored) - 1}")
        return self._in_order(number, size, device, shard)

    def transformed(self, change: Transform) -> BatchSource:
        """Refuse: features are stored of films as they are.

        Raises:
            RequestError: always.
        """
        raise RequestError("stored features cannot be shifted; train without transfer.frozen, or without val_shifts")

    def _in_order(self, view: int, size: int, device: torch.device | None, shard: Shard) -> Iterator[Batch]:
        for chosen in sequential_batches(len(self), size):
            mine = chosen[shard.rows(len(chosen))]
            yield self._stack(mine, np.full(len(mine), view), len(chosen), device)

    def _stack(self, chosen: np.ndarray, views: np.ndarray, whole: int, device: torch.device | None) -> Batch:
        features = np.empty((len(chosen), *self.stored[0][0].shape[1:]), dtype=np.float32)
        for view in np.unique(views):
            rows, row_of = self.stored[view]
            here = views == view
            features[here] = rows[row_of[chosen[here]]]
        labels = torch.from_numpy(self.labels[chosen])
        return Batch(torch.from_numpy(features).to(device), labels.to(device), chosen, whole)
