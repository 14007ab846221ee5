"""Dropout cut from random words is dropout."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum.models.cpu.kernels import draw_kept
from hilum.models.cpu.threads import each_film
from hilum.models.dropout import Dropout, StochasticDepth, kept_anywhere, part_of_batch


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5])
def test_drops_the_asked_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    ones = torch.ones(10, 100_000)
    dropped = Dropout(p).train()(ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=0.002)  # four standard errors at p = 0.5
    assert dropped.mean().item() == pytest.approx(1, abs=0.005)
    assert dropped.max().item() == pytest.approx(1 / (1 - p), rel=1e-4)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.5).train()(torch.ones(4, 100_000)) > 0).float() - 0.5
    for lag in (1, 2, 3, 4, 64, 4096):
        correlation = (kept[:, :-lag] * kept[:, lag:]).mean().item() * 4
        assert abs(correlation) < 0.01
    between_films = (kept[:-1] * kept[1:]).mean(dim=1) * 4
    assert between_films.abs().max() < 0.02


def test_a_compiled_loop_and_tensor_operations_draw_the_same() -> None:
    keys = np.random.default_rng(0).integers(0, 2**32, (3, 2), np.uint32)
    kept = torch.empty(3, 1001, dtype=torch.uint8)
    each_film(draw_kept, 3, keys, np.uint32(2**30), kept.numpy())
    torch.testing.assert_close(kept.bool(), kept_anywhere(torch.from_numpy(keys.astype(np.int64)), 2**30, 1001))
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_is_the_identity_in_evaluation() -> None:
    values = torch.randn(3, 4, 5, 5)
    assert Dropout(0.5).eval()(values) is values


def test_keeps_a_channels_last_layout_and_each_value_in_its_place() -> None:
    torch.manual_seed(0)
    values = torch.randn(2, 3, 5, 7).contiguous(memory_format=torch.channels_last)
    dropped = Dropout(0.5).train()(values)
    assert dropped.is_contiguous(memory_format=torch.channels_last)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], values[kept] * 2)


def test_gradients_flow_through_what_was_kept() -> None:
    torch.manual_seed(0)
    values = torch.ones(10, 100, requires_grad=True)
    dropped = Dropout(0.3).train()(values)
    dropped.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, dropped.detach())


def test_the_same_seed_drops_the_same() -> None:
    layer = Dropout(0.3).train()
    torch.manual_seed(4)
    first = layer(torch.ones(9, 11))
    torch.manual_seed(4)
    torch.testing.assert_close(layer(torch.ones(9, 11)), first)


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_a_probability_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="not in"):
        Dropout(p)


def test_stochastic_depth_omits_whole_films_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    films = torch.ones(10_000, 2, 3, 3)
    branch = StochasticDepth(0.2).train()(films)
    assert set(branch.unique().tolist()) == {0, 1.25}
    assert torch.equal(branch, branch[:, :1, :1, :1].expand_as(branch))
    assert branch.mean().item() == pytest.approx(1, abs=0.02)
    assert StochasticDepth(0.2).eval()(films) is films


def test_stochastic_depth_omits_the_same_films_in_parts_of_a_batch() -> None:
    films, depth = torch.ones(6, 1, 2, 2), StochasticDepth(0.5).train()
    torch.manual_seed(0)
    whole = depth(films)
    torch.manual_seed(0)
    with part_of_batch(4, 6):
        assert torch.equal(depth(films[4:]), whole[4:])
