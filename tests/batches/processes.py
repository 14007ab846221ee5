"""What several processes draw, put together and compared."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from hilum.batches import Batch


def share_of(batch: Batch) -> torch.Tensor:
    """How much of each film is itself; all of it where films are not mixed."""
    return torch.ones(len(batch.labels)) if batch.mix_weight is None else batch.mix_weight


def assert_same(first: Iterable[Batch], second: Iterable[Batch], atol: float = 0.0) -> None:
    """As many batches, each the same in all that it holds; inputs but for `atol`."""
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.inputs, other.inputs, atol=atol, rtol=0)
        assert torch.equal(one.labels, other.labels)
        assert one.indices.tolist() == other.indices.tolist()
        assert one.global_size == other.global_size
        assert (one.mix_weight is None) == (other.mix_weight is None)
        assert torch.equal(share_of(one), share_of(other))
        assert torch.equal(one.dominant_labels(), other.dominant_labels())


def joined(processes: Iterable[Iterable[Batch]]) -> list[Batch]:
    """The batches that several processes take together."""
    return [
        Batch(
            torch.cat([part.inputs for part in parts]),
            torch.cat([part.labels for part in parts]),
            np.concatenate([part.indices for part in parts]),
            parts[0].global_size,
            None if parts[0].mix_weight is None else torch.cat([share_of(part) for part in parts]),
        )
        for parts in zip(*processes, strict=True)
    ]
