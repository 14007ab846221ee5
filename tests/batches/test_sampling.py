"""Which films share a batch: every draw's promise, every process's share, every film's neighbour."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hilum.batches import UNSHARDED, Shard, partners, sequential_batches
from hilum.batches.sampling import Indices, sample_epoch

Draw = Literal["shuffled", "stratified", "balanced"]
DRAWS: tuple[Draw, ...] = ("shuffled", "stratified", "balanced")

FILMS = st.integers(0, 300)
PROCESSES = st.integers(1, 9)
# The group of each film: one group or many, even or with a single film in some.
GROUPS = st.integers(1, 6).flatmap(
    lambda kinds: st.lists(st.integers(0, kinds - 1), min_size=1, max_size=200).map(np.array)
)
SIZES = st.integers(2, 40)
SEEDS = st.integers(0, 2**31)


def epoch(groups: Indices, size: int, draw: Draw, seed: int = 0) -> list[Indices]:
    return sample_epoch(groups, size, draw, torch.Generator().manual_seed(seed))


def shares(n: int, of: int) -> list[slice]:
    return [Shard(rank, of).rows(n) for rank in range(of)]


@settings(deadline=None)
@given(FILMS, PROCESSES)
def test_shares_are_the_whole_batch_in_order_and_no_film_twice(n: int, of: int) -> None:
    assert [row for rows in shares(n, of) for row in range(n)[rows]] == list(range(n))


@settings(deadline=None)
@given(FILMS, PROCESSES)
def test_shares_start_on_even_rows_and_are_as_even_as_pairs_allow(n: int, of: int) -> None:
    assert all(rows.start % 2 == 0 for rows in shares(n, of))
    pairs = [(rows.stop - rows.start) // 2 for rows in shares(n, of)]
    assert max(pairs) - min(pairs) <= 1


@settings(deadline=None)
@given(FILMS, PROCESSES)
def test_a_film_and_its_neighbour_are_in_the_same_share(n: int, of: int) -> None:
    whole = partners(n)
    for rows in shares(n, of):
        assert torch.equal(whole[rows] - rows.start, partners(rows.stop - rows.start))


def test_one_process_takes_all() -> None:
    assert UNSHARDED.rows(7) == slice(0, 7)


@settings(deadline=None)
@given(FILMS)
def test_neighbours_are_each_others(n: int) -> None:
    expected = list(range(n))
    for first in range(0, n - 1, 2):
        expected[first], expected[first + 1] = first + 1, first
    assert partners(n).tolist() == expected


def test_in_order_takes_so_many_at_a_time_and_then_the_rest() -> None:
    assert [batch.tolist() for batch in sequential_batches(7, 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [batch.tolist() for batch in sequential_batches(6, 3)] == [[0, 1, 2], [3, 4, 5]]
    assert list(sequential_batches(0, 3)) == []


@settings(deadline=None)
@given(GROUPS, SIZES, st.sampled_from(DRAWS), SEEDS)
def test_batches_are_whole_and_fewer_films_than_a_batch_are_one(
    groups: Indices, size: int, draw: Draw, seed: int
) -> None:
    kinds, n = len(np.unique(groups)), len(groups)
    drawn = n // kinds * kinds if draw == "balanced" else n
    lengths = [len(batch) for batch in epoch(groups, size, draw, seed)]
    assert lengths == ([size] * (drawn // size) or [drawn])


@pytest.mark.parametrize("draw", ["shuffled", "stratified"])
@settings(deadline=None)
@given(groups=GROUPS, size=SIZES, seed=SEEDS)
def test_an_epoch_has_every_film_once_but_for_a_remainder_smaller_than_a_batch(
    draw: Draw, groups: Indices, size: int, seed: int
) -> None:
    films = np.concatenate(epoch(groups, size, draw, seed)).tolist()
    assert set(films) <= set(range(len(groups)))
    assert len(set(films)) == len(films)
    assert len(groups) - len(films) < size


@settings(deadline=None)
@given(GROUPS, SIZES, SEEDS)
def test_each_batch_of_a_stratified_epoch_has_each_groups_share(groups: Indices, size: int, seed: int) -> None:
    kinds, counts = np.unique(groups, return_counts=True)
    for batch in epoch(groups, size, "stratified", seed):
        for kind, share in zip(kinds, counts / len(groups), strict=True):
            # Of two groups to a film, of three to two; of more, each may push the others aside by its own rounding.
            allowed = 1 + share * (len(kinds) - 2)
            assert abs((groups[batch] == kind).sum() - share * len(batch)) <= allowed + 1e-9


@settings(deadline=None)
@given(GROUPS, SIZES, SEEDS)
def test_a_balanced_epoch_draws_each_group_equally_often(groups: Indices, size: int, seed: int) -> None:
    kinds = np.unique(groups)
    batches = epoch(groups, size, "balanced", seed)
    for stretch in (*batches, np.concatenate(batches)):
        for kind in kinds:
            assert abs((groups[stretch] == kind).sum() - len(stretch) / len(kinds)) <= 2


@settings(deadline=None)
@given(GROUPS, SEEDS)
def test_a_balanced_epoch_without_a_remainder_is_balanced_exactly(groups: Indices, seed: int) -> None:
    drawn = np.concatenate(epoch(groups, len(groups), "balanced", seed))
    assert set(np.unique(groups[drawn], return_counts=True)[1]) == {len(groups) // len(np.unique(groups))}


@settings(deadline=None)
@given(GROUPS, SIZES, SEEDS)
def test_films_of_one_group_are_drawn_equally_often(groups: Indices, size: int, seed: int) -> None:
    times = np.bincount(np.concatenate(epoch(groups, size, "balanced", seed)), minlength=len(groups))
    for kind in np.unique(groups):
        assert np.ptp(times[groups == kind]) <= 1


@settings(deadline=None)
@given(GROUPS, SIZES, st.sampled_from(DRAWS), SEEDS)
def test_a_generator_decides_the_epoch(groups: Indices, size: int, draw: Draw, seed: int) -> None:
    first, second = (epoch(groups, size, draw, seed) for _ in range(2))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in second]


@pytest.mark.parametrize("draw", DRAWS)
def test_every_epoch_has_another_order_and_other_pairs(draw: Draw) -> None:
    groups = np.arange(24) % 3 // 2
    pairs = [
        {frozenset(pair) for batch in epoch(groups, 6, draw, seed) for pair in batch.reshape(-1, 2).tolist()}
        for seed in range(20)
    ]
    assert all(one != other for one, other in pairwise(pairs))


@pytest.mark.parametrize("draw", ["shuffled", "stratified"])
@pytest.mark.parametrize("film", [0, 1])
def test_a_film_comes_anywhere_in_an_epoch_equally_often(draw: Draw, film: int) -> None:
    groups = np.arange(24) % 4 // 3
    places = [np.concatenate(epoch(groups, 6, draw, seed)).tolist().index(film) for seed in range(2400)]
    assert stats.chisquare(np.bincount(places, minlength=24)).pvalue > 0.001


@pytest.mark.parametrize("draw", ["shuffled", "stratified"])
def test_neighbours_are_of_the_same_group_as_often_as_chance_has_it(draw: Draw) -> None:
    groups = np.arange(24) % 2
    pairs = np.stack([groups[batch].reshape(-1, 2) for seed in range(600) for batch in epoch(groups, 12, draw, seed)])
    alike = (pairs[..., 0] == pairs[..., 1]).mean()
    # A film has 11 neighbours to choose from in its batch, 5 of them of its group; without groups 11 of 23.
    assert alike == pytest.approx({"shuffled": 11 / 23, "stratified": 5 / 11}[draw], abs=0.02)
