"""Which films an epoch draws, which of them share a batch, and which rows of a batch each process takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shard:
    """The part of every batch that one of several processes takes: consecutive films, an even number of them.

    Mixup and histogram matching combine the two films of a pair; shards of even size never separate a pair.

    Attributes:
        rank: this process's number, from 0.
        world_size: the number of processes.
    """

    rank: int = 0
    world_size: int = 1

    def rows(self, n: int) -> slice:
        """The rows of a batch of n that belong to this process; the last process takes an odd film.

        >>> [Shard(rank, 2).rows(7) for rank in range(2)]
        [slice(0, 2, None), slice(2, 7, None)]
        """
        pairs = n // 2
        start, end = (2 * (pairs * rank // self.world_size) for rank in (self.rank, self.rank + 1))
        return slice(start, n if self.rank == self.world_size - 1 else end)


UNSHARDED = Shard()


def partners(n: int) -> Tensor:
    """The index of the other film of each pair in a batch of n; an odd film at the end is its own partner.

    >>> partners(5).tolist()
    [1, 0, 3, 2, 4]
    """
    indices = torch.arange(n)
    return torch.where((indices ^ 1) < n, indices ^ 1, indices)


def sequential_batches(n: int, size: int) -> Iterator[Indices]:
    """Yield the indices of n films in order, `size` at a time; the last batch may be smaller.

    >>> [batch.tolist() for batch in sequential_batches(5, 2)]
    [[0, 1], [2, 3], [4]]
    """
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def make_generator(*numbers: int) -> torch.Generator:
    """A torch generator seeded by several numbers: different numbers give independent streams."""
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state % (2**63))


def sample_epoch(
    groups: Indices, size: int, draw: Literal["shuffled", "stratified", "balanced"], generator: torch.Generator
) -> list[Indices]:
    """Draw the films of each batch of an epoch, as indices into `groups`.

    Args:
        groups: (n,) the group of each film.
        size: films per batch. Only whole batches are drawn: a smaller last batch would give its films, and its batch
            statistics, another weight. Fewer films than `size` make one batch.
        draw: `shuffled` draws every film once, in random order; `stratified` does so with each group's proportion of
            the films in every batch; `balanced` draws every group equally often, films of small groups repeatedly.
        generator: decides all of it.
    """
    members = [np.arange(len(groups))]
    if draw != "shuffled":
        members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    counts = [len(part) for part in members]
    if draw == "balanced":
        counts = [len(groups) // len(members)] * len(members)
    drawn = [_sample_with_reshuffling(part, count, generator) for part, count in zip(members, counts, strict=True)]
    # Each group is spread evenly over the epoch from a random start: any stretch has its proportion of every group.
    starts = torch.rand(len(members), generator=generator).tolist()
    places = [(np.arange(count) + start) / max(1, count) for start, count in zip(starts, counts, strict=True)]
    order = np.concatenate(drawn)[np.argsort(np.concatenate(places), kind="stable")]
    whole = [order[start : start + size] for start in range(0, len(order) - size + 1, size)] or [order]
    return [batch[torch.randperm(len(batch), generator=generator).numpy()] for batch in whole]


def _sample_with_reshuffling(films: Indices, count: int, generator: torch.Generator) -> Indices:
    """Draw `count` times: all films in random order, then all of them again in another order, and so on."""
    rounds = -(-count // len(films))
    return np.concatenate([films[torch.randperm(len(films), generator=generator).numpy()] for _ in range(rounds)])[
        :count
    ]
