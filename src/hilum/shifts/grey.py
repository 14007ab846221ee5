"""The parts of shifts: a grey film in, one of the same shape out, and lengths that scale with the film.

Every shift maps a grey film, float32 `(height, width)` from 0 to 1 at its own resolution, to one of the same shape.
Lengths are fractions of the film's side (the geometric mean of its two), given in pixels of a film of 224 × 224, so
that small and large films are shifted alike once a detector has scaled them down.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Shift = Callable[[Grey], Grey]

_SIDE = 224  # of the film that lengths are given for


@dataclass(frozen=True, slots=True)
class Battery:
    """Shifts that a detector is tested under together.

    Attributes:
        name: the name with a version, which changes with any of the shifts.
        shifts: by name; the first line of each one's docstring says what it stands for.
        framed_as_intact: whether a film is cropped as it was before the shift, where it is cropped to its lungs: a
            shift that hides the lungs would else change what is shown, too.
    """

    name: str
    shifts: Mapping[str, Shift]
    framed_as_intact: bool = False


def pixels_of(grey: Grey, length: float) -> float:
    """Convert a length on a film of 224 × 224 to pixels of this film."""
    return length * math.sqrt(grey.shape[0] * grey.shape[1]) / _SIDE


def as_grey(values: NDArray[np.generic]) -> Grey:
    """Any numbers as a film: float32, clipped to 0 to 1."""
    return cast(Grey, np.clip(values, 0, 1).astype(np.float32, copy=False))


def bytes_of(grey: Grey) -> NDArray[np.uint8]:
    """A film as uint8, 0 to 255."""
    return np.rint(grey * 255).astype(np.uint8)


def draws_of(grey: Grey) -> np.random.Generator:
    """Random draws that depend on the film's content alone, so that a film is always changed in the same way."""
    seed = hashlib.blake2b(bytes_of(grey).tobytes(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(seed, "little"))
