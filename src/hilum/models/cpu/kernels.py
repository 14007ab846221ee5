"""Compiled loops over maps in memory, where a chain of tensor operations would read and write every value again.

Maps lie channels last: (n, h, w, c). bfloat16 comes as its bits in uint16 (numpy has no such type), is widened to
float32 for all arithmetic and rounded to the nearest, ties to even, where it is stored. Each runs over films `start`
to `end` (`threads.each_film`); sums are kept for each film, so that nothing depends on how many threads there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import types
from numba.extending import overload
from torch import Tensor

from hilum.models.cpu.compiled import inlined, kernel

# A mixer of 32-bit words in two rounds; the second key is used in between, so that films' masks are not
# shifted copies of one another. Constants: Wellons, "Prospecting for hash functions", 2018 (lowbias32, revised).
FIRST, SECOND = 0x21F0AAAD, 0xD35A2D97
_FIRST, _SECOND = np.uint32(FIRST), np.uint32(SECOND)
_15, _16, _ONE, _HALF = np.uint32(15), np.uint32(16), np.uint32(1), np.uint32(0x7FFF)
_ZERO = np.float32(0)


def bits(maps: Tensor) -> Any:
    """View a dense tensor as an array that kernels take, without a copy; maps are channels last."""
    values = maps.detach()
    values = values.permute(0, 2, 3, 1) if values.ndim == 4 else values
    return (values.view(torch.uint16) if values.dtype == torch.bfloat16 else values).numpy()


def _widen(value: Any) -> Any:  # overloaded below, by the type of its argument
    raise NotImplementedError


def _narrow(maps: Any, value: Any) -> Any:
    raise NotImplementedError


@overload(_widen, inline="always")
def _widen_(value: Any) -> Any:
    if value is types.uint16:

        def widened(value: Any) -> Any:
            return np.uint32(np.uint32(value) << _16).view(np.float32)

        return widened

    def same(value: Any) -> Any:
        return value

    return same


@overload(_narrow, inline="always")
def _narrow_(maps: Any, value: Any) -> Any:
    if maps.dtype is types.uint16:

        def rounded(maps: Any, value: Any) -> Any:
            word = np.float32(value).view(np.uint32)
            return np.uint16((word + _HALF + ((word >> _16) & _ONE)) >> _16)

        return rounded

    def whole(maps: Any, value: Any) -> Any:
        return value

    return whole


@inlined
def _rectify(value: Any) -> Any:
    """ReLU; NaN stays NaN, so that training notices it."""
    return _ZERO if value < _ZERO else value


@inlined
def _draw(number: Any, first: Any, second: Any) -> Any:
    """A uniform draw of 32 bits for the index of a value in its film, under the film's two keys."""
    word = np.uint32(np.uint32(number) + first)  # numba would add in 64 bits
    word = np.uint32(np.uint32(word ^ np.uint32(word >> _16)) * _FIRST)
    word = np.uint32(np.uint32(word ^ np.uint32(word >> _15) ^ second) * _SECOND)
    return np.uint32(word ^ np.uint32(word >> _15))


@kernel()
def draw_kept(start: int, end: int, keys: Any, dropped: Any, kept: Any) -> None:
    """Dropout's mask: `kept` (n, values) uint8 becomes 1 where the draw is `dropped` or more."""
    for film in range(start, end):
        first, second = keys[film, 0], keys[film, 1]
        for number in range(kept.shape[1]):
            kept[film, number] = _draw(number, first, second) >= dropped


@kernel(error_model="numpy", fastmath={"nsz", "contract"})
def pool_activated(
    start: int,
    end: int,
    maps: Any,
    signs: Any,
    keys: Any,
    dropped: Any,
    scale: Any,
    pooled: Any,
    codes: Any,
    sums: Any,
) -> None:
    """ReLU, dropout, 2×2 max pool, and each film's sums for a batch norm, in one pass.

    Args:
        start: the first film.
        end: one past the last film.
        maps: (n, h, w, c), h and w even.
        signs: (c,) float32, 1, or -1 where the smallest value is taken, because the batch norm's weight is negative.
        keys: (n, 2) uint32, the keys of each film.
        dropped: uint32, the probability of dropping a value times 2³²; 0 drops nothing.
        scale: float32, the factor of the values that are kept.
        pooled: output, (n, h/2, w/2, c), the pooled value of each window.
        codes: output, (n, h/2, w/2, c) uint8: the position of the pooled value (0 to 3, row by row; the first of
            equal ones) in two bits, and in the next four which values of the window were kept.
        sums: output, (n, 2, c) float64, the sums of the values and of their squares.
    """
    _, height, width, channels = maps.shape
    for film in range(start, end):
        first, second = keys[film, 0], keys[film, 1]
        sums[film] = 0
        for row in range(height // 2):
            line = np.zeros(channels, np.float32)
            squares = np.zeros(channels, np.float32)
            for column in range(width // 2):
                number = (2 * row * width + 2 * column) * channels
                for channel in range(channels):
                    a = _rectify(_widen(maps[film, 2 * row, 2 * column, channel]))
                    b = _rectify(_widen(maps[film, 2 * row, 2 * column + 1, channel]))
                    c = _rectify(_widen(maps[film, 2 * row + 1, 2 * column, channel]))
                    d = _rectify(_widen(maps[film, 2 * row + 1, 2 * column + 1, channel]))
                    places = np.uint32(0)
                    if dropped:
                        one = _draw(number + channel, first, second) >= dropped
                        two = _draw(number + channels + channel, first, second) >= dropped
                        three = _draw(number + width * channels + channel, first, second) >= dropped
                        four = _draw(number + (width + 1) * channels + channel, first, second) >= dropped
                        a = a * scale if one else _ZERO
                        b = b * scale if two else _ZERO
                        c = c * scale if three else _ZERO
                        d = d * scale if four else _ZERO
                        places = np.uint32(4 * one + 8 * two + 16 * three + 32 * four)
                    line[channel] += (a + b) + (c + d)
                    squares[channel] += (a * a + b * b) + (c * c + d * d)
                    sign = signs[channel]
                    best, place = a * sign, np.uint32(0)
                    if b * sign > best:
                        best, place = b * sign, np.uint32(1)
                    if c * sign > best:
                        best, place = c * sign, np.uint32(2)
                    if d * sign > best:
                        best, place = d * sign, np.uint32(3)
                    pooled[film, row, column, channel] = _narrow(pooled, best * sign)
                    codes[film, row, column, channel] = np.uint8(places + place)
            sums[film, 0] += line
            sums[film, 1] += squares


@kernel(error_model="numpy", fastmath={"nsz", "contract"})
def unpool_gradient(
    start: int,
    end: int,
    maps: Any,
    gradients: Any,
    codes: Any,
    factors: Any,
    slopes: Any,
    shifts: Any,
    dropped: Any,
    scale: Any,
    into: Any,
) -> None:
    """The gradient of the input of `pool_activated`, in one pass.

    At each place it is `slopes · value + shifts` (what the batch norm's mean and variance pass back), with
    `factors · gradient` added where the window's value was taken from, and nothing where ReLU or dropout gave zero.

    Args:
        start: the first film.
        end: one past the last film.
        maps: (n, h, w, c), the input of `pool_activated`.
        gradients: (n, h/2, w/2, c), the gradient of the normalised pooled maps.
        codes: the output of `pool_activated`.
        factors: (c,) float32.
        slopes: (c,) float32.
        shifts: (c,) float32.
        dropped: as for `pool_activated`.
        scale: as for `pool_activated`.
        into: output, (n, h, w, c), the gradient of `maps`.
    """
    _, height, width, channels = maps.shape
    # Copies, so that the compiler knows that no write changes what is read.
    factors, slopes, shifts = factors.copy(), slopes * scale, shifts.copy()
    of_window = np.empty((4, channels), into.dtype)
    for film in range(start, end):
        for row in range(height // 2):
            for column in range(width // 2):
                for channel in range(channels):
                    place = np.uint32(codes[film, row, column, channel])
                    taken = place & np.uint32(3)
                    passed = _widen(gradients[film, row, column, channel]) * factors[channel]
                    slope, shift = slopes[channel], shifts[channel]
                    a, b = (
                        _widen(maps[film, 2 * row, 2 * column, channel]),
                        _widen(maps[film, 2 * row, 2 * column + 1, channel]),
                    )
                    c, d = (
                        _widen(maps[film, 2 * row + 1, 2 * column, channel]),
                        _widen(maps[film, 2 * row + 1, 2 * column + 1, channel]),
                    )
                    of_a = slope * a + shift + (passed if taken == 0 else _ZERO)
                    of_b = slope * b + shift + (passed if taken == 1 else _ZERO)
                    of_c = slope * c + shift + (passed if taken == 2 else _ZERO)
                    of_d = slope * d + shift + (passed if taken == 3 else _ZERO)
                    if dropped:
                        of_a = of_a * scale if place & np.uint32(4) else _ZERO
                        of_b = of_b * scale if place & np.uint32(8) else _ZERO
                        of_c = of_c * scale if place & np.uint32(16) else _ZERO
                        of_d = of_d * scale if place & np.uint32(32) else _ZERO
                    of_a, of_b = of_a if a > 0 else _ZERO, of_b if b > 0 else _ZERO
                    of_c, of_d = of_c if c > 0 else _ZERO, of_d if d > 0 else _ZERO
                    of_window[0, channel] = _narrow(into, of_a)
                    of_window[1, channel] = _narrow(into, of_b)
                    of_window[2, channel] = _narrow(into, of_c)
                    of_window[3, channel] = _narrow(into, of_d)
                for channel in range(channels):
                    into[film, 2 * row, 2 * column, channel] = of_window[0, channel]
                    into[film, 2 * row, 2 * column + 1, channel] = of_window[1, channel]
                    into[film, 2 * row + 1, 2 * column, channel] = of_window[2, channel]
                    into[film, 2 * row + 1, 2 * column + 1, channel] = of_window[3, channel]
