"""What the tests of architectures share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch

from hilum import models
from hilum.models.profile import Profile, profile
from hilum.recipe import Model


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """These maps are small: threads would wait for one another longer than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def as_published(name: str) -> Model:
    """An architecture as ImageNet's papers have it, for 1,000 classes."""
    return Model(name, channels=3, output="softmax")


@cache
def profile_as_published(name: str) -> Profile:
    return profile(as_published(name), models.REGISTRY[name].input_size, 1000)
