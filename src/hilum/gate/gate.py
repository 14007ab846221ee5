"""What a bundle keeps of the films that it learnt from, to know others like them: about 150 KB of JSON."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from hilum.errors import BundleError
from hilum.files import write_json
from hilum.gate.descriptor import LENGTH, Descriptors, turned

DESCRIPTOR = 1  # raise it whenever a film is described otherwise: a gate knows no other descriptors than its own


class DescriptorDistribution(Struct, frozen=True, forbid_unknown_fields=True):
    """A normal distribution of films' descriptors.

    Its covariance is that of probabilistic principal components (Tipping & Bishop, J. R. Stat. Soc. B 61 (1999):
    611–622): along some axes a variance of its own, in every other direction the same one. Arrays are little-endian
    float32.

    Attributes:
        mean: (512,), in bytes.
        axes: (axes, 512), orthonormal.
        variances: (axes,), along them.
        rest: variance in the directions without an axis.
    """

    mean: bytes
    axes: bytes
    variances: bytes
    rest: float

    def __post_init__(self) -> None:
        number = len(self.variances) // 4
        if (len(self.mean), len(self.variances), len(self.axes)) != (4 * LENGTH, 4 * number, 4 * LENGTH * number):
            raise ValueError("the gate's arrays do not belong together")
        if not all(np.isfinite(_array(values)).all() for values in (self.mean, self.axes, self.variances)):
            raise ValueError("the gate's arrays have to be finite")
        if not (_array(self.variances) > 0).all() or not _is_above_0(self.rest):
            raise ValueError("the gate's variances have to lie above 0")

    def squared_distances(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """How far films lie from these, by Mahalanobis: (n, 512) float32 → (n,)."""
        centred = descriptors.astype(np.float64) - _array(self.mean)
        along = centred @ _array(self.axes).reshape(-1, LENGTH).T
        across = np.square(centred).sum(axis=1) - np.square(along).sum(axis=1)
        distances: NDArray[np.float64] = (np.square(along) / _array(self.variances)).sum(axis=1) + across / self.rest
        return distances

    def distances_by_turn(self, descriptors: Descriptors) -> NDArray[np.float64]:
        """The same of films turned by 0, 90, 180 and 270 degrees anticlockwise: (n, 4)."""
        return np.stack([self.squared_distances(turned(descriptors, quarters)) for quarters in range(4)], axis=1)


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """The films that a detector learnt from, and how far from them another may lie.

    Attributes:
        films: how many it was fitted on.
        patients: of how many patients they are known to be.
        let_through: the share of films that is let through, of patients that were held out.
        distance: squared distance within which that share lies.
        roughness: of neighbouring pixels (`plain.roughness`): three times what 99% of the films have.
        turn: how a film lies is told where its squared distance that way up is at most this part of that of any
            other, as it is for 99% of held-out films that were moved, scaled and turned by a little.
        distribution: of the descriptors of those films (`known` in the file).
        descriptor: which version of the descriptor they are of.
    """

    films: int
    patients: int
    let_through: float
    distance: float
    roughness: float
    turn: float
    distribution: DescriptorDistribution = field(name="known")
    descriptor: int = DESCRIPTOR

    def __post_init__(self) -> None:
        if self.descriptor != DESCRIPTOR:
            raise ValueError(f"the gate is of descriptor {self.descriptor}, and this Hilum computes {DESCRIPTOR}")
        # A gate of NaN would let everything through, or nothing, without a word.
        if not all(_is_above_0(value) for value in (self.distance, self.roughness, self.turn)):
            raise ValueError("the gate's limits have to be finite and above 0")


def write_gate(gate: Gate, path: Path) -> None:
    """Write a gate as JSON; its arrays are base64."""
    write_json(path, gate)


def read_gate(path: Path) -> Gate:
    """Read a gate that `write_gate` wrote.

    Raises:
        BundleError: the file is missing, damaged, or of another descriptor.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Gate)
    except FileNotFoundError:
        raise BundleError(f"{path}: missing; take the bundle again from where it was made") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path}: damaged ({error}); take the bundle again from where it was made") from None


def _is_above_0(value: float) -> bool:
    return math.isfinite(value) and value > 0


def _array(values: bytes) -> NDArray[np.float64]:
    return np.frombuffer(values, dtype="<f4").astype(np.float64)
