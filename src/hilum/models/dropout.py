"""Dropout whose mask depends only on the film's keys and on the position of a value in it.

The mask is the same from a compiled loop on a CPU and from tensor operations elsewhere, from a layer of its own or
fused with the layers around it (`chain`), and however a batch is split.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilum.models.cpu.kernels import FIRST, SECOND, draw_kept
from hilum.models.cpu.threads import each_film

_WORDS = 1 << 32  # a mask's probability is a multiple of 2⁻³²
_part: ContextVar[tuple[int, int] | None] = ContextVar("part", default=None)


@contextmanager
def part_of_batch(first: int, whole: int) -> Iterator[None]:
    """Declare that the network's next inputs are rows of a larger batch, from row `first` of `whole` on.

    Every row then gets the keys that it has in the whole batch: micro-batches and processes that start from the same
    state of the generator use the dropout masks of the undivided batch.
    """
    token = _part.set((first, whole))
    try:
        yield
    finally:
        _part.reset(token)


class Dropout(nn.Module):
    """Zeroes each value with probability `p` in training and scales the rest to keep the mean; identity otherwise.

    The same as `torch.nn.Dropout`, whose Bernoulli draw runs on one core and takes longer than the convolution before
    it (`benchmarks/training_step.py`): here each value's draw is a hash of its index in the film, channels last,
    under two keys of the film. Source: Srivastava et al., JMLR 15 (2014).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout probability {p} is not in [0, 1)")
        self.p = p
        self.dropped = round(p * _WORDS)

    @property
    def scale(self) -> float:
        """The factor of the values that are kept."""
        return _WORDS / (_WORDS - self.dropped)

    def draw_keys(self, films: int) -> NDArray[np.uint32]:
        """Draw the keys of each film, (films, 2), from torch's generator on the CPU."""
        first, whole = _part.get() or (0, films)
        seed = int(torch.randint(2**62, ()))
        return np.random.default_rng(seed).integers(0, _WORDS, (whole, 2), np.uint32)[first : first + films]

    def forward(self, values: Tensor) -> Tensor:
        """(n, …), any shape; the shape, dtype and memory format stay."""
        if not self.training or not self.dropped:
            return values
        keys, row = self.draw_keys(len(values)), values[0].numel()
        if values.device.type == "cpu":
            kept = torch.empty(len(values), row, dtype=torch.uint8)
            each_film(draw_kept, len(values), keys, np.uint32(self.dropped), kept.numpy())
        else:
            kept = kept_anywhere(torch.from_numpy(keys.astype(np.int64)).to(values.device), self.dropped, row)
        if values.ndim == 4:
            _, channels, height, width = values.shape
            kept = kept.view(-1, height, width, channels).permute(0, 3, 1, 2)
        return values * kept.view(values.shape).to(values.dtype).mul_(self.scale)

    def extra_repr(self) -> str:
        """The probability, for `repr`, as `torch.nn.Dropout` shows it."""
        return f"p={self.p}"


class StochasticDepth(nn.Module):
    """Omits a residual branch for a share `p` of the films in training; the rest are scaled to keep the mean.

    Source: Huang et al., "Deep networks with stochastic depth", ECCV 2016.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.dropout = Dropout(p)

    def forward(self, values: Tensor) -> Tensor:
        """(n, c, h, w), the branch's output; the shape, dtype and memory format stay."""
        if not self.training or not self.dropout.dropped:
            return values
        kept: Tensor = self.dropout(values.new_ones(len(values), 1))
        return values * kept[..., None, None]


def kept_anywhere(keys: Tensor, dropped: int, values: int) -> Tensor:
    """The mask of `kernels.draw_kept` by tensor operations: keys (n, 2) int64 → (n, values) bool."""
    low = _WORDS - 1
    first, second = keys[:, :1], keys[:, 1:]
    words = (torch.arange(values, device=keys.device) + first) & low
    words = (words ^ (words >> 16)) * FIRST & low
    words = (words ^ (words >> 15) ^ second) * SECOND & low
    return (words ^ (words >> 15)) >= dropped
