"""Levels through a window, as 8 bits for a screen (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.errors import RequestError
from hilum.pixels.dicom.window import apply_window


@dataclass(frozen=True, slots=True)
class FilmWindow:
    """A window of DICOM (PS3.3 C.11.2.1.2), in levels.

    Attributes:
        centre: in levels.
        width: in levels.
        function: `LINEAR`, `LINEAR_EXACT` or `SIGMOID`.
    """

    centre: float
    width: float
    function: str = "LINEAR"

    @property
    def linear(self) -> tuple[float, float]:
        """Centre and width for a viewer that knows only `LINEAR` (PS3.3 C.11.2.1.2.1).

        `LINEAR_EXACT` is the same line under other numbers. Of `SIGMOID` it is the line through its middle.

        >>> FilmWindow(127.5, 255, "LINEAR_EXACT").linear
        (128.0, 256)
        """
        return (self.centre, self.width) if self.function == "LINEAR" else (self.centre + 0.5, self.width + 1)


@dataclass(frozen=True, slots=True)
class FilmLevels:
    """A film at its full depth.

    Attributes:
        levels: (height, width) uint16; stored values, from 0 on.
        windows: at least one, in levels. The first is about what `hilum.pixels.decode` shows, the others are those
            that the film brings.
        inverted: whether low levels are white (MONOCHROME1).
        slope: from levels to the modality's units: `levels × slope + intercept`.
        intercept: likewise.
        spacing: as in `hilum.pixels.FilmHeader`.
    """

    levels: NDArray[np.uint16]
    windows: tuple[FilmWindow, ...]
    inverted: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    spacing: float = 0.0


def windowed(film: FilmLevels, window: FilmWindow | None = None, *, invert: bool = False) -> NDArray[np.uint8]:
    """What a film looks like through a window; MONOCHROME1 comes out as everything else, dense parts white.

    A table of all levels is made first, so that a film of any size takes one look-up.

    Args:
        film: the film.
        window: in levels; None takes the film's first.
        invert: whether black and white are exchanged, for a reader who asks for it.

    Returns:
        (height, width) uint8.

    Raises:
        RequestError: the window's width is not above 0, or below 1 for `LINEAR`.
    """
    chosen = window or film.windows[0]
    least = int(film.levels.min())
    every = np.arange(least, int(film.levels.max()) + 1, dtype=np.float32)
    try:
        grey = apply_window(every, chosen.centre, chosen.width, chosen.function)
    except ValueError:
        raise RequestError(
            f"window: {chosen.function} of width {chosen.width:g}; a width is above 0, for LINEAR at least 1"
        ) from None
    if film.inverted != invert:
        grey = np.float32(1) - grey
    table = np.rint(grey * 255).astype(np.uint8)
    return np.asarray(table[film.levels - least], dtype=np.uint8)
