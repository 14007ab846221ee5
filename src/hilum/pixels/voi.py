"""DICOM's lookup tables and windows (PS3.3 C.11.1 and C.11.2), on values without a file around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom import Dataset


def apply_table(
    values: NDArray[np.integer] | NDArray[np.float32], item: Dataset, little_endian: bool
) -> tuple[NDArray[np.float32], int]:
    """Look up values in an item of a Modality or VOI LUT Sequence (PS3.3 C.11.1.1.1, C.11.2.1.1).

    Values below the first one mapped take the first entry, values above the last one mapped the last. (pydicom's
    own functions wrap around for tables of 8 bits with more than 256 entries.)

    Returns:
        the entries as float32, and the bits that an entry has.

    Raises:
        ValueError: the descriptor is not of three values, or the table is shorter than it says.
    """
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries or 1 << 16  # 65,536 does not fit the 16 bits of the descriptor
    if not 8 <= bits <= 16:
        raise ValueError(f"a lookup table of {bits} bits")
    data = item.LUTData
    if isinstance(data, bytes):
        packed = len(data) < 2 * entries  # two entries of 8 bits in a word
        table = np.frombuffer(data, dtype="u1" if packed else "<u2" if little_endian else ">u2")
    else:
        table = np.atleast_1d(np.asarray(data, dtype=np.int64))
    if len(table) < entries:
        raise ValueError(f"a lookup table of {len(table)} entries that announces {entries}")
    places = np.clip(np.rint(values).astype(np.int64) - first, 0, entries - 1)
    return cast(NDArray[np.float32], table.astype(np.float32)[places]), bits


def apply_window(values: NDArray[np.float32], centre: float, width: float, function: str) -> NDArray[np.float32]:
    """Map values to 0 to 1, by a function of PS3.3.

    `LINEAR` is C.11.2.1.2.1, `SIGMOID` C.11.2.1.3.1, `LINEAR_EXACT` C.11.2.1.3.2.

    Raises:
        ValueError: an unknown function, or a width below 1 (`LINEAR`) or not above 0 (the others).
    """
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise ValueError(f"its VOI LUT function {function} is none of LINEAR, LINEAR_EXACT and SIGMOID")
    if width < 1 if function == "LINEAR" else width <= 0:
        raise ValueError(f"its window of width {width:g} is not valid for {function}")
    if function == "SIGMOID":
        steepness = np.clip(-4 * (values - np.float32(centre)) / np.float32(width), -80, 80)  # exp stays finite
        return cast(NDArray[np.float32], np.float32(1) / (np.float32(1) + np.exp(steepness)))
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return (values > centre).astype(np.float32)
    return cast(
        NDArray[np.float32], np.clip((values - np.float32(centre)) / np.float32(width) + np.float32(0.5), 0, 1)
    )
