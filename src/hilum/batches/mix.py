"""Mixup: films blended with their neighbours. Source: Zhang et al., "mixup", ICLR 2018."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from hilum.batches.order import neighbours

if TYPE_CHECKING:
    from hilum.batches.batches import Batch


def mix(batch: Batch, alpha: float, rows: slice, generator: torch.Generator) -> Batch:
    """Blend each film with its neighbour in the pair, in a share drawn from Beta(alpha, alpha).

    A shuffled film's neighbour is as good as any other, and stays in the same process and the same micro-batch.

    Args:
        batch: some rows of a batch.
        alpha: of the Beta distribution; 0 leaves the batch as it is.
        rows: which rows they are: shares are drawn for the whole batch.
        generator: what decides.
    """
    if not alpha:
        return batch
    seed = int(torch.randint(2**62, (1,), generator=generator))
    drawn = np.random.default_rng(seed).beta(alpha, alpha, batch.whole).astype(np.float32)
    share = torch.from_numpy(drawn[rows]).to(batch.inputs.device)
    parts = share.view(-1, *[1] * (batch.inputs.ndim - 1))
    inputs = parts * batch.inputs + (1 - parts) * batch.inputs[neighbours(len(share))]
    return replace(batch, inputs=inputs, share=share)
