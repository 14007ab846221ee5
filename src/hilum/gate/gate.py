"""What a bundle keeps of its training films to recognise others like them: about 150 KB of JSON."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from hilum.errors import BundleError, reason_of
from hilum.files import write_json
from hilum.gate.descriptor import LENGTH, Descriptors, turned

DESCRIPTOR = 1  # raise it whenever the descriptor changes: a gate fits its own descriptor only


class DescriptorDistribution(Struct, frozen=True, forbid_unknown_fields=True):
    """A normal distribution of films' descriptors.

    Its covariance is that of probabilistic principal components (Tipping & Bishop, J. R. Stat. Soc. B 61 (1999):
    611–622): a variance for each of some axes, and one variance for all other directions. Arrays are little-endian
    float32.

    Attributes:
        mean: (512,), in bytes.
        axes: (axes, 512), orthonormal, in bytes.
        variances: (axes,), along them, in bytes.
        rest: the variance in all other directions.
    """

    mean: bytes
    axes: bytes
    variances: bytes
    rest: float

    def __post_init__(self) -> None:
        number = len(self.variances) // 4
        if (len(self.mean), len(self.variances), len(self.axes)) != (4 * LENGTH, 4 * number, 4 * LENGTH * number):
            raise ValueError("the gate's arrays do not fit together")
        if not all(np.isfinite(_array(values)).all() for values in (self.mean, self.axes, self.variances)):
            raise ValueError("the gate's arrays must be finite")
        if not (_array(self.variances) > 0).all() or not _is_above_0(self.rest):
            raise ValueError("the gate's variances must be above 0")

    def squared_distances(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """The squared Mahalanobis distances of descriptors: (n, 512) float32 → (n,) float64."""
        centred = descriptors.astype(np.float64) - _array(self.mean)
        along = centred @ _array(self.axes).reshape(-1, LENGTH).T
        across = np.square(centred).sum(axis=1) - np.square(along).sum(axis=1)
        distances: NDArray[np.float64] = (np.square(along) / _array(self.variances)).sum(axis=1) + across / self.rest
        return distances

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Its mean, (512,), and its covariance, (512, 512)."""
        axes, beyond = _array(self.axes).reshape(-1, LENGTH), _array(self.variances) - self.rest
        return _array(self.mean), self.rest * np.eye(LENGTH) + (axes.T * beyond) @ axes

    def distances_by_turn(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """The same for films rotated by 0, 90, 180 and 270 degrees anticlockwise: (n, 4)."""
        return np.stack([self.squared_distances(turned(descriptors, quarters)) for quarters in range(4)], axis=1)


class Discriminant(Struct, frozen=True, forbid_unknown_fields=True):
    """A linear discriminant that tells films of adults from the films that a detector was trained on.

    Attributes:
        weights: (512,) little-endian float32, in bytes.
        centre: the mean score of the training films.
        limit: the largest score at which a film is taken for one of their kind; above the centre.
    """

    weights: bytes
    centre: float
    limit: float

    def __post_init__(self) -> None:
        if len(self.weights) != 4 * LENGTH or not np.isfinite(_array(self.weights)).all():
            raise ValueError("the gate's discriminant is not of 512 finite numbers")
        if not (math.isfinite(self.centre) and _is_above_0(self.limit - self.centre)):
            raise ValueError("the limit of the gate's discriminant must lie above its centre")

    def scores(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """How much films look like an adult's, (n, 512) float32 → (n,) float64: 0 at the centre, 1 at the limit."""
        along = descriptors.astype(np.float64) @ _array(self.weights)
        scores: NDArray[np.float64] = (along - self.centre) / (self.limit - self.centre)
        return scores


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """The distribution of the films that a detector was trained on, and the limits that another film may reach.

    Attributes:
        films: the number of films that it was fitted on.
        patients: the number of their known patients.
        let_through: the share of films of held-out patients that passes.
        distance: the limit of the squared distance.
        roughness: the limit of `heuristics.roughness`: three times what 99% of the films have.
        turn: a film counts as rotated if its squared distance that way up is at most this part of that of any other
            way up, as it is for 99% of held-out films that were shifted, scaled and rotated by a little.
        distribution: of the descriptors of those films (`known` in the file).
        descriptor: the version of the descriptor.
        of_whole: whether it was fitted on whole films, and is to be shown them, where the detector itself is shown
            the lungs alone. Gates before were fitted on what the detector is shown.
        adults: tells adults' films, for a detector that was trained on children's; None for any other.
    """

    films: int
    patients: int
    let_through: float
    distance: float
    roughness: float
    turn: float
    distribution: DescriptorDistribution = field(name="known")
    descriptor: int = DESCRIPTOR
    of_whole: bool = False
    adults: Discriminant | None = None

    def __post_init__(self) -> None:
        if self.descriptor != DESCRIPTOR:
            raise ValueError(f"the gate has descriptor {self.descriptor}, and this Hilum computes {DESCRIPTOR}")
        if not (self.films > 0 and self.patients >= 0 and 0 < self.let_through <= 1):
            raise ValueError("the gate is of no films, or lets no share of them through")
        # A gate of NaN would pass everything, or nothing, silently.
        if not all(_is_above_0(value) for value in (self.distance, self.roughness, self.turn)):
            raise ValueError("the gate's limits must be finite and above 0")


def write_gate(gate: Gate, path: Path) -> None:
    """Write a gate as JSON; its arrays are in base64."""
    write_json(path, gate)


def parse_gate(content: bytes, source: str) -> Gate:
    """Read a gate that `write_gate` wrote.

    Args:
        content: of its file.
        source: names the file in an error.

    Raises:
        BundleError: whatever the bytes are, if they are no gate, or one of another version of the descriptor.
    """
    try:
        return msgspec.json.decode(content, type=Gate)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BundleError(f"{source}: damaged ({reason_of(error)}); copy the bundle again from its source") from None


def _is_above_0(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _array(values: bytes) -> NDArray[np.float64]:
    return np.frombuffer(values, dtype="<f4").astype(np.float64)
