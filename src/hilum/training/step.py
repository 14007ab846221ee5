"""One optimiser step: a batch forward and backward through the network, in micro-batches where memory asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from torch import Tensor

from hilum.batches import Batch, Shard
from hilum.models import part_of_batch
from hilum.training.distillation import TeacherNetwork
from hilum.training.loss import LossFunction
from hilum.training.parallel import gather


class StepOutput(NamedTuple):
    """The network's output for the films of a batch, over all processes, on the CPU.

    Attributes:
        logits: (n, outputs) float32.
        losses: (n,) float32, as `LossFunction.reported_losses`.
        labels: (n,) int64, the dominant label of each film.
    """

    logits: Tensor
    losses: Tensor
    labels: Tensor


@dataclass(slots=True)
class Stepper:
    """Makes optimiser steps.

    Attributes:
        fabric: the device, the precision and the processes of the run.
        network: the network, as Fabric wrapped it.
        optimizer: the optimiser, as Fabric wrapped it.
        objective: the loss.
        shard: this process's part of every batch.
        clip_norm: `training.clip_norm`.
        micro_batch_size: the number of films that go through the network together; an even number.
        teacher: the teacher of distillation, where there is one.
    """

    fabric: Fabric
    network: _FabricModule
    optimizer: torch.optim.Optimizer
    objective: LossFunction
    shard: Shard
    clip_norm: float
    micro_batch_size: int
    teacher: TeacherNetwork | None = None

    def step(self, batch: Batch, seed: int) -> StepOutput:
        """Make one optimiser step on a batch.

        The same seed gives the same step, however the batch is split over micro-batches and processes: gradients are
        accumulated to those of the whole batch, and dropout masks are drawn for the whole batch. Batch norms in
        micro-batches are the exception: each computes its statistics over its own films. Where a GPU's memory does
        not suffice, the micro-batches are halved and the step is repeated.

        Args:
            batch: this process's shard of the batch.
            seed: seed of the step's dropout masks.

        Returns:
            The network's output for the whole batch. Where a loss is not finite, the weights have not been updated.
        """
        while True:
            try:
                output = self._forward_backward(batch, seed)
                break
            except torch.OutOfMemoryError:
                if self.micro_batch_size <= 2 or self.shard.world_size > 1:
                    raise
                self.micro_batch_size = max(2, min(self.micro_batch_size, len(batch.labels)) // 4 * 2)
                torch.cuda.empty_cache()
            self.optimizer.zero_grad()
        if output.losses.isfinite().all():
            if self.clip_norm:
                self.fabric.clip_gradients(
                    self.network, self.optimizer, max_norm=self.clip_norm, error_if_nonfinite=False
                )
            self.optimizer.step()
        self.optimizer.zero_grad()
        return output

    def _forward_backward(self, batch: Batch, seed: int) -> StepOutput:
        mine, outputs = self.shard.rows(batch.global_size), list[Tensor]()
        for rows, is_last in _micro_batches(len(batch.labels), self.micro_batch_size):
            part = batch.rows(rows)
            torch.manual_seed(seed)
            with (
                part_of_batch(mine.start + rows.start, batch.global_size),
                self.fabric.no_backward_sync(self.network, enabled=not is_last),
            ):
                logits = self.network(channels_last(part.inputs))
                losses = self.objective.training_losses(logits, part)
                if self.teacher is not None:
                    losses = self.teacher.distillation_loss(losses, logits, part.inputs)
                # Fabric averages gradients over the processes, hence the factor.
                loss = losses.sum() * (self.shard.world_size / batch.global_size)
                self.fabric.backward(loss)
            with torch.no_grad():
                reported = self.objective.reported_losses(logits, part)
                columns = (logits, reported[:, None], part.dominant_labels()[:, None])
                outputs.append(torch.cat([column.detach().float() for column in columns], dim=1))
        table = gather(self.fabric, torch.cat(outputs), torch.arange(mine.start, mine.stop), batch.global_size)
        return StepOutput(table[:, :-2], table[:, -2], table[:, -1].long())


def channels_last(inputs: Tensor) -> Tensor:
    """Put images and feature maps into the layout in which convolutions are fastest; vectors stay as they are."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _micro_batches(n: int, size: int) -> Iterator[tuple[slice, bool]]:
    """Yield the rows of each micro-batch, and whether it is the last.

    The sizes are as equal as whole pairs allow; an odd film joins the last micro-batch.
    """
    count = max(1, min(-(-n // size), n // 2))
    ends = [2 * (n // 2 * number // count) for number in range(count)] + [n]
    for start, end in pairwise(ends):
        yield slice(start, end), end == n
