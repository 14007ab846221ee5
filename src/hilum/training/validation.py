"""A network's logits for films, and the validation metrics of an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hilum import bundle, metrics
from hilum.batches import Batch, BatchSource, Shard
from hilum.history import Row
from hilum.recipe import Recipe
from hilum.training.loss import LossFunction
from hilum.training.parallel import gather
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
    loss_function: LossFunction,
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
        loss_function: for the losses that are reported.
        fabric: Lightning Fabric, which connects the processes.
        shard: this process's part of every batch.

    Returns:
        Loss, accuracy and AUROC in the columns `val_…`, and, where the recipe asks for them, `val_views_…` and
        `val_shifted_…`.
    """
    labels = torch.from_numpy(val.labels)

    def logits_of(batches: Iterable[Batch]) -> Tensor:
        """The logits of all films, in the manifest's order, gathered from all processes."""
        pairs = [(predict_logits(model, [batch]), batch.indices) for batch in batches if len(batch.indices)]
        logits, indices = torch.cat([part for part, _ in pairs]), np.concatenate([part for _, part in pairs])
        return gather(fabric, logits, torch.from_numpy(indices), len(val))

    def losses_of(logits: Tensor, labels: Tensor) -> Tensor:
        return loss_function.reported_losses(logits, Batch(logits, labels, np.arange(len(labels)), len(labels)))

    clean = logits_of(val.unaugmented(device=fabric.device, shard=shard))
    row = metrics_row("val", clean, losses_of(clean, labels), labels)
    views = [
        logits_of(val.augmented(recipe.seed, view, device=fabric.device, shard=shard))
        for view in range(1, recipe.training.val_views + 1)
    ]
    if views:
        logits, repeated = torch.cat(views), labels.repeat(len(views))
        row |= metrics_row("val_views", logits, losses_of(logits, repeated), repeated)
    if shifted:
        under_shift = [logits_of(films.unaugmented(device=fabric.device, shard=shard)) for films in shifted]
        rows = [metrics_row("val_shifted", logits, losses_of(logits, labels), labels) for logits in under_shift]
        row |= {name: float(np.mean([each[name] for each in rows])) for name in rows[0]}
    return row


def metrics_row(prefix: str, logits: Tensor, losses: Tensor, labels: Tensor) -> Row:
    """Mean loss, accuracy and AUROC (macro-averaged one-vs-rest with more than two classes).

    Where a logit is NaN or infinite, all three are NaN.

    Args:
        prefix: of the columns' names, such as `val`.
        logits: (n, outputs).
        losses: (n,), by `LossFunction.reported_losses`.
        labels: (n,) class indices.
    """
    if not logits.isfinite().all():
        return dict.fromkeys((f"{prefix}_loss", f"{prefix}_accuracy", f"{prefix}_auroc"), math.nan)
    probs, truth = bundle.probabilities(logits.numpy()), labels.numpy()
    classes = (1,) if probs.shape[1] == 2 else range(probs.shape[1])
    return {
        f"{prefix}_loss": float(losses.mean()),
        f"{prefix}_accuracy": float((probs.argmax(axis=1) == truth).mean()),
        f"{prefix}_auroc": float(np.mean([metrics.auroc(truth == label, probs[:, label]) for label in classes])),
    }
