"""The grey scale of a film that brings none of its own: which value becomes black, and which white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.recipe import GreyScale

FEW_OUTSIDE = "a few pixels were far outside the grey scale"
AREA_OUTSIDE = "a large area was far outside the grey scale"

_MOST_ONE_VALUE = 0.01  # of the film's pixels, as which an area of one value counts, however large it is
_TAIL = 0.05  # of the film's pixels, that may be anything at either end
_BINS = 100  # of the middle: values that lie so close together are one value
_GAP = 0.3  # of the middle, that no more than `_IN_GAP` of the pixels lie in
_IN_GAP = 0.001
_LEVELS_IN_GAP = 4  # at least, so that a film of few grey levels has no gaps between them
_FARTHEST = 1.0  # middles beyond the middle, for what no gap sets apart
_FEW = 0.1  # of the film's pixels
_MOST_COUNTED = 1 << 18  # values of whole numbers that are counted one by one
_PIECE = 1 << 20  # pixels


def stretch(
    values: NDArray[np.generic], rule: GreyScale = "exposed", excluded: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Stretch a film's values so that black is 0 and white is 1; values outside are clipped.

    By the rule `extremes` the smallest value is black and the largest white. By `exposed` they are the smallest and
    the largest of what was exposed, and what lies far outside is left out: lead markers, burnt-in text, borders of
    collimation, dead and hot pixels. A film whose values are dense up to its extremes gets the same scale by both.

    What was exposed is found in the histogram. Areas of one value count little, however large they are. The middle
    reaches from the 5th to the 95th percentile; from there outwards the film ends at the first gap, which is three
    tenths of the middle wide and holds less than a thousandth of the film's pixels, or where it is farther away
    than the middle is wide.

    Args:
        values: of any shape, finite numbers.
        rule: as `pixels.grey_scale` of a recipe.
        excluded: where it is true, values do not count (padding) and are clipped.

    Returns:
        The film, float32 of the same shape, and a remark where pixels were left out. A film of equal values is 0.

    >>> film = np.append(np.arange(1000), 65535)
    >>> grey, remarks = stretch(film)
    >>> grey[[0, 999, 1000]].tolist(), remarks
    ([0.0, 1.0, 1.0], ('a few pixels were far outside the grey scale',))
    """
    counted = values if excluded is None else values[~excluded]
    if not counted.size or counted.min() == counted.max():
        return np.zeros(values.shape, dtype=np.float32), ()
    remarks: tuple[str, ...] = ()
    if rule == "extremes":
        low, high = float(counted.min()) / 2, float(counted.max()) / 2
    else:
        levels, counts = _histogram(counted)
        low, high = ends_of(levels, counts)
        outside = float(counts[(levels < low) | (levels > high)].sum()) / counted.size
        if outside:
            remarks = (FEW_OUTSIDE if outside <= _FEW else AREA_OUTSIDE,)
    return _between(values, low, high), remarks


def ends_of(halves: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float]:
    """What becomes black and what becomes white by the rule `exposed`.

    Args:
        halves: the values that occur, halved, ascending; at least two.
        counts: how often each occurs.

    Returns:
        Two of the values, halved.
    """
    pixels = int(counts.sum())
    weights = np.minimum(counts, _MOST_ONE_VALUE * pixels)
    low = high = middle = 0.0
    for _ in range(3):  # bins need the middle, and the middle the bins: the second one settles
        below = np.cumsum(weights)
        tail = min(_TAIL * pixels, below[-1] / 4)
        black = float(halves[np.searchsorted(below, tail)])
        white = float(halves[min(np.searchsorted(below, below[-1] - tail), len(halves) - 1)])
        if 0 < middle < white - black:  # smaller bins, of which a border fills more, would let it in again
            break
        low, high, middle = black, white, white - black
        if middle <= 0:  # next to all of the film is one value: there is nothing else to go by
            return float(halves[0]), float(halves[-1])
        weights = _weigh(halves, counts, low, middle, _MOST_ONE_VALUE * pixels)
    inside = halves[(halves >= low) & (halves <= high)]
    gap = max(_GAP * middle, _LEVELS_IN_GAP * float(np.median(np.diff(inside))))
    most = _IN_GAP * pixels
    upper, lower = halves >= high, halves <= low
    white = _end(halves[upper], weights[upper], gap, most, _FARTHEST * middle)
    black = -_end(-halves[lower][::-1], weights[lower][::-1], gap, most, _FARTHEST * middle)
    return black, white


def _end(
    halves: NDArray[np.float64], weights: NDArray[np.float64], gap: float, most: float, farthest: float
) -> float:
    """The last of ascending values, which begin with an end of the middle, that belongs to what was exposed."""
    with np.errstate(over="ignore"):  # beyond the largest float lies nothing
        beyond = halves + gap
    through = np.cumsum(weights)
    in_gap = through[np.searchsorted(halves, beyond, side="right") - 1] - through
    ends = (in_gap <= most) & (halves[-1] > beyond)
    last = halves[np.argmax(ends)] if ends.any() else halves[-1]
    return float(min(last, halves[halves <= halves[0] + farthest][-1]))


def _weigh(
    halves: NDArray[np.float64], counts: NDArray[np.int64], low: float, middle: float, most: float
) -> NDArray[np.float64]:
    """The counts, lowered so that no hundredth of the middle, nor as wide a bin beside it, holds more than `most`."""
    with np.errstate(over="ignore"):  # the largest floats lie in a bin of their own
        bins = np.floor(np.clip((halves - low) * _BINS / middle, -1e9, 1e9))
    number = np.cumsum(np.append(False, bins[1:] != bins[:-1]))
    total = np.bincount(number, weights=counts)
    weights: NDArray[np.float64] = counts * np.minimum(1, most / total)[number]
    return weights


def _histogram(values: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The values that occur, ascending and halved (so that a difference of the largest floats is finite), and counts.

    In pieces, so that it takes no memory beside the film. Whole numbers within a range that films have are counted,
    which is many times faster than sorting. Of more than a million values neighbours are counted as one.
    """
    flat = values.ravel()
    pieces = [flat[start : start + _PIECE] for start in range(0, flat.size, _PIECE)]
    low, high = float(flat.min()), float(flat.max())
    if high - low < _MOST_COUNTED and (
        flat.dtype.kind in "ui" or all((each == np.rint(each)).all() for each in pieces)
    ):
        first = flat.min() if flat.dtype.kind == "u" else int(flat.min())
        counts = np.zeros(int(high - low) + 1, dtype=np.int64)
        for piece in pieces:
            offsets = piece - first if flat.dtype.kind == "u" else piece.astype(np.int64) - first
            counts += np.bincount(offsets.astype(np.int64), minlength=len(counts))
        occurring = np.flatnonzero(counts)
        return (occurring + low) / 2, counts[occurring]
    levels, counts = np.unique(pieces[0], return_counts=True)
    for piece in pieces[1:]:
        more, again = np.unique(piece, return_counts=True)
        levels, place = np.unique(np.concatenate([levels, more]), return_inverse=True)
        counts = np.bincount(place, weights=np.concatenate([counts, again])).astype(np.int64)
        if len(levels) > _PIECE:
            starts = np.append(np.arange(0, len(levels) - 1, 2), len(levels) - 1)  # the extremes stay
            levels, counts = levels[starts], np.add.reduceat(counts, starts)
    return levels.astype(np.float64) / 2, counts


def _between(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.float32]:
    """Stretch twice `low` to 0 and twice `high` to 1."""
    dtype: type[np.floating] = np.float32 if values.dtype == np.float32 else np.float64
    grey: NDArray[np.floating] = values.astype(dtype)
    with np.errstate(over="ignore"):  # what is that far outside is clipped
        np.divide(grey, dtype(2), out=grey)
        np.subtract(grey, dtype(low), out=grey)
        np.divide(grey, dtype(high) - dtype(low), out=grey)
    return np.clip(grey, dtype(0), dtype(1), out=grey).astype(np.float32, copy=False)
