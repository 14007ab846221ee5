"""Mixup: films blended with their neighbours in shares that follow a Beta distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hilum.batches import Batch, Shard, mix
from tests.batches.processes import share_of

ALL_ROWS = slice(0, None)


def batch(n: int, *shape: int) -> Batch:
    inputs = torch.rand(n, *shape, generator=torch.Generator().manual_seed(1))
    return Batch(inputs, torch.arange(n) % 3, np.arange(n) + 100, n)


def mixed(given_batch: Batch, alpha: float, rows: slice = ALL_ROWS, seed: int = 0) -> Batch:
    return mix(given_batch, alpha, rows, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [1, 6, 7])
@pytest.mark.parametrize("shape", [(1, 5, 4), (3,), (8, 2, 2)])
def test_a_mixed_film_is_a_share_of_itself_and_the_rest_of_its_neighbour(n: int, shape: tuple[int, ...]) -> None:
    before = batch(n, *shape)
    after = mixed(before, 0.8)
    for film in range(n):
        other = film + 1 if film % 2 == 0 else film - 1
        other = film if other == n else other
        share = float(share_of(after)[film])
        expected = share * before.inputs[film].numpy() + (1 - share) * before.inputs[other].numpy()
        np.testing.assert_allclose(after.inputs[film].numpy(), expected, atol=1e-6)


def test_mixing_leaves_labels_and_films_and_the_batch_it_was_given() -> None:
    before = batch(6, 1, 4, 4)
    inputs = before.inputs.clone()
    after = mixed(before, 0.8)
    assert torch.equal(after.labels, before.labels)
    assert after.indices.tolist() == before.indices.tolist()
    assert after.global_size == before.global_size
    assert torch.equal(before.inputs, inputs)
    assert before.mix_weight is None


def test_an_alpha_of_zero_mixes_none() -> None:
    before, generator = batch(6, 3), torch.Generator().manual_seed(0)
    state = generator.get_state()
    assert mix(before, 0.0, ALL_ROWS, generator) is before
    assert torch.equal(generator.get_state(), state)


@pytest.mark.parametrize("alpha", [0.4, 1.0, 4.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    shares = share_of(mixed(batch(4000, 1), alpha)).double().numpy()
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 0.01
    # Each film draws its own: neighbours' shares have nothing to do with one another.
    assert abs(stats.spearmanr(shares[::2], shares[1::2]).statistic) < 0.06


@settings(deadline=None)
@given(alpha=st.floats(1e-3, 10), n=st.integers(1, 50), seed=st.integers(0, 2**31))
def test_shares_are_parts_of_one(alpha: float, n: int, seed: int) -> None:
    shares = share_of(mixed(batch(n, 2), alpha, seed=seed))
    assert shares.shape == (n,)
    assert shares.dtype == torch.float32
    assert ((shares >= 0) & (shares <= 1)).all()


@settings(deadline=None)
@given(n=st.integers(1, 50), of=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_processes_mix_together_what_one_would_mix(n: int, of: int, seed: int) -> None:
    before = batch(n, 3)
    whole = mixed(before, 0.4, seed=seed)
    parts = [mixed(before.rows(rows), 0.4, rows, seed) for rows in (Shard(rank, of).rows(n) for rank in range(of))]
    assert torch.equal(torch.cat([share_of(part) for part in parts]), share_of(whole))
    assert torch.equal(torch.cat([part.dominant_labels() for part in parts]), whole.dominant_labels())
    torch.testing.assert_close(torch.cat([part.inputs for part in parts]), whole.inputs, atol=1e-6, rtol=0)


def test_the_same_generator_mixes_the_same() -> None:
    before = batch(6, 3)
    assert torch.equal(mixed(before, 0.4).inputs, mixed(before, 0.4).inputs)
    assert not torch.equal(mixed(before, 0.4).inputs, mixed(before, 0.4, seed=1).inputs)


def test_a_film_shows_the_label_that_it_mostly_is() -> None:
    labels, shares = torch.tensor([0, 1, 2, 3, 4]), torch.tensor([0.9, 0.1, 0.5, 0.49, 0.2])
    films = Batch(torch.zeros(5, 1), labels, np.arange(5), 5, shares)
    assert films.dominant_labels().tolist() == [0, 0, 2, 2, 4]  # the last has no neighbour but itself


def test_unmixed_films_show_their_own_labels() -> None:
    assert batch(5, 2).dominant_labels().tolist() == [0, 1, 2, 0, 1]


def test_a_part_of_a_mixed_batch_shows_what_it_showed_in_the_batch() -> None:
    whole = mixed(batch(7, 2), 0.4)
    for rows in (slice(0, 2), slice(2, 4), slice(4, 7)):
        part = whole.rows(rows)
        assert torch.equal(part.inputs, whole.inputs[rows])
        assert torch.equal(part.labels, whole.labels[rows])
        assert part.indices.tolist() == whole.indices[rows].tolist()
        assert torch.equal(share_of(part), share_of(whole)[rows])
        assert torch.equal(part.dominant_labels(), whole.dominant_labels()[rows])
        assert part.global_size == 7
