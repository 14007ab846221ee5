"""One optimiser step: a batch forward and backward through the network, in micro-batches where memory is short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import Tensor

from hilum.batches import Batch, Shard
from hilum.errors import HilumError
from hilum.models import part_of_batch
from hilum.training.distillation import TeacherNetwork
from hilum.training.objective import Columns, Objective, concatenate, gather_columns


@dataclass(slots=True)
class Stepper:
    """Makes optimiser steps.

    Attributes:
        fabric: Lightning Fabric: the device, the precision and the processes of the run.
        network: the network, as Fabric wrapped it.
        optimizer: the optimiser, as Fabric wrapped it.
        objective: what the network is trained for: its losses, and what the history needs of each film.
        shard: this process's part of every batch.
        clip_norm: the largest norm of the gradient; 0 does not clip.
        micro_batch_size: the number of films that go through the network together; even where that is not the whole
            batch, because mixup's pairs stay together.
        teacher: the trained networks to distil from, where there are some.
    """

    fabric: Fabric
    network: _FabricModule
    optimizer: torch.optim.Optimizer
    objective: Objective
    shard: Shard
    clip_norm: float
    micro_batch_size: int
    teacher: TeacherNetwork | None = None

    def step(self, batch: Batch, seed: int) -> Columns:
        """Make one optimiser step on a batch.

        The same seed gives the same step, however the batch is split over micro-batches and processes: gradients are
        accumulated over the whole batch, and dropout masks are drawn for the whole batch. Batch norm is the
        exception: its statistics are those of each micro-batch. Where a GPU runs out of memory, the micro-batches
        are halved and the step is repeated; where two films do not fit, the run ends.

        Args:
            batch: this process's shard of the batch.
            seed: seed of the step's dropout masks.

        Returns:
            What the history needs of each film of the whole batch (`Objective.columns`), gathered from all processes,
            on the CPU. Where a loss is not finite, the weights have not been updated.

        Raises:
            HilumError: the GPU's memory does not hold two films, this process's part of a batch that is shared with
                other processes, or the optimiser's state.
        """
        while True:
            with suppress(torch.OutOfMemoryError):
                output = self._forward_backward(batch, seed)
                break
            # Only here: while the error is handled, its frames still hold the maps that did not fit.
            if self.micro_batch_size <= 2 or self.shard.world_size > 1:
                raise HilumError(self._out_of_memory())
            self.micro_batch_size = max(2, min(self.micro_batch_size, len(batch.labels)) // 4 * 2)
            self.optimizer.zero_grad()
            torch.cuda.empty_cache()
        if output["losses"].isfinite().all():
            try:
                self._update()
            except torch.OutOfMemoryError:
                raise HilumError(self._out_of_memory()) from None
        self.optimizer.zero_grad()
        return output

    def _update(self) -> None:
        """Clip the gradient and move the weights."""
        if self.clip_norm:
            self.fabric.clip_gradients(
                self.network, self.optimizer, max_norm=self.clip_norm, error_if_nonfinite=False
            )
        self.optimizer.step()

    def _out_of_memory(self) -> str:
        shared = self.shard.world_size > 1
        return (
            f"the GPU's memory does not hold a training step with {self.micro_batch_size} films; "
            f"take {'a smaller batch (batches.size), ' if shared else ''}a smaller network or smaller films "
            "(pixels.size), or close other programs that use the GPU"
        )

    def _forward_backward(self, batch: Batch, seed: int) -> Columns:
        """Accumulate the gradient of the mean loss over the global batch, and gather the columns for it."""
        shard_rows, outputs = self.shard.rows(batch.global_size), list[Columns]()
        for rows, is_last in _micro_batches(len(batch.labels), self.micro_batch_size):
            part = batch.rows(rows)
            torch.manual_seed(seed)  # of dropout; `part_of_batch` tells it which rows of the global batch these are
            with (
                part_of_batch(shard_rows.start + rows.start, batch.global_size),
                self.fabric.no_backward_sync(self.network, enabled=not is_last),
            ):
                output = self.network(channels_last(part.inputs))
                losses = self.objective.training_losses(output, part)
                if self.teacher is not None:
                    losses = self.teacher.distillation_loss(losses, output, part.inputs)
                # Fabric averages gradients over the processes; times their number, that is the sum.
                loss = losses.sum() * (self.shard.world_size / batch.global_size)
                self.fabric.backward(loss)
            with torch.no_grad():
                outputs.append(self.objective.columns(output, part))
        indices = torch.arange(shard_rows.start, shard_rows.stop)
        return gather_columns(self.fabric, concatenate(outputs), indices, batch.global_size)


def channels_last(inputs: Tensor) -> Tensor:
    """Convert images and feature maps to the channels-last memory format; vectors stay as they are."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _micro_batches(n: int, size: int) -> Iterator[tuple[slice, bool]]:
    """Yield the rows of each micro-batch of n films, and whether it is the last one.

    Sizes are as equal as possible without separating a pair of films (of mixup); the last film of an odd number joins
    the last micro-batch.
    """
    count = max(1, min(-(-n // size), n // 2))
    ends = [2 * (n // 2 * number // count) for number in range(count)] + [n]
    for start, end in pairwise(ends):
        yield slice(start, end), end == n
