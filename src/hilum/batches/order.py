"""Which films an epoch draws, and which of them share a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """The part of every batch that one of several processes takes: consecutive films, an even number of them.

    Films are mixed with, and matched to, their neighbour in the batch; even shares leave no pair cut in two.

    Attributes:
        rank: which process, from 0.
        of: how many there are.
    """

    rank: int = 0
    of: int = 1

    def rows(self, n: int) -> slice:
        """The rows of a batch of n that are this process's; the last takes an odd one over."""
        pairs = n // 2
        start, end = (2 * (pairs * rank // self.of) for rank in (self.rank, self.rank + 1))
        return slice(start, n if self.rank == self.of - 1 else end)


ALL = Share()


def neighbours(n: int) -> Tensor:
    """The other one of each pair in a batch of n: 1, 0, 3, 2, …; a last odd one is its own."""
    numbers = torch.arange(n)
    return torch.where((numbers ^ 1) < n, numbers ^ 1, numbers)


def in_order(n: int, size: int) -> Iterator[Numbers]:
    """All of n films, so many at a time; the last batch may be smaller."""
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def batches_of_epoch(
    groups: Numbers, size: int, draw: Literal["shuffled", "stratified", "balanced"], generator: torch.Generator
) -> list[Numbers]:
    """Draw the films of each batch of an epoch, as numbers into `groups`.

    Args:
        groups: (n,) the group of each film.
        size: films a batch. Batches are whole: a ragged one would weigh its films, and its batch statistics,
            differently. Fewer films than a batch are one batch.
        draw: `shuffled` draws every film once, in any order; `stratified` gives each batch every group's share of
            the films; `balanced` draws every group equally often, films of small groups several times.
        generator: what decides.
    """
    members = [np.arange(len(groups))]
    if draw != "shuffled":
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    counts = [len(part) for part in members]
    if draw == "balanced":
        counts = [len(groups) // len(members)] * len(members)
    drawn = [_again_and_again(part, count, generator) for part, count in zip(members, counts, strict=True)]
    # Each group is spread evenly over the epoch, from a start of its own: any stretch holds its share of every group.
    starts = torch.rand(len(members), generator=generator).tolist()
    places = [(np.arange(count) + start) / max(1, count) for start, count in zip(starts, counts, strict=True)]
    order = np.concatenate(drawn)[np.argsort(np.concatenate(places), kind="stable")]
    whole = [order[start : start + size] for start in range(0, len(order) - size + 1, size)] or [order]
    return [batch[torch.randperm(len(batch), generator=generator).numpy()] for batch in whole]


def _again_and_again(films: Numbers, count: int, generator: torch.Generator) -> Numbers:
    """So many draws: all of the films in a random order, and then all of them in another one."""
    rounds = -(-count // len(films))
    return np.concatenate([films[torch.randperm(len(films), generator=generator).numpy()] for _ in range(rounds)])[
        :count
    ]
