"""A network that forgets: the original keeps everything, and only maps that do not ask the network stay the same."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import nn

from hilum import models
from hilum.explanation import randomisation, randomise, rank_correlation
from tests.explanation.conftest import drawn, grey_films


def test_parts_are_forgotten_from_the_output_back() -> None:
    found = randomise(drawn(side=33), grey_films(2, 33), "gradcam", 1)
    assert [each.part for each in found] == ["dense", "stage5", "stage4", "stage3", "stage2", "stage1"]
    assert all(len(each.correlations) == 2 for each in found)
    known = [each for part in found for each in part.correlations if each is not None]
    assert known
    assert max(known) < 0.999


def test_the_model_and_the_generator_stay_as_they_are() -> None:
    network = copy.deepcopy(drawn(side=33))
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first = randomise(network, grey_films(1, 33), "gradcam", 1, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert randomise(network, grey_films(1, 33), "gradcam", 1, seed=3) == first
    assert randomise(network, grey_films(1, 33), "gradcam", 1, seed=4) != first


def test_after_the_last_part_nothing_of_the_trained_network_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    network, seen = drawn(side=33), []

    def attribute(model: nn.Module, films: NDArray[np.uint8], method: str, target: int) -> NDArray[np.float32]:
        seen.append([parameter.detach().clone() for parameter in model.parameters() if parameter.ndim > 1])
        return films.astype(np.float32)

    monkeypatch.setattr(randomisation, "attribute", attribute)
    found = randomise(network, grey_films(1, 33), "gradcam", 1)
    # Maps that ask the film alone are told by this: they stay the same whatever is forgotten.
    assert [each.correlations[0] for each in found] == pytest.approx([1.0] * 6)
    changed = [[not torch.equal(one, other) for one, other in zip(seen[0], each, strict=True)] for each in seen]
    assert [sum(each) for each in changed] == [0, 2, 3, 4, 5, 6, 7]  # two dense layers, then a convolution a block
    assert all(changed[-1])


def test_networks_that_judge_together_forget_together() -> None:
    fused = models.Fused([drawn(side=33), drawn("resnet18", 33)], [0.5, 0.5])
    found = randomise(fused, grey_films(1, 33), "gradcam", 1)
    assert [each.part for each in found] == [
        "dense", "stage5 and stage4", "stage4 and stage3", "stage3 and stage2", "stage2 and stage1", "stage1 and stem"
    ]  # fmt: skip


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=30), st.integers(0, 99))
def test_rank_correlation_is_scipys(values: list[int], seed: int) -> None:
    """Small whole numbers: many of them alike."""
    one = np.array(values, dtype=np.float32)
    other = np.random.default_rng(seed).integers(-3, 4, len(values)).astype(np.float32)
    found = rank_correlation(one, other)
    if len(set(values)) == 1 or len(set(other.tolist())) == 1:
        assert found is None
    else:
        assert found == pytest.approx(float(spearmanr(one, other).statistic), abs=1e-12)


def test_maps_that_are_no_numbers_have_no_correlation() -> None:
    assert rank_correlation(np.array([1, np.nan], dtype=np.float32), np.array([1, 2], dtype=np.float32)) is None
