"""What a network says of films, and the figures of an epoch's row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hilum import bundle, metrics
from hilum.batches import Batch, Shard, Source
from hilum.history import Row
from hilum.recipe import Recipe
from hilum.training.loss import Objective
from hilum.training.parallel import gather
from hilum.training.step import channels_last


@torch.no_grad()
def logits_of(model: nn.Module, batches: Iterable[Batch]) -> Tensor:
    """A network's logits for every film of the batches: (n, outputs) float32 on the CPU."""
    model.eval()
    return torch.cat([model(channels_last(batch.inputs)).cpu() for batch in batches])


def judge(
    model: nn.Module,
    val: Source,
    shifted: Sequence[Source],
    recipe: Recipe,
    objective: Objective,
    fabric: Fabric,
    shard: Shard,
) -> Row:
    """Figures on the validation films, on so many drawn views of each as the recipe asks for, and under shifts.

    Each process judges its share of the films, and all get the same figures.
    """
    labels = torch.from_numpy(val.labels)

    def together(batches: Iterable[Batch]) -> Tensor:
        mine = [(logits_of(model, [batch]), batch.indices) for batch in batches if len(batch.indices)]
        logits, numbers = torch.cat([each for each, _ in mine]), np.concatenate([films for _, films in mine])
        return gather(fabric, logits, torch.from_numpy(numbers), len(val))

    def costs(logits: Tensor, labels: Tensor) -> Tensor:
        return objective.reported(logits, Batch(logits, labels, np.arange(len(labels)), len(labels)))

    clean = together(val.unaugmented(device=fabric.device, shard=shard))
    row = row_of("val", clean, costs(clean, labels), labels)
    drawn = [
        together(val.augmented(recipe.seed, view, device=fabric.device, shard=shard))
        for view in range(1, recipe.training.val_views + 1)
    ]
    if drawn:
        logits, again = torch.cat(drawn), labels.repeat(len(drawn))
        row |= row_of("val_views", logits, costs(logits, again), again)
    if shifted:
        moved = [together(films.unaugmented(device=fabric.device, shard=shard)) for films in shifted]
        rows = [row_of("val_shifted", logits, costs(logits, labels), labels) for logits in moved]
        row |= {name: float(np.mean([each[name] for each in rows])) for name in rows[0]}
    return row


def row_of(split: str, logits: Tensor, costs: Tensor, labels: Tensor) -> Row:
    """Loss, accuracy and AUROC; of several classes, the mean over the classes of each against the rest.

    Where a logit is no number, none of them is.

    Args:
        split: what the columns' names start with.
        logits: (n, outputs).
        costs: (n,), as `Objective.reported`.
        labels: (n,) class indices.
    """
    if not logits.isfinite().all():
        return dict.fromkeys((f"{split}_loss", f"{split}_accuracy", f"{split}_auroc"), math.nan)
    probs, shown = bundle.probabilities(logits.numpy()), labels.numpy()
    classes = (1,) if probs.shape[1] == 2 else range(probs.shape[1])
    return {
        f"{split}_loss": float(costs.mean()),
        f"{split}_accuracy": float((probs.argmax(axis=1) == shown).mean()),
        f"{split}_auroc": float(np.mean([metrics.auroc(shown == label, probs[:, label]) for label in classes])),
    }
