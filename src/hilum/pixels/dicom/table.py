"""DICOM's lookup tables (PS3.3 C.11.1.1.1, C.11.2.1.1), also those whose descriptor and data disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.dicom.elements import parsed

if TYPE_CHECKING:
    from pydicom import Dataset


class Table(NamedTuple):
    """A Modality or VOI LUT.

    Attributes:
        entries: uint16 or uint8, the output of the first value mapped, of the next one, and so on.
        first: the first value mapped.
        bits: as many as the largest entry needs. What the descriptor says is not relied on, as in other viewers
            (Cornerstone, generateVOILUT): tables of 12 bits that say 16 would show a film nearly black.
        problems: in what descriptor and data disagree, in words.
    """

    entries: NDArray[np.unsignedinteger]
    first: int
    bits: int
    problems: tuple[str, ...] = ()


def read_table(item: Dataset, little_endian: bool, low: float, high: float) -> Table:
    """Read an item of a Modality or VOI LUT Sequence.

    Args:
        item: the item.
        little_endian: the order of bytes in the file's words.
        low: the smallest value that will be looked up.
        high: the largest. The two decide whether a first value was written with the other sign: 63,488 for −2,048.

    Raises:
        ValueError: descriptor or data are missing or cannot be read, or all entries are equal.
    """
    described = _words(item.get("LUTDescriptor"), little_endian)
    if described is None or len(described) < 3:
        raise ValueError("its descriptor does not have three values")
    count, first, bits = (int(number) for number in described[:3])
    count = count % 65536 or 65536  # 65,536 does not fit the 16 bits of the descriptor
    entries = entries_of(item.get("LUTData"), count, bits, little_endian)
    if entries is None or len(entries) < 2 or entries.min() == entries.max():
        raise ValueError("its entries are missing or all the same")
    problems = []
    if len(entries) != count:
        problems.append(f"has {len(entries)} entries, its descriptor says {count}")
    needed = int(entries.max()).bit_length()
    if needed != bits:
        problems.append(f"has entries of {needed} bits, its descriptor says {bits}")
    written = first
    first = max((first, first % 65536, first % 65536 - 65536), key=lambda f: _shared(f, len(entries), low, high))
    if first != written:
        problems.append(f"begins at {written}, which is {first} with the sign of the pixels")
    return Table(entries, first, needed, tuple(problems))


def look_up(values: NDArray[np.integer] | NDArray[np.floating], table: Table) -> NDArray[np.float32]:
    """The entries of values; values below the first one mapped take the first entry, those above the last the last.

    (pydicom's own functions wrap around for tables of 8 bits with more than 256 entries.)
    """
    places = np.clip(np.rint(values).astype(np.int64) - table.first, 0, len(table.entries) - 1)
    return cast(NDArray[np.float32], table.entries.astype(np.float32)[places])


def _shared(first: int, count: int, low: float, high: float) -> float:
    """How many of the values from low to high a table that starts at first maps."""
    return max(min(high, first + count - 1) - max(low, first) + 1, 0)


def _words(value: object, little_endian: bool) -> NDArray[np.int64] | None:
    """Numbers of 16 bits, whichever type the writer gave them."""
    if isinstance(value, bytes):
        return np.frombuffer(value[: len(value) // 2 * 2], dtype="<u2" if little_endian else ">u2").astype(np.int64)
    if value is None:
        return None
    numbers = [parsed(one).value for one in (value if hasattr(value, "__len__") else [value])]  # type: ignore[attr-defined]
    if any(number is None for number in numbers):
        return None
    return np.array(numbers, dtype=np.float64).astype(np.int64)


def entries_of(value: object, count: int, bits: int, little_endian: bool) -> NDArray[np.unsignedinteger] | None:
    """A table's entries: words, or octets, of which two may lie in a word."""
    if isinstance(value, str):
        return None
    numbers = _words(value, little_endian)
    if numbers is None or not len(numbers):
        return None
    words: NDArray[np.unsignedinteger] = numbers.astype(np.uint16)
    octets = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else words.astype("<u2").view(np.uint8)
    if isinstance(value, bytes) and not little_endian and len(value) % 2 == 0:
        octets = words.astype("<u2").view(np.uint8)  # in a word the first of two octets is the lower one
    if count <= len(octets) <= count + 1 and len(octets) < 2 * count:
        octets = octets[:count]
        if bits <= 8 or _roughness(octets) < 2 * _roughness(words):
            return octets
    return words[:count] if len(words) == count + 1 else words


def _roughness(entries: NDArray[np.unsignedinteger]) -> float:
    """By how much neighbours differ, in parts of the whole range: tables go up or down, they do not jump."""
    steps = np.abs(np.diff(entries.astype(np.int64)))
    return float(steps.sum() / max(int(entries.max()) - int(entries.min()), 1))
