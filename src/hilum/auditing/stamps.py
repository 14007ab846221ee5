"""Marks at one place in the films of one class: a white square, a letter, a logo, a black edge.

Lungs that are whiter in pneumonia are whiter by another amount in every child. A mark is the same grey at the same
place in film after film. So for each point of the film, each class's commonest grey there is counted, and how many
films of the other classes have it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.auditing.finding import Finding

FEWEST = 20  # patients of a class, and of all others
_ALIKE = 6  # levels either way that are one grey, with a JPEG's noise
_EXCESS = 0.5  # by how much more of a class's films than of the others' have it
_CERTAIN = 1e-9  # Fisher's exact test; 16,384 points of some 20 greys each are looked at
_MOST = 3  # marks named for each class


@dataclass(frozen=True, slots=True)
class Stamp:
    """A mark of one class.

    Attributes:
        label: the class.
        level: its grey, 0 to 255.
        box: left, top, right and bottom, as shares of the film.
        share: of the class's patients, those whose film has it, 0 to 1.
        elsewhere: of all other patients.
    """

    label: str
    level: int
    box: tuple[float, float, float, float]
    share: float
    elsewhere: float


def stamps(squares: NDArray[np.uint8], labels: Sequence[str], patients: Sequence[str]) -> list[Stamp]:
    """Find the marks of each class, the most frequent first. One film of each patient and class counts.

    A mark whose place varies from film to film is not found.

    Args:
        squares: (films, side, side) uint8.
        labels: one a film, not empty.
        patients: one a film; empty where unknown.

    Raises:
        ValueError: fewer than 20 patients of a class or of its rest; the message names it.
    """
    first: dict[Any, int] = {}
    for number, key in enumerate(zip(patients, labels, strict=True)):
        first.setdefault(key if key[0] else number, number)
    chosen = np.array(list(first.values()), dtype=np.intp)
    names = np.array([labels[number] for number in chosen], dtype=object)
    classes = sorted(set(labels))
    for name in classes:
        here = int((names == name).sum())
        if min(here, len(names) - here) < FEWEST:
            raise ValueError(
                f"{name} has {here} patients and the other classes {len(names) - here}; {FEWEST} are needed"
            )
    if not classes:
        raise ValueError("the films have no labels")
    counts = {name: _counts(squares[chosen[names == name]]) for name in classes}
    found = []
    for name in classes:
        others = np.sum([counts[other] for other in classes if other != name], axis=0)
        found += _stamps_of(name, counts[name], others, squares.shape[1:])
    return sorted(found, key=lambda stamp: stamp.elsewhere - stamp.share)


def findings_of(found: Sequence[Stamp], classes: Sequence[str]) -> list[Finding]:
    """A line for each mark."""
    return [
        Finding(
            "stamp",
            "error" if stamp.share - stamp.elsewhere >= 0.8 else "warning",
            f"{_describe_mark(stamp.level)} (level {stamp.level}) at the {_place(stamp.box)} is in "
            f"{stamp.share:.0%} of {stamp.label} and in {stamp.elsewhere:.0%} of {_others(stamp.label, classes)}: it "
            "gives the label away; find out where it comes from, and crop or cover that place in every film of every "
            "class",
        )
        for stamp in found
    ]


def _counts(squares: NDArray[np.uint8]) -> NDArray[np.int32]:
    """How many films have each grey at each point: (256, points)."""
    points = np.arange(squares[0].size)
    counts = np.zeros((256, points.size), dtype=np.int32)
    for square in squares:
        counts[square.ravel(), points] += 1
    return counts


def _stamps_of(label: str, own: NDArray[np.int32], others: NDArray[np.int32], shape: tuple[int, ...]) -> list[Stamp]:
    from scipy.stats import fisher_exact

    n, m = int(own[:, 0].sum()), int(others[:, 0].sum())
    here, there = _near(own), _near(others)
    excess = here / n - there / m
    levels = excess.argmax(axis=0)
    points = np.arange(levels.size)
    here, there, excess = here[levels, points], there[levels, points], excess[levels, points]
    number, parts, boxes, _ = cv2.connectedComponentsWithStats(
        (excess >= _EXCESS).reshape(shape).astype(np.uint8), connectivity=8
    )
    found = []
    for part in range(1, number):
        inside = np.flatnonzero(parts.ravel() == part)
        best = inside[excess[inside].argmax()]
        a, b = int(here[best]), int(there[best])
        if fisher_exact([[a, n - a], [b, m - b]], alternative="greater").pvalue > _CERTAIN:
            continue
        x, y, width, height, _ = (int(end) for end in boxes[part])
        box = x / shape[1], y / shape[0], (x + width) / shape[1], (y + height) / shape[0]
        found.append(Stamp(label, int(levels[best]), box, a / n, b / m))
    return sorted(found, key=lambda stamp: stamp.elsewhere - stamp.share)[:_MOST]


def _near(counts: NDArray[np.int32]) -> NDArray[np.int32]:
    """How many films have a grey within a few levels of each."""
    summed = np.concatenate([np.zeros((1, counts.shape[1]), dtype=np.int32), counts.cumsum(axis=0, dtype=np.int32)])
    grey = np.arange(256)
    near: NDArray[np.int32] = summed[np.minimum(grey + _ALIKE + 1, 256)] - summed[np.maximum(grey - _ALIKE, 0)]
    return near


def _describe_mark(level: int) -> str:
    return "a white mark" if level >= 230 else "a black area" if level <= 25 else "a grey mark"


def _place(box: tuple[float, float, float, float]) -> str:
    left, top, right, bottom = box
    across, down = (left + right) / 2, (top + bottom) / 2
    words = [
        "top" if down < 1 / 3 else "bottom" if down > 2 / 3 else "",
        "left" if across < 1 / 3 else "right" if across > 2 / 3 else "",
    ]
    place = " ".join(word for word in words if word) or "middle"
    return f"{place} ({left:.0%} to {right:.0%} across, {top:.0%} to {bottom:.0%} down)"


def _others(label: str, classes: Sequence[str]) -> str:
    others = [name for name in classes if name != label]
    return others[0] if len(others) == 1 else "the other classes"
