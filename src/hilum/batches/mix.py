"""Mixup: films blended with the partners of their pairs. Source: Zhang et al., "mixup", ICLR 2018."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hilum.batches.batch import Batch
from hilum.batches.sampling import partners


def mix(batch: Batch, alpha: float, rows: slice, generator: torch.Generator) -> Batch:
    """Blend each film with its partner, with a weight drawn from Beta(alpha, alpha).

    In a shuffled batch the partner is as random as any other film, and it stays in the same process and micro-batch.

    Args:
        batch: some rows of a batch.
        alpha: parameter of the Beta distribution; 0 leaves the batch unchanged.
        rows: which rows they are: weights are drawn for the whole batch.
        generator: decides the weights.
    """
    if not alpha:
        return batch
    seed = int(torch.randint(2**62, (1,), generator=generator))
    drawn = np.random.default_rng(seed).beta(alpha, alpha, batch.global_size).astype(np.float32)
    weight = torch.from_numpy(drawn[rows]).to(batch.inputs.device)
    per_input = weight.view(-1, *[1] * (batch.inputs.ndim - 1))
    inputs = per_input * batch.inputs + (1 - per_input) * batch.inputs[partners(len(weight))]
    return replace(batch, inputs=inputs, mix_weight=weight)
