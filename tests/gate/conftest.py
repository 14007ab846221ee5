"""Generated chests, and a gate that was fitted on some of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hilum import gate
from hilum.gate.descriptor import Image8
from hilum.pixels import chest_phantom, preprocess
from hilum.recipe import Pixels

Chests = Callable[..., list[Image8]]


@pytest.fixture(scope="session")
def chests() -> Chests:
    """Preprocessed phantoms, one a seed, every second with a patch in a lung."""

    def make(seeds: range, size: int = 64) -> list[Image8]:
        return [preprocess(chest_phantom(seed, (96, 112), opacity=seed % 2), Pixels(size=size)) for seed in seeds]

    return make


@pytest.fixture(scope="session")
def fitted(chests: Chests) -> gate.Gate:
    return gate.fit_gate(chests(range(300)), [str(patient) for patient in np.arange(300) // 2], seed=1)


@pytest.fixture(scope="session")
def held_out(chests: Chests) -> list[Image8]:
    return chests(range(1000, 1200))
