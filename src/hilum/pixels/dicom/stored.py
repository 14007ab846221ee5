"""Stored values out of the cells that hold them (PS3.5, 8.1.1): the bits below, beside and above them left out.

A cell has Bits Allocated bits; the value is the Bits Stored bits up to High Bit. Whatever decoder gave the cells, the
other bits may hold overlays (retired, but in archives) or rubbish.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.integer]


def stored_values(cells: Cells, bits: int, high_bit: int, signed: bool, remarks: list[str]) -> Cells:
    """Take the values out of their cells.

    Args:
        cells: integers, (height, width), as a decoder gave them.
        bits: Bits Stored.
        high_bit: the place of a value's highest bit in its cell, from 0.
        signed: whether the values are two's complement.
        remarks: gets what is unusual.

    Returns:
        The values in a type of the cells' width, signed or unsigned as they are.

    >>> stored_values(np.array([[0xF123, 0x0800]], np.uint16), 12, 11, True, []).tolist()
    [[291, -2048]]
    """
    width = 8 * cells.dtype.itemsize
    whole = cells.view(f"u{cells.dtype.itemsize}")
    shift = high_bit + 1 - bits
    if shift and _fits_below(whole, bits, shift, signed):
        remarks.append(f"its header puts the highest bit at {high_bit}, its values lie up to bit {bits - 1}")
        shift = 0
    shifted = whole >> shift if shift else whole
    masked = _lowest(shifted, bits, signed)
    if shift + bits == width:
        return masked
    above = shifted >> bits
    if not above.any() or (signed and not shift and np.array_equal(masked, shifted.view(masked.dtype))):
        return masked
    for reading in (shifted, shifted.view(f"i{cells.dtype.itemsize}")):
        if _continues(masked, reading, above):
            remarks.append(f"its values need more bits than the {bits} that its header says; all of them were read")
            return reading
    remarks.append("the bits above those stored were not empty (an overlay, perhaps) and were left out")
    return masked


def goes_on_below(cells: Cells, bits: int) -> bool:
    """Whether values of so many bits go on from 0 downwards (two's complement) and not through half of their range.

    Of neighbours, of which only one has the highest bit, most lie on either side of the one or of the other.
    """
    half = 1 << (bits - 1)
    above = cells >= half
    below = through = 0
    for axis in (0, 1):
        a, b = (tuple(slice(k, k - 1 or None) if n == axis else slice(None) for n in (0, 1)) for k in (0, 1))
        differ = above[a] != above[b]
        apart = np.abs(cells[a][differ].astype(np.int64) - cells[b][differ])
        below += int((apart > half).sum())
        through += int((apart < half).sum())
    return below >= through


def _lowest(values: Cells, bits: int, signed: bool) -> Cells:
    """The lowest bits of unsigned integers, as a number with or without a sign."""
    size = values.dtype.itemsize
    unused = 8 * size - bits
    if signed:
        return (values << unused).view(f"i{size}") >> unused
    return values & values.dtype.type((1 << bits) - 1) if unused else values


def _fits_below(whole: Cells, bits: int, shift: int, signed: bool) -> bool:
    """Whether values said to lie higher in their cells lie at the bottom: none reaches above, all bits are used."""
    if signed:
        low = _lowest(whole, bits, True)
        below = np.array_equal(low, whole.view(low.dtype)) or not (whole >> bits).any()
    else:
        below = not (whole >> bits).any()
    return bool(below and (whole & whole.dtype.type((1 << shift) - 1)).any())


def _continues(masked: Cells, whole: Cells, above: Cells) -> bool:
    """Whether the bits above belong to the values.

    An overlay or rubbish lies on values that go on as if it were not there, so that neighbours on which it differs
    are nearer without it. A value that is longer than its header says starts again from 0 without its upper bits:
    neighbours are nearer with them, or, where a film is coarse, what is left looks like noise.
    """
    nearer = farther = 0
    for axis in (0, 1):
        a, b = (tuple(slice(k, k - 1 or None) if n == axis else slice(None) for n in (0, 1)) for k in (0, 1))
        differ = above[a] != above[b]
        without = np.abs(masked[a][differ].astype(np.int64) - masked[b][differ])
        with_them = np.abs(whole[a][differ].astype(np.int64) - whole[b][differ])
        nearer += int((with_them < without).sum())
        farther += int((with_them > without).sum())
    if nearer > farther:
        return True
    picture, rest = _coherence(whole), _coherence(masked)
    return (rest < 0.15 and picture > 0.5) or (picture > rest + 0.3 and 4 * nearer > nearer + farther)


def _coherence(values: Cells) -> float:
    """How much nearer neighbours are than pixels at random: 0 for noise, near 1 for a smooth picture."""
    numbers = values[:: max(len(values) // 256, 1)].astype(np.float64)
    neighbours = float(np.abs(np.diff(numbers, axis=1)).mean())
    anywhere = float(
        np.abs(numbers - np.random.default_rng(0).permutation(numbers.ravel()).reshape(numbers.shape)).mean()
    )
    return 1 - neighbours / anywhere if anywhere else 0.0
