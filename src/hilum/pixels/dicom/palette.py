"""Palettes (PS3.3 C.7.6.3.1.5) that hold grey alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.dicom.header import colourful
from hilum.pixels.dicom.table import Table, entries_of, look_up

if TYPE_CHECKING:
    from pydicom import Dataset


def grey_palette(path: str, ds: Dataset, values: NDArray[np.integer], little_endian: bool) -> NDArray[np.integer]:
    """The grey that a palette gives stored values.

    Raises:
        FilmError: the palette is missing, cannot be read, or has colours.
    """
    tables = []
    for colour in ("Red", "Green", "Blue"):
        try:
            described = ds.get(f"{colour}PaletteColorLookupTableDescriptor")
            count, first, bits = (int(number) for number in described)
            entries = entries_of(
                ds.get(f"{colour}PaletteColorLookupTableData"), count % 65536 or 65536, bits, little_endian
            )
        except (TypeError, ValueError):
            raise colourful(path, "PALETTE COLOR") from None
        if entries is None:
            raise colourful(path, "PALETTE COLOR")
        tables.append(Table(entries, first, bits))
    red, *others = tables
    if any(red.first != one.first or not np.array_equal(red.entries, one.entries) for one in others):
        raise colourful(path, "PALETTE COLOR")
    return look_up(values, red).astype(red.entries.dtype)
