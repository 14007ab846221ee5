"""Whether a heat map depends on the trained weights: parts of the network are randomised, and the map has to change.

Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, cascading randomisation. A method whose maps
do not change shows the film's edges and not the network's reasons.
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
    """How far heat maps still agree after a part of the network, and everything after it, was randomised.

    Attributes:
        part: the part's name in `hilum.models.Network.parts`.
        correlations: for each film, Spearman's rank correlation of the map with the trained network's, from -1 to 1;
            None if one of the two is constant.
    """

    part: str
    correlations: tuple[float | None, ...]


def randomise(
    model: nn.Module, films: NDArray[np.uint8], method: Method, target: int, seed: int = 0
) -> tuple[RandomisedPart, ...]:
    """Randomise the network's weights from its output back to its input, and compare the maps after each part.

    In an ensemble, the parts at the same distance from the output are randomised at once. The model and torch's
    global random state are left unchanged.

    Args:
        model: as `attribute` takes it.
        films: (n, size, size) uint8, preprocessed.
        method: one of METHODS.
        target: the index of the class among the bundle's classes.
        seed: of the random weights.

    Raises:
        ValueError, RequestError: as `attribute`.
    """
    trained = attribute(model, films, method, target)
    randomised = copy.deepcopy(model)
    networks: list[Any] = networks_of(randomised)
    parts = [
        [(name, part) for name, part in reversed(network.parts().items()) if any(True for _ in part.parameters())]
        for network in networks
    ]
    found = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for step in track(zip_longest(*parts), "randomising", max(map(len, parts))):
            step_parts = [each for each in step if each is not None]
            for _, part in step_parts:
                _reset_weights(part)
            maps = attribute(randomised, films, method, target)
            agreement = tuple(rank_correlation(*pair) for pair in zip(trained, maps, strict=True))
            found.append(RandomisedPart(" and ".join(dict.fromkeys(name for name, _ in step_parts)), agreement))
    return tuple(found)


def rank_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """Spearman's rank correlation of two maps, -1 to 1; None if one is constant or not finite.

    >>> rank_correlation(np.array([[1, 2, 3]], np.float32), np.array([[9, 4, 1]], np.float32))
    -1.0
    """
    first, second = _ranks(one), _ranks(other)
    if not (np.isfinite(one).all() and np.isfinite(other).all()) or not first.std() or not second.std():
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _reset_weights(part: nn.Module) -> None:
    """Draw new weights, as torch initialises each layer."""
    layers: list[Any] = [layer for layer in part.modules() if hasattr(layer, "reset_parameters")]
    for layer in layers:
        layer.reset_parameters()


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Ranks from 0; equal values share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[places.ravel()])
