"""A batch is split until its step fits into memory."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hilum import models
from hilum.errors import RequestError
from hilum.models import step_memory
from hilum.models.profile import profile
from hilum.recipe import Model
from hilum.training.micro_batches import WORKSPACE_FACTOR, free_device_memory, micro_batch_size

SHAPE = torch.Size((1, 64, 64))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return models.build(Model(), 64)


def test_the_step_is_that_of_the_profile(network: nn.Module) -> None:
    fixed, a_film = step_memory(network, SHAPE)
    counted = profile(Model(), 64)
    parameters = sum(values.numel() for values in network.parameters())
    assert fixed == pytest.approx(4 * (counted.keras_total + 3 * parameters), rel=1e-3)
    assert fixed + 32 * a_film == pytest.approx(counted.step_bytes, rel=0.05)


@settings(deadline=None, max_examples=25)  # every example goes through the network once
@given(batch=st.integers(2, 300), room=st.floats(2, 400))
def test_as_many_films_as_fit(network: nn.Module, batch: int, room: float) -> None:
    fixed, a_film = step_memory(network, SHAPE)
    size = micro_batch_size(network, SHAPE, batch, int(fixed + room * WORKSPACE_FACTOR * a_film) + 1)
    assert 2 <= size <= batch
    assert size <= max(2, room + 1)
    if room >= batch:
        assert size == batch, "a batch that fits stays whole"
    else:
        assert size % 2 == 0, "no pair is cut in two"
        assert size >= min(room, batch) / 2 - 2, "and the parts are no smaller than they need be"


def test_two_films_that_do_not_fit_are_refused(network: nn.Module) -> None:
    with pytest.raises(
        RequestError, match=r"a step with two films takes about \d+ MB, and there are 0\.001 MB; take"
    ):
        micro_batch_size(network, SHAPE, 32, 1000)


def test_without_a_limit_it_is_what_the_machine_has_free(network: nn.Module) -> None:
    assert free_device_memory() > 1e8
    assert micro_batch_size(network, SHAPE, 32, None) == 32
