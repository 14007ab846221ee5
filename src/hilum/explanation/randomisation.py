"""Whether a map is about what the network has learnt: parts of it are forgotten, and the map has to change.

Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, cascading randomisation. A method whose maps
stay the same draws the film's edges and not the network's reasons.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hilum.explanation.attribution import Method, attribute, networks_of
from hilum.progress import track


@dataclass(frozen=True, slots=True)
class RandomisedPart:
    """How far the maps still agree once a part of the network, and all behind it, holds fresh weights.

    Attributes:
        part: of the network, as `hilum.models.Network.parts` calls it.
        correlations: one a film: Spearman's rank correlation of the map with the trained network's, from -1 to 1;
            None where one of the two is the same everywhere.
    """

    part: str
    correlations: tuple[float | None, ...]


def randomise(
    model: nn.Module, films: NDArray[np.uint8], method: Method, target: int, seed: int = 0
) -> tuple[RandomisedPart, ...]:
    """Give the network fresh weights from its output back to its input, and compare the maps after each part.

    In an ensemble, the parts at the same distance from the output are randomised at once. The model and torch's
    global random state are left unchanged.

    Args:
        model: as `attribute` takes it.
        films: (n, size, size) uint8, preprocessed.
        method: one of METHODS.
        target: the class's place among the bundle's classes.
        seed: of the fresh weights.

    Raises:
        ValueError, RequestError: as `attribute`.
    """
    learnt = attribute(model, films, method, target)
    forgetting = copy.deepcopy(model)
    networks: list[Any] = networks_of(forgetting)
    parts = [
        [(name, part) for name, part in reversed(network.parts().items()) if any(True for _ in part.parameters())]
        for network in networks
    ]
    found = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for step in track(zip_longest(*parts), "forgetting", max(map(len, parts))):
            forgotten = [each for each in step if each is not None]
            for _, part in forgotten:
                _forget(part)
            maps = attribute(forgetting, films, method, target)
            agreement = tuple(rank_correlation(*pair) for pair in zip(learnt, maps, strict=True))
            found.append(RandomisedPart(" and ".join(dict.fromkeys(name for name, _ in forgotten)), agreement))
    return tuple(found)


def rank_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """Spearman's rank correlation of two maps; None where one is the same everywhere or no number."""
    first, second = _ranks(one), _ranks(other)
    if not (np.isfinite(one).all() and np.isfinite(other).all()) or not first.std() or not second.std():
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _forget(part: nn.Module) -> None:
    """Draw fresh weights, as torch initialises each layer."""
    layers: list[Any] = [layer for layer in part.modules() if hasattr(layer, "reset_parameters")]
    for layer in layers:
        layer.reset_parameters()


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Places in rising order, from 0; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[places.ravel()])
