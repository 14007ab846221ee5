"""Which films pass a gate, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hilum.gate.descriptor import Image8, describe, inverted
from hilum.gate.gate import Gate
from hilum.gate.heuristics import NOISE, is_blank, is_text, roughness
from hilum.records.reasons import LOOKS_ROTATED, NO_LUNGS


class Reason(StrEnum):
    """Why a film does not pass, in words that follow "it"; `PASSED` is empty.

    `predictions.csv` and `metrics.json` hold these words. Up to 0.2.0 `TEXT` was "looks like a page of text".
    """

    PASSED = ""
    BLANK = "is one even grey"
    CLOCKWISE = LOOKS_ROTATED[90]
    UPSIDE_DOWN = LOOKS_ROTATED[180]
    ANTICLOCKWISE = LOOKS_ROTATED[270]
    INVERTED = "looks inverted: black and white swapped"
    ADULT = "looks like an adult's chest"
    ADULT_BY_HEADER = "is an adult's, says the header"
    ADULT_BY_TABLE = "is an adult's, says its table"
    UNLIKE = "looks like a chest film, but unlike those it learnt from"
    TEXT = "looks like a drawing or a page of text"
    NOISE = "looks like noise"
    STRANGE = "does not look like the films it learnt from"


# Of what kind a film is, and not what is wrong with it.
OF_KIND = frozenset({Reason.ADULT, Reason.ADULT_BY_HEADER, Reason.ADULT_BY_TABLE, Reason.UNLIKE, Reason.STRANGE})
_STOPPING = frozenset(map(str, Reason)) - {Reason.PASSED}


def stopping(flags: Iterable[str]) -> tuple[str, ...]:
    """Those of a prediction's flags for which a film does not pass; others are remarks, such as a lung not found.

    >>> stopping(("looks like noise", "lungs not found: nothing in it looks like a lung"))
    ('looks like noise',)
    >>> stopping(("no lungs found: nothing in it looks like a lung",))
    ('no lungs found: nothing in it looks like a lung',)
    """
    return tuple(flag for flag in flags if flag in _STOPPING or flag.startswith(NO_LUNGS))


LIMIT = 0.5  # the largest score that passes
_BY_ROTATION = (Reason.UNLIKE, Reason.CLOCKWISE, Reason.UPSIDE_DOWN, Reason.ANTICLOCKWISE)


@dataclass(frozen=True, slots=True)
class GateResult:
    """The result of checking films, in their order.

    Attributes:
        scores: (n,) float64 from 0 to 1, how unlike the training films each is: 0 at their centre, 0.5 at the limit,
            and towards 1 beyond it. A score s is s / (1 - s) times the limit of squared distance, of roughness or of
            likeness to adults' films, whichever is most; 1 is a film of one even grey.
        passed: (n,) bool, whether the score is at most 0.5.
        reasons: why each film does not pass; `Reason.PASSED` if it does.
    """

    scores: NDArray[np.float64]
    passed: NDArray[np.bool_]
    reasons: tuple[Reason, ...]


def check_films(gate: Gate, films: Iterable[Image8]) -> GateResult:
    """Check preprocessed films; this takes about half a millisecond for each.

    Args:
        gate: a gate that was fitted on films that were preprocessed in the same way.
        films: each (size, size) uint8, as `hilum.pixels.preprocess` gives them; whole films where the gate is of
            them (`Gate.of_whole`), as `hilum.pixels.Square.seen` gives them.
    """
    films = [np.ascontiguousarray(film) for film in films]  # OpenCV takes no rotated views of arrays
    descriptors = describe(films)
    distances = gate.distribution.distances_by_turn(descriptors)
    rough = np.array([roughness(film) for film in films])
    even = np.array([is_blank(film) for film in films], dtype=bool)
    adult = gate.adults.scores(descriptors) if gate.adults else np.zeros(len(films))
    odds = np.maximum(np.maximum(distances[:, 0] / gate.distance, rough / gate.roughness), adult)
    scores = np.where(even, 1.0, odds / (1 + odds))
    passed = scores <= LIMIT
    nearest = np.argmin(distances, axis=1)
    first, second, *_ = np.sort(distances, axis=1).T
    clear = first <= gate.turn * second
    swapped = gate.distribution.squared_distances(inverted(descriptors)) <= gate.distance
    reasons = []
    for number, film in enumerate(films):
        if passed[number]:
            reasons.append(Reason.PASSED)
        elif even[number]:
            reasons.append(Reason.BLANK)
        elif is_text(film):
            reasons.append(Reason.TEXT)
        elif rough[number] > NOISE:
            reasons.append(Reason.NOISE)
        elif swapped[number]:
            reasons.append(Reason.INVERTED)
        elif clear[number] and nearest[number] == 0 and adult[number] > 1:
            reasons.append(Reason.ADULT)
        elif clear[number]:
            reasons.append(_BY_ROTATION[nearest[number]])
        else:
            reasons.append(Reason.STRANGE)
    return GateResult(scores, passed, tuple(reasons))
