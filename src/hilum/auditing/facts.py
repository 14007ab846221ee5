"""Facts of a film that may give its label away without a look at a lung, as numbers in named groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.auditing.header import Header
from hilum.auditing.image_facts import Grey8, at_working_size, borders, grey_levels, letters

# Of the file alone: none depends on what the film shows.
FILE_GROUPS: dict[str, tuple[str, ...]] = {
    "JPEG quantisation": ("quality", "quantisation"),
    "encoding": ("encoding", "bits", "channels", "subsampling", "progressive"),
    "metadata": ("metadata", "density", "maker", "photometric"),
    "size in pixels": ("width", "height"),
    "aspect ratio": ("aspect",),
}
# Of the picture: what the acquisition did to it and, in part, what the film shows. These survive preprocessing.
PICTURE_GROUPS: dict[str, tuple[str, ...]] = {
    "borders": ("border_top", "border_bottom", "border_left", "border_right", "border_level"),
    "letters": ("letters", "letters_area"),
    "grey levels": (
        "grey_mean", "grey_deviation", "grey_p01", "grey_p05", "grey_p25", "grey_p50", "grey_p75", "grey_p95",
        "grey_p99", "black", "white",
    ),
}  # fmt: skip
# A cloudy lung also takes fewer bytes.
GROUPS = {**FILE_GROUPS, "bytes per pixel": ("bytes_per_pixel",), **PICTURE_GROUPS}

Facts = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts that belong together.

    Attributes:
        name: for a person.
        facts: the names of the columns.
        values: (films, columns) float64; NaN if a film does not have it.
    """

    name: str
    facts: tuple[str, ...]
    values: NDArray[np.float64]


def file_facts(header: Header) -> dict[str, float | str]:
    """A header's facts; those that its format does not give are missing."""
    facts: dict[str, float | str | None] = {
        "quality": header.quality,
        "quantisation": header.quantisation,
        "encoding": header.encoding,
        "bits": header.bits,
        "channels": header.channels,
        "subsampling": header.subsampling,
        "progressive": float(header.progressive),
        "metadata": header.metadata,
        "density": header.density,
        "maker": header.maker,
        "photometric": header.photometric,
        "width": header.width,
        "height": header.height,
        "aspect": header.width / header.height if header.height else None,
        "bytes_per_pixel": _ratio(header.file_bytes, header.width * header.height),
    }
    return {name: value for name, value in facts.items() if value is not None}


def picture_facts(grey: Grey8) -> dict[str, float]:
    """The facts of a decoded film, or of a preprocessed square: (height, width) uint8."""
    small = at_working_size(grey)
    return {**borders(small), **letters(small), **grey_levels(grey)}


def grouped(films: Sequence[Facts], groups: Mapping[str, tuple[str, ...]]) -> list[FactGroup]:
    """Arrange facts as columns, without those that are the same for all films and groups that are then empty.

    Words become integers in alphabetical order.
    """
    found = []
    for name, facts in groups.items():
        columns = {fact: _column([film.get(fact, np.nan) for film in films]) for fact in facts}
        varied = {fact: column for fact, column in columns.items() if _varies(column)}
        if varied:
            found.append(FactGroup(name, tuple(varied), np.column_stack(list(varied.values()))))
    return found


def _column(values: list[float | str]) -> NDArray[np.float64]:
    words = sorted({value for value in values if isinstance(value, str)})
    numbers = {word: float(number) for number, word in enumerate(words)}
    return np.array([numbers[value] if isinstance(value, str) else value for value in values], dtype=np.float64)


def _varies(column: NDArray[np.float64]) -> bool:
    known = column[~np.isnan(column)]
    return known.size > 0 and (known.size < column.size or bool(np.ptp(known) > 0))


def _ratio(bytes_: int | None, pixels: int) -> float | None:
    return bytes_ / pixels if bytes_ is not None and pixels else None
