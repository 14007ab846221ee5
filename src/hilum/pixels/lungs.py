"""The lung field of a child's frontal chest film: an atlas is aligned with the film, then grey values decide.

An atlas (Candemir et al., IEEE TMI 33 (2014), register many; here the average of hundreds is one) is aligned by an
affine map that raises the enhanced correlation coefficient (Evangelidis & Psarakis, IEEE TPAMI 30 (2008); OpenCV).
Its lungs are what is expected; where the film's own lung stands out against what surrounds it, the outline is moved
to where the grey values change. A lung that pneumonia has made white keeps the outline that is expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

ATLAS = Path(__file__).parent / "lung_atlas.png"  # made by tests/pixels/make_lung_atlas.py
SIDE = 96  # of the atlas, in pixels
_FINE = 192  # side at which outlines are moved
_BLACK = 0.05  # of the grey range: collimation and air beside the body
# How far a film's layout may lie from the average one (one standard deviation): logarithms of both scales, the two
# off-diagonal terms, the centre in pixels of the atlas; last the logarithm of the scales' ratio.
_SPREAD = np.array([0.18, 0.20, 0.09, 0.16, 5.0, 9.0, 0.22])
_STRICTNESS = 0.012  # correlation that one squared standard deviation has to be worth
Start = tuple[float, float, float, float]
# Where the alignment starts: scale across, scale down, shift across, shift down.
_STARTS: tuple[Start, ...] = (
    (1.0, 1.0, 0, 0), (0.8, 0.8, 0, 0), (0.85, 1.05, 0, 0), (1.1, 1.15, 0, 0), (0.9, 1.0, 0, -12),
    (1.0, 0.95, 0, 10), (0.85, 0.9, 8, 0), (0.85, 0.9, -8, 0), (1.0, 1.3, 0, 0),
)  # fmt: skip
_FOUND, _SURE = 0.65, 0.85  # quality from which on lungs are found at all, and from which on nothing else is asked
_LIKELY, _ALIKE = 0.75, 1e-3  # quality from which on two starts are enough that end this close to one another
_GENEROSITY = 0.8  # logarithm of odds: an outline rather takes in a rib's border than it cuts an apex off
_UPRIGHT = 0.03  # by how much a film has to fit better than the same film upside down


@dataclass(frozen=True, slots=True)
class LungField:
    """The lungs of a film, without the heart, or why they were not found.

    Attributes:
        mask: (height, width) bool, of the film's own size; None if no lung field was found.
        quality: the film's correlation with the average film, minus a penalty for its layout; at most 1, and 0.65 or
            more if lungs are found. None if no alignment was possible.
        from_prior: whether the outline of a lung is the atlas's, because the film's grey values show none.
        reason: in words, why no lungs were found, or which outline is the atlas's; empty otherwise.
        to_film: affine map (2, 3) from places in the average film to places in this one, (x, y) as parts of width and
            height; None if no lung field was found.
    """

    mask: Mask | None
    quality: float | None
    from_prior: bool
    reason: str
    to_film: Grey | None = None


def lung_field(film: NDArray[np.uint8] | Grey, *, quick: bool = False) -> LungField:
    """Find the lungs in an upright frontal film, in which brighter is denser.

    The atlas is of children's films (Kermany et al., Cell 172 (2018), CC BY 4.0). In adults, lungs are mostly not
    found. In a film that is rotated, inverted or shows no chest, none are found.

    Args:
        film: (height, width), uint8 or float from 0 to 1, at least 16 pixels each way.
        quick: in half the time; of 100 outlines one comes out another.

    Raises:
        ValueError: it is not such an array.
    """
    if film.ndim != 2 or min(film.shape) < 16:
        raise ValueError(f"a film is (height, width) of 16 pixels or more, not {film.shape}")
    grey = film.astype(np.float32) / np.float32(255) if film.dtype == np.uint8 else film.astype(np.float32)
    if not np.isfinite(grey).all() or grey.min() < 0 or grey.max() > 1:
        raise ValueError("a film is uint8, or float from 0 to 1")
    quality, to_film = align(even_out(grey), quick=quick)
    if to_film is None:
        return LungField(None, None, False, "it does not resemble a chest film")
    if quality < _FOUND:
        measured = f" ({quality:.2f})" if quality > 0 else ""  # an alignment that went astray is far below
        return LungField(None, quality, False, f"it resembles no upright frontal chest film of a child{measured}")
    few = _STARTS[:3] if quick else _STARTS  # most starts find a film that lies the right way round
    if quality < _SURE and quality < align(even_out(grey[::-1]), quick=quick, starts=few)[0] + _UPRIGHT:
        return LungField(None, quality, False, "it fits as well upside down")
    lungs = [_outline(grey, expected) for expected in _expected(to_film)]
    for where, (lung, _) in zip(("left", "right"), lungs, strict=True):
        if not 0.02 < lung.mean() < 0.3:
            return LungField(None, quality, False, f"the lung on the film's {where} side has no plausible size")
    prior = [where for where, (_, seen) in zip(("left", "right"), lungs, strict=True) if not seen]
    both = cv2.resize(np.maximum(lungs[0][0], lungs[1][0]), film.shape[::-1], interpolation=cv2.INTER_LINEAR)
    reason = f"the average outline on the film's {' and '.join(prior)} side: the lung does not stand out there"
    return LungField(both > 0.5, quality, bool(prior), reason if prior else "", _in_parts(to_film))


def average_lungs(shape: tuple[int, int]) -> Mask:
    """Where half of the films that the atlas is made of have lung, laid over a film of that height and width."""
    lung = cv2.resize(_atlas()[1], shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(lung > 0.5, dtype=np.bool_)


def even_out(grey: Grey) -> Grey:
    """A film at the atlas's size, each place less the mean of its surroundings and over their deviation.

    Exposure and windowing are gone, and with them much of what whitens a whole lung; ribs and borders stay.

    Args:
        grey: (height, width) float32, 0 to 1.

    Returns:
        (SIDE, SIDE) float32, -2.5 to 2.5; what no X-ray was stopped by is -1.
    """
    resized = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small = np.asarray(cv2.GaussianBlur(resized, (0, 0), 1.0), dtype=np.float32)
    exposed = (small > _BLACK).astype(np.float32)

    def mean(values: Grey) -> Grey:
        return np.asarray(cv2.GaussianBlur(values * exposed, (0, 0), SIDE / 6) / weight, dtype=np.float32)

    weight = cv2.GaussianBlur(exposed, (0, 0), SIDE / 6) + np.float32(1e-3)
    centred = small - mean(small)
    deviation = np.sqrt(mean(np.square(centred))) + np.float32(0.016)
    return np.asarray(np.where(exposed > 0, np.clip(centred / deviation, -2.5, 2.5), -1.0), dtype=np.float32)


def align(
    film: Grey, average: Grey | None = None, *, quick: bool = False, starts: Sequence[Start] = _STARTS
) -> tuple[float, Grey | None]:
    """Lay the average film over a film.

    Args:
        film: as `even_out` gives it.
        average: another average film than the atlas's.
        quick: stop at the first start that ends well, or where two end well and alike.
        starts: where to start from.

    Returns:
        The quality, and the affine map (2, 3) from places in the average film to places in the film, in pixels
        (x, y); None, and a quality below every other, where no start leads anywhere.
    """
    average = _atlas()[0] if average is None else average
    everywhere = np.ones((SIDE, SIDE), dtype=np.uint8)
    best: tuple[float, Grey | None] = (-np.inf, None)

    def climb(start: Grey, steps: int, blur: int) -> tuple[float, Grey | None]:
        """Follow the correlation uphill, and keep the place if it is the best so far."""
        nonlocal best
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-3)
        try:
            _, ended = cv2.findTransformECC(average, film, start, cv2.MOTION_AFFINE, criteria, everywhere, blur)
        except cv2.error:  # the map has left the film, or nothing in it correlates
            return -np.inf, None
        found = np.array(ended, dtype=np.float32)
        quality = _correlation(average, pull(film, found)) - _STRICTNESS * _oddity(found)
        if quality > best[0]:
            best = quality, found
        return quality, found

    ends: list[float] = []
    for start in starts:
        _, found = climb(_start(*start), 12, 11)
        if found is None:
            continue
        ends.append(climb(found.copy(), 15, 5)[0])  # OpenCV goes on in the array that it is given
        alike = sum(end > best[0] - _ALIKE for end in ends)
        if quick and (best[0] >= _SURE or (best[0] >= _LIKELY and alike > 1)):  # the others would end there too
            break
    if best[1] is not None:
        climb(best[1].copy(), 40, 3)
    return best


def pull(film: Grey, to_film: Grey) -> Grey:
    """The film where an affine map takes the places of the average film: (SIDE, SIDE) float32."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(film, to_film, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE))


@cache
def _atlas() -> tuple[Grey, Grey]:
    """The average film, as `even_out` gives films, and the share of films that have lung at each place."""
    stored = np.asarray(Image.open(ATLAS), dtype=np.float32) / np.float32(255)
    return np.ascontiguousarray(stored[:, :SIDE] * 5 - np.float32(2.5)), np.ascontiguousarray(stored[:, SIDE:])


def _start(across: float, down: float, right: float, below: float) -> Grey:
    """An affine map that scales about the middle and shifts."""
    middle = SIDE / 2
    return np.array(
        [[across, 0, middle * (1 - across) + right], [0, down, middle * (1 - down) + below]], dtype=np.float32
    )


def _oddity(to_film: Grey) -> float:
    """The squared distance of a film's layout from the average one, in standard deviations."""
    middle = np.full(2, SIDE / 2)
    across, down = np.log(np.maximum(np.abs([to_film[0, 0], to_film[1, 1]]), 1e-6))
    moved = to_film[:, :2] @ middle + to_film[:, 2] - middle
    layout = np.array([across, down, to_film[0, 1], to_film[1, 0], *moved, across - down])
    return float(np.square(layout / _SPREAD).sum())


def _correlation(one: Grey, other: Grey) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) if other.std() > 1e-6 else 0.0


def _in_parts(to_film: Grey) -> Grey:
    """An affine map between pixels of SIDE × SIDE as one between parts of the side, from 0 to 1."""
    parts = to_film.copy()
    # The middle of a pixel lies half a pixel from its border.
    parts[:, 2] = (to_film[:, 2] + np.float32(0.5) - to_film[:, :2].sum(axis=1) / 2) / SIDE
    return parts


def _expected(to_film: Grey) -> list[Grey]:
    """The chance of lung at each place of the film, at _FINE: the lung on its left side, the one on its right."""
    lung = _atlas()[1]
    scale = _FINE / SIDE
    finer = to_film * scale  # from places of the atlas, whose pixels' middles lie half a pixel further
    finer[:, 2] += scale / 2 - 0.5
    halves = np.arange(SIDE) < SIDE / 2
    size = (_FINE, _FINE)
    return [np.asarray(cv2.warpAffine(lung * side, finer, size), dtype=np.float32) for side in (halves, ~halves)]


def _outline(grey: Grey, expected: Grey) -> tuple[Grey, bool]:
    """One lung at _FINE, 0 or 1, and whether the film's own grey values drew it."""
    average = (expected > 0.5).astype(np.uint8)
    rows = np.flatnonzero(average.any(axis=1))
    if len(rows) < 8:
        return average.astype(np.float32), False
    slop = max(2.0, 0.045 * len(rows))  # how far an outline may lie from the average one
    seen = cv2.GaussianBlur(cv2.resize(grey, (_FINE, _FINE), interpolation=cv2.INTER_AREA), (0, 0), 2.0)
    inside = cv2.erode(average, _disc(slop)) > 0
    reach = cv2.dilate(average, _disc(2 * slop)) > 0
    around = reach & (cv2.dilate(average, _disc(slop)) == 0) & (seen > 2 * _BLACK)
    if min(inside.sum(), around.sum()) < 30:
        return average.astype(np.float32), False
    (lung, lung_spread), (wall, wall_spread) = (
        (float(np.median(values)), max(float(values.std()), 0.016)) for values in (seen[inside], seen[around])
    )
    contrast = (wall - lung) / np.sqrt((lung_spread**2 + wall_spread**2) / 2)
    trust = float(np.clip((contrast - 0.4) / 0.8, 0, 1))
    if not trust:
        return average.astype(np.float32), False
    # How much likelier each grey value is in lung than in what surrounds it; what is darker than lung is no wall.
    likelier = (np.square((seen - wall) / wall_spread) - np.square((seen - lung) / lung_spread)) / 2
    likelier = np.clip(likelier + np.log(wall_spread / lung_spread), -2, 2)
    likelier = np.where(seen < lung, np.maximum(likelier, 0), likelier)
    likelier = np.where(seen < 2 * _BLACK, -2, likelier).astype(np.float32)
    prior = cv2.GaussianBlur(expected, (0, 0), slop) + 1e-3
    score = _GENEROSITY + np.log(prior / (1.002 - prior)) + 1.5 * trust * cv2.GaussianBlur(likelier, (0, 0), 2.5)
    drawn = _smooth(((score > 0) & reach).astype(np.uint8), slop)
    drawn[~_within(average, slop)] = 0
    overlap = 2 * np.sum(drawn & average) / (drawn.sum() + average.sum())
    if overlap < 0.75:  # the film's darkest region is something else
        return average.astype(np.float32), False
    return drawn.astype(np.float32), True


def _smooth(mask: NDArray[np.uint8], slop: float) -> NDArray[np.uint8]:
    """The largest piece, without the notches that ribs cut into it, without spikes and holes."""
    for step, size in ((cv2.MORPH_CLOSE, 1.3), (cv2.MORPH_OPEN, 0.6)):
        mask = np.asarray(cv2.morphologyEx(mask, step, _disc(size * slop)), dtype=np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(mask)
    if outlines:
        cv2.drawContours(filled, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return filled


def _within(average: NDArray[np.uint8], slop: float) -> Mask:
    """Where a lung may lie: the chest wall beside it is as dark as lung, and keeps it out only where it is expected.

    Across, the average outline fits within a pixel or two; the apex and the diaphragm rise and fall.
    """
    hull = cv2.convexHull(cv2.findNonZero(average))
    room = cv2.fillConvexPoly(np.zeros_like(average), hull, 1)
    return np.asarray(cv2.dilate(room, _disc(0.3 * slop, 0.7 * slop)) > 0)


def _disc(across: float, down: float | None = None) -> NDArray[np.uint8]:
    size = (2 * round(across) + 1, 2 * round(across if down is None else down) + 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size), dtype=np.uint8)
