"""Dropout whose masks are cut from 64-bit random words, and do not depend on how a batch is split."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_STEPS = 1 << 16  # a mask's probability is a multiple of 1/65,536
_part: ContextVar[tuple[int, int] | None] = ContextVar("part", default=None)


@contextmanager
def part_of_batch(first: int, whole: int) -> Iterator[None]:
    """Say that what goes through the network now are rows of a larger batch, from row `first` of `whole` on.

    Every mask is then drawn for the whole batch, and these rows take theirs: micro-batches and processes that start
    from the same state of the generator drop what the undivided batch would have dropped.
    """
    token = _part.set((first, whole))
    try:
        yield
    finally:
        _part.reset(token)


class Dropout(nn.Module):
    """Zeroes each value with probability `p` in training and scales the rest to keep the mean; identity otherwise.

    The same as `torch.nn.Dropout`, whose Bernoulli draw takes longer than the convolution before it on some
    processors (on others it makes no difference: `benchmarks/training_step.py`): four 16-bit draws are cut from one
    64-bit word. Source: Srivastava et al., JMLR 15 (2014).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout probability {p} is not in [0, 1)")
        self.p = p
        self._dropped = round(p * _STEPS)

    def forward(self, values: Tensor) -> Tensor:
        """Any shape; the shape, dtype and memory format stay."""
        if not self.training or not self._dropped:
            return values
        first, whole = _part.get() or (0, len(values))
        row = values[0].numel()
        words = torch.empty((whole * row + 3) // 4, dtype=torch.int64, device=values.device)
        words.random_(-(2**63), None)
        draws = words.view(torch.int16)[first * row : first * row + values.numel()]
        # int16 runs from -32,768 to 32,767, each value alike: the lowest `_dropped` of them drop.
        kept = draws >= self._dropped - _STEPS // 2
        mask = torch.empty_like(values)
        scale = _STEPS / (_STEPS - self._dropped)
        mask.copy_(kept.view_as(mask) if mask.is_contiguous() else _laid_like(kept, mask)).mul_(scale)
        return values * mask

    def extra_repr(self) -> str:
        """As `torch.nn.Dropout` shows itself."""
        return f"p={self.p}"


def _laid_like(kept: Tensor, mask: Tensor) -> Tensor:
    """View a flat mask with the strides of a dense tensor in another memory format, without a copy."""
    return kept.as_strided(mask.size(), mask.stride())
