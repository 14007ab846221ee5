"""Near-duplicates: films of one exposure that were re-saved, scaled, cropped, shifted, brightened or mirrored.

Chest films resemble each other: among 5,232 children's films the thumbnails of 142,914 pairs correlate above 0.9, and
those of different children up to 0.98. So what all chests have in common is removed first, by a high-pass filter and
normalised local contrast, and a pair is compared twice:

1. Candidates by a perceptual signature of 32 × 32 values, compared over small shifts, a small crop and the mirror
   image. It keeps the values, of which a perceptual hash (Zauner, Implementation and benchmarking of perceptual image
   hash functions, 2010) keeps the signs: signs alone do not tell chests apart.
2. Confirmation at three times the detail: 16 patches of one film are searched for in the other by normalised
   correlation (Lewis, Fast normalized cross-correlation, 1995), an affine map fitted to where they were found aligns
   the two films, and their correlation is the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.auditing.image_facts import Grey8
from hilum.progress import track

Floats = NDArray[np.float32]

# On 5,232 films, planted copies (JPEG quality 30, scaled down and up, 3 or 5% cut off all sides or off one, shifted
# by 4%, rotated by 2 or 3 degrees, gamma 0.7 and 1.3, CLAHE, mirrored, four of these at once) score 0.85 to 1.00; two
# exposures of one child, as far as is known, at most 0.77, two random films 0.21 ± 0.08.
SAME = 0.82
# Of the pairs from here on with two patients' names, most show, to the eye, one child; at 0.63 they no longer do.
ALIKE = 0.66

_FLOOR = (
    0.65  # of the signatures' correlation: planted copies have 0.69 to 1.00, one pair in 1,000 of the others more
)
_NEAREST = 3  # candidates of each film and of its mirror image
_CROP = 0.04  # cut off each side for the signature that finds crops
_SIGNATURE = 32
_ROWS = 512  # of the table of correlations at a time
_DETAIL = 96  # side of the picture that is laid over the other
_REACH = 7  # pixels of it that a piece may have moved
_PIECES = 4  # along each side
_PIECE = (_DETAIL - 2 * _REACH) // _PIECES
_FEWEST = 6  # pieces with enough in them to be looked for
_HOPELESS = 0.55  # the median of so many pieces below this never came to a score of 0.6
_RANDOM_PAIRS = 300
_DEVIATIONS = 6  # that a pair has to stand out from random pairs


@dataclass(frozen=True, slots=True)
class SimilarPair:
    """Two films that look alike.

    Attributes:
        one: the index of the earlier film.
        other: the index of the later one.
        score: their correlation once they are aligned, up to 1.
        mirrored: whether one is the mirror image of the other.
        same: whether they are one exposure; if not, they may be two of one patient.
    """

    one: int
    other: int
    score: float
    mirrored: bool
    same: bool


def find_near_duplicates(squares: Sequence[Grey8] | NDArray[np.uint8]) -> list[SimilarPair]:
    """Find pairs that are one exposure or close to it, best first.

    A pair also has to stand out from random pairs of the same films, so that films that resemble each other by nature
    (generated ones, or one anatomy in one position) are not all reported. The work grows with the square of the
    number of films. Of many copies of one film every copy is in some pair, but not every pair is listed.

    Args:
        squares: (films, 128, 128) uint8; films of the same bytes once.
    """
    if len(squares) < 2:
        return []

    @lru_cache(maxsize=2048)
    def detail(film: int) -> Floats:
        return _flattened(squares[film], _DETAIL, 2.5)

    def score(one: int, other: int, mirrored: bool = False, *, hasty: bool = True) -> float:
        second = detail(other)
        return likeness(detail(one), np.ascontiguousarray(second[:, ::-1]) if mirrored else second, hasty=hasty)

    chance = _beyond_chance([score(*pair, hasty=False) for pair in _random_pairs(len(squares))])
    found = []
    near = candidates(squares)
    for one, other, mirrored in track(near, "comparing films", len(near)):
        value = score(one, other, mirrored)
        if value >= max(ALIKE, chance):
            found.append(SimilarPair(one, other, round(value, 4), mirrored, value >= max(SAME, chance)))
    return sorted(found, key=lambda pair: (-pair.score, pair.one, pair.other))


def candidates(squares: Sequence[Grey8] | NDArray[np.uint8]) -> list[tuple[int, int, bool]]:
    """The pairs to compare in detail, as (one, other, mirrored) with one before other, in order."""
    signatures = np.stack([_signature(square) for square in squares])
    cropped = np.stack([_signature(_without_margin(square)) for square in squares])
    kept = {False: _unit(signatures[:, 1:31, 1:31]), True: _unit(signatures[:, 1:31, 30:0:-1])}
    found: set[tuple[int, int, bool]] = set()
    for start in range(0, len(signatures), _ROWS):
        rows = slice(start, start + _ROWS)
        # All that a query may be: as it is, shifted by a value up, down, left or right, or cropped.
        queries = [_unit(signatures[rows, y : y + 30, x : x + 30]) for y in range(3) for x in range(3)]
        queries.append(_unit(cropped[rows, 1:31, 1:31]))
        for mirrored, others in kept.items():
            table = queries[0] @ others.T
            for query in queries[1:]:
                np.maximum(table, query @ others.T, out=table)
            own = np.arange(len(table))
            table[own, start + own] = -1  # a symmetric picture is no copy of itself
            nearest = np.argpartition(-table, min(_NEAREST, len(others) - 1), axis=1)[:, :_NEAREST]
            for row, near in enumerate(nearest):
                for other in near[table[row, near] >= _FLOOR].tolist():
                    one, last = sorted((start + row, other))
                    found.add((one, last, mirrored))
    return sorted(found)


def likeness(one: Floats, other: Floats, *, hasty: bool = False) -> float:
    """The correlation of two films once they are aligned.

    Args:
        one: (96, 96), high-passed, with a local contrast of one.
        other: the same of the other film.
        hasty: whether to stop early if the first patches show that it cannot be a copy.

    Returns:
        The correlation, -1 to 1, over what both films show; 0 if they show too little, or on stopping early.
    """
    scores: list[float] = []
    here: list[tuple[float, float]] = []
    there: list[tuple[float, float]] = []
    for down, across in _pieces():
        top, left = _REACH + down * _PIECE, _REACH + across * _PIECE
        wanted = one[top : top + _PIECE, left : left + _PIECE]
        if cv2.meanStdDev(wanted)[1] < 0.25:  # air, or a black frame
            continue
        around = other[top - _REACH : top + _PIECE + _REACH, left - _REACH : left + _PIECE + _REACH]
        _, best, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(around, wanted, cv2.TM_CCOEFF_NORMED))
        scores.append(best)
        here.append((left, top))
        there.append((left + x - _REACH, top + y - _REACH))
        if hasty and len(scores) == _FEWEST and np.median(scores) < _HOPELESS:
            return 0.0
    if len(scores) < _FEWEST:
        return 0.0
    half = (_PIECE - 1) / 2
    return _laid_over(one, other, _affine(np.array(here) + half, np.array(there) + half, np.array(scores)))


def _pieces() -> Iterator[tuple[int, int]]:
    """From the middle outwards: there lie the lungs, in which two chests differ most."""
    middle = (_PIECES - 1) / 2
    yield from sorted(np.ndindex(_PIECES, _PIECES), key=lambda at: (abs(at[0] - middle) + abs(at[1] - middle), at))


def _affine(here: NDArray[np.float64], there: NDArray[np.float64], scores: NDArray[np.float64]) -> Floats:
    """The map (2, 3) from one film's points to the other's, in which stray pieces count less and less."""
    points = np.column_stack([here, np.ones(len(here))])
    trust = np.square(np.clip(scores, 0.05, 1))
    weights = trust
    for _ in range(3):
        solution, *_ = np.linalg.lstsq(points * weights[:, None], there * weights[:, None], rcond=None)
        weights = trust / (1 + np.square(points @ solution - there).sum(axis=1))
    return np.asarray(solution.T, dtype=np.float32)


def _laid_over(one: Floats, other: Floats, affine: Floats) -> float:
    size, how = one.shape[::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(other, affine, size, flags=how)
    both = cv2.warpAffine(np.ones_like(other), affine, size, flags=how) > 0.99
    if both.sum() < one.size / 2 or not one[both].std() or not moved[both].std():
        return 0.0
    return float(np.corrcoef(one[both], moved[both])[0, 1])


def _random_pairs(number: int) -> list[tuple[int, int]]:
    drawn = np.random.default_rng(0).integers(0, number, (_RANDOM_PAIRS, 2))
    return [(one, other) for one, other in drawn.tolist() if one != other]


def _beyond_chance(scores: list[float]) -> float:
    """What a random pair of these films scores once in a very long time, by Fisher's z and robust moments."""
    z = np.arctanh(np.clip(scores, -0.999, 0.999))
    middle = np.median(z)
    return float(np.tanh(middle + _DEVIATIONS * 1.4826 * np.median(np.abs(z - middle))))


def _signature(square: Grey8) -> Floats:
    flattened = _flattened(square, 2 * _SIGNATURE, 3.0)
    small = cv2.resize(flattened, (_SIGNATURE, _SIGNATURE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def _flattened(square: Grey8, side: int, sigma: float) -> Floats:
    """High pass, then a local contrast of one; noise of a level or two is not raised to it."""
    small = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    high = small - cv2.GaussianBlur(small, (0, 0), sigma)
    contrast = np.sqrt(cv2.GaussianBlur(high * high, (0, 0), 2.5 * sigma)) + np.float32(2)
    return np.asarray(high / contrast, dtype=np.float32)


def _without_margin(square: Grey8) -> Grey8:
    margin = round(_CROP * len(square))
    inner = np.ascontiguousarray(square[margin:-margin, margin:-margin])
    return np.asarray(cv2.resize(inner, square.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _unit(signatures: Floats) -> Floats:
    """As rows of length 1 and mean 0, so that a product is a correlation; nothing at all correlates with nothing."""
    rows = np.ascontiguousarray(signatures).reshape(len(signatures), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-6))
    return unit
