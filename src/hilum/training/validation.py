"""A network's logits for films, and the validation metrics of an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hilum.batches import Batch, BatchSource, Shard
from hilum.batches.sampling import Indices
from hilum.history import Row
from hilum.recipe import Recipe
from hilum.training.objective import Columns, Objective, concatenate, gather_columns
from hilum.training.step import channels_last


@torch.no_grad()
def predict_logits(model: nn.Module, batches: Iterable[Batch]) -> Tensor:
    """Put the network in evaluation mode and return its logits for all films: (n, outputs) float32 on the CPU."""
    model.eval()
    return torch.cat([model(channels_last(batch.inputs)).cpu() for batch in batches])


def validate(
    model: nn.Module,
    val: BatchSource,
    shifted: Sequence[BatchSource],
    recipe: Recipe,
    objective: Objective,
    fabric: Fabric,
    shard: Shard,
) -> Row:
    """Measure a network on the validation films, on augmented copies ("views") of them, and under acquisition shifts.

    A shift simulates how another machine or archive would have produced the films (`hilum.shifts`). Each process
    evaluates its shard of the films, and all processes return the same metrics.

    Args:
        model: the network, on the run's device.
        val: the validation films.
        shifted: the same films under each shift; their metrics are averaged over the shifts.
        recipe: for its seed and `training.val_views`, the number of augmented views.
        objective: what the network is trained for, on the run's device.
        fabric: Lightning Fabric, which connects the processes.
        shard: this process's part of every batch.

    Returns:
        The objective's metrics in the columns `val_…`, and, where the recipe asks for them, `val_views_…` and
        `val_shifted_…`.
    """

    @torch.no_grad()
    def columns_of(batches: Iterable[Batch]) -> Columns:
        """The columns of all films, in the manifest's order, gathered from all processes."""
        model.eval()
        columns, indices = list[Columns](), list[Indices]()
        for batch in batches:
            if len(batch.indices):
                columns.append(objective.columns(model(channels_last(batch.inputs)), batch))
                indices.append(batch.indices)
        return gather_columns(fabric, concatenate(columns), torch.from_numpy(np.concatenate(indices)), len(val))

    row = objective.metrics("val", columns_of(val.unaugmented(device=fabric.device, shard=shard)))
    views = [
        columns_of(val.augmented(recipe.seed, view, device=fabric.device, shard=shard))
        for view in range(1, recipe.training.val_views + 1)
    ]
    if views:
        row |= objective.metrics("val_views", concatenate(views))
    if shifted:
        under_shift = [columns_of(films.unaugmented(device=fabric.device, shard=shard)) for films in shifted]
        rows = [objective.metrics("val_shifted", columns) for columns in under_shift]
        row |= {name: float(np.mean([each[name] for each in rows])) for name in rows[0]}
    return row
