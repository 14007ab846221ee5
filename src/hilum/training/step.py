"""One step: a batch through the network and back, whole or in parts, and the optimiser's move."""

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
from hilum.training.loss import Objective
from hilum.training.parallel import gather
from hilum.training.teacher import TeacherNetwork


class Said(NamedTuple):
    """What the network said of a batch's films, over all processes, on the CPU.

    Attributes:
        logits: (n, outputs) float32.
        costs: (n,) float32, as `Objective.reported`.
        labels: (n,) int64, what they show.
    """

    logits: Tensor
    costs: Tensor
    labels: Tensor


@dataclass(slots=True)
class Stepper:
    """Makes the optimiser's steps.

    Attributes:
        fabric: device, precision, and the processes beside this one.
        network: the network as Fabric wrapped it.
        optimizer: likewise.
        objective: what a wrong answer costs.
        shard: this process's part of every batch.
        clip_norm: `training.clip_norm`.
        at_once: films that go through the network together; an even number.
        teacher: whose answers count beside the labels.
    """

    fabric: Fabric
    network: _FabricModule
    optimizer: torch.optim.Optimizer
    objective: Objective
    shard: Shard
    clip_norm: float
    at_once: int
    teacher: TeacherNetwork | None = None

    def step(self, batch: Batch, seed: int) -> Said:
        """Learn from one batch.

        The same seed gives the same step, however the batch is split over micro-batches and processes: gradients are
        added up to the whole batch's, and dropout masks are drawn for it. Batch norms in micro-batches are the
        exception: each takes its statistics over its own films.

        Args:
            batch: this process's shard of the batch.
            seed: of the step's dropout masks.

        Returns:
            What the network said of the whole batch. Where a cost is not finite, no optimiser has moved.
        """
        while True:
            try:
                said = self._learn(batch, seed)
                break
            except torch.OutOfMemoryError:
                if self.at_once <= 2 or self.shard.world_size > 1:
                    raise
                self.at_once = max(2, min(self.at_once, len(batch.labels)) // 4 * 2)
                torch.cuda.empty_cache()
            self.optimizer.zero_grad()
        if said.costs.isfinite().all():
            if self.clip_norm:
                self.fabric.clip_gradients(
                    self.network, self.optimizer, max_norm=self.clip_norm, error_if_nonfinite=False
                )
            self.optimizer.step()
        self.optimizer.zero_grad()
        return said

    def _learn(self, batch: Batch, seed: int) -> Said:
        mine, said = self.shard.rows(batch.global_size), list[Tensor]()
        for rows, last in _parts(len(batch.labels), self.at_once):
            part = batch.rows(rows)
            torch.manual_seed(seed)
            with (
                part_of_batch(mine.start + rows.start, batch.global_size),
                self.fabric.no_backward_sync(self.network, enabled=not last),
            ):
                logits = self.network(channels_last(part.inputs))
                # Fabric averages over the processes what each of them gives.
                costs = self.objective.costs(logits, part)
                if self.teacher is not None:
                    costs = self.teacher.beside(costs, logits, part.inputs)
                cost = costs.sum() * (self.shard.world_size / batch.global_size)
                self.fabric.backward(cost)
            with torch.no_grad():
                columns = (logits, self.objective.reported(logits, part)[:, None], part.dominant_labels()[:, None])
                said.append(torch.cat([column.detach().float() for column in columns], dim=1))
        together = gather(self.fabric, torch.cat(said), torch.arange(mine.start, mine.stop), batch.global_size)
        return Said(together[:, :-2], together[:, -2], together[:, -1].long())


def channels_last(inputs: Tensor) -> Tensor:
    """Maps in the layout that convolutions are fastest in; vectors as they are."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _parts(n: int, at_once: int) -> Iterator[tuple[slice, bool]]:
    """Rows of each micro-batch, and whether it is the last: as even as pairs allow; an odd film joins the last."""
    count = max(1, min(-(-n // at_once), n // 2))
    ends = [2 * (n // 2 * number // count) for number in range(count)] + [n]
    for start, end in pairwise(ends):
        yield slice(start, end), end == n
