"""What training consumes: a batch of inputs with their labels, and the protocol of whatever yields batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.batches.sampling import UNSHARDED, Indices, Shard, partners
from hilum.records import Manifest

Transform = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # of a film's grey square, with values from 0 to 1


@dataclass(frozen=True, slots=True)
class Batch:
    """The inputs of some films with their labels: a whole batch, one process's shard of it, or a micro-batch.

    Attributes:
        inputs: images (n, 1, side, side) float32 in [0, 1], or the features of frozen stages, (n, …) float32.
        labels: (n,) int64, the index of each film's class.
        indices: (n,) int64, each film's place in the manifest.
        global_size: the number of films in the whole batch, over all processes and micro-batches.
        mix_weight: (n,) float32, the weight of each film itself where mixup blended it with its partner; None
            without mixup.
        blanked: (n,) bool, the films whose lungs were made one grey: they are evidence of no class; None where
            none are.
        outlines: (n, 1, side, side) float32, 1 inside the lungs and 0 outside; None where no outlines are learnt.
    """

    inputs: Tensor
    labels: Tensor
    indices: Indices
    global_size: int
    mix_weight: Tensor | None = None
    blanked: Tensor | None = None
    outlines: Tensor | None = None

    def dominant_labels(self) -> Tensor:
        """The label with the larger weight in each film: its own, or its mixup partner's; (n,) int64."""
        if self.mix_weight is None:
            return self.labels
        return torch.where(self.mix_weight >= 0.5, self.labels, self.labels[partners(len(self.labels))])

    def rows(self, rows: slice) -> Batch:
        """Some rows of the batch. With mixup, the slice must not separate two partners."""
        mix_weight = None if self.mix_weight is None else self.mix_weight[rows]
        blanked, outlines = (None if each is None else each[rows] for each in (self.blanked, self.outlines))
        return Batch(
            self.inputs[rows], self.labels[rows], self.indices[rows], self.global_size, mix_weight, blanked, outlines
        )


class BatchSource(Protocol):
    """What training reads batches from: films, or the features that frozen stages gave for them."""

    @property
    def manifest(self) -> Manifest:
        """The films."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names that labels index."""

    @property
    def labels(self) -> np.ndarray:
        """(films,) int64, in the manifest's order."""

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches that `epoch` yields from its start."""

    def __len__(self) -> int:
        """The number of films."""

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield one epoch's shuffled, augmented batches from batch `start` on; of each, one process's shard."""

    def unaugmented(
        self, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, without augmentation; of each batch, one shard."""

    def augmented(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        """Yield every film once, in the manifest's order, in augmented view `number`; of each batch, one shard."""

    def transformed(self, transform: Transform) -> BatchSource:
        """The same films, with `transform` applied to each one's grey square."""
