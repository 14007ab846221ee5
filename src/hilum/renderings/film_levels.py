"""A film's pixels at their full depth, with the windows that it brings, for a viewer that applies windows itself.

`hilum.pixels.decode` gives what a film looks like through one window, which is all that a detector sees. A reader
moves the window, and two values that differ by 1 of 4,096 have to differ on the screen where the window is narrow.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.files import read_regular
from hilum.pixels.bounds import MAX_FILE_BYTES
from hilum.pixels.decode import decode_scaled, without_warnings
from hilum.pixels.dicom.values import FilmValues, dicom_values
from hilum.pixels.dicom.window import Window
from hilum.pixels.formats import name_of_format
from hilum.renderings.windowed import FilmLevels, FilmWindow, windowed

_DEEPEST = 65535
_WHITE = 255  # of pictures of 8 bits
_NARROWEST = 1e-3  # levels: what lies on either side of a threshold is black and white
_MOST_WINDOWS = 4  # that a viewer has keys for


def read_levels(path: str) -> FilmLevels:
    """Read a film of any format that `decode` reads.

    A DICOM gives its stored values, a grey PNG or TIFF of 16 bits its own. What has no such values, or becomes grey
    by a table (Modality LUT), is given as `decode` shows it: in 8 bits where it has no more, else in 16.

    Args:
        path: the film.

    Raises:
        FilmError: as `hilum.pixels.decode`.
    """
    decoded = decode_scaled(path, None, "", None)
    grey, spacing = decoded.grey, decoded.header.spacing
    with without_warnings():
        own = _own_levels(path)
    if own is None or own.levels.shape != grey.shape:
        return replace(_decoded_levels(grey), spacing=spacing)
    shown = _shown(own, grey)
    windows = tuple(dict.fromkeys((shown, *own.windows)))[:_MOST_WINDOWS]
    return FilmLevels(own.levels, windows, own.inverted, own.slope, own.intercept, spacing)


def _own_levels(path: str) -> FilmLevels | None:
    try:
        data = read_regular(path, MAX_FILE_BYTES)
    except (OSError, ValueError):
        return None  # a member of an archive
    kind = name_of_format(data[:1024])
    if kind == "DICOM" or kind.startswith("a DICOM data set"):
        try:
            values = dicom_values(path, data)
        except FilmError:
            return None
        return None if values is None else _of_dicom(values)
    return _of_picture(data) if kind in ("PNG", "TIFF") else None


def _of_dicom(values: FilmValues) -> FilmLevels | None:
    """Stored values moved to start at 0 where some are negative; windows in levels."""
    stored, slope, intercept = values.stored.astype(np.int64), values.slope, values.intercept
    least = min(0, int(stored.min()))
    if int(stored.max()) - least > _DEEPEST or slope <= 0:
        return None
    intercept += slope * least
    windows = tuple(_in_levels(each, slope, intercept) for each in values.windows)
    return FilmLevels((stored - least).astype(np.uint16), windows, values.inverted, slope, intercept)


def _in_levels(window: Window, slope: float, intercept: float) -> FilmWindow:
    """A window in levels; LINEAR's half unit and unit (PS3.3 C.11.2.1.2.1) are the modality's, not a level's."""
    centre, width, function = window.centre, window.width, window.function
    if function == "LINEAR" and slope != 1:
        centre, width, function = centre - 0.5, max(width - 1, _NARROWEST * slope), "LINEAR_EXACT"
    return FilmWindow((centre - intercept) / slope, width / slope, function)


def _of_picture(data: bytes) -> FilmLevels | None:
    """The values of a grey picture of 16 bits."""
    import cv2

    values = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 2:
        return None
    return FilmLevels(np.asarray(values, dtype=np.uint16), ())


def _decoded_levels(grey: NDArray[np.float32]) -> FilmLevels:
    shallow = np.rint(grey * _WHITE)
    white = _WHITE if np.allclose(shallow / _WHITE, grey, atol=1e-6) else _DEEPEST
    levels = np.rint(grey * white).astype(np.uint16)
    return FilmLevels(levels, (FilmWindow(white / 2, white, "LINEAR_EXACT"),), slope=1 / white)


def _shown(own: FilmLevels, grey: NDArray[np.float32]) -> FilmWindow:
    """The film's own first window if that is what `decode` shows, else the line through what it shows as grey."""
    for window in own.windows:
        if np.abs(windowed(own, window) / np.float32(_WHITE) - grey).max() <= 1 / _WHITE:
            return window
    between = (grey > 0.002) & (grey < 0.998)
    if not between.any():
        low, high = float(own.levels.min()), float(own.levels.max())
    else:
        levels, shown = own.levels[between].astype(np.float64), grey[between].astype(np.float64)
        low, high = (float(pick(levels)) for pick in (np.min, np.max))
        first, last = (float(shown[levels == end].mean()) for end in (low, high))
        if high > low and abs(last - first) > 0:
            steps = (high - low) / abs(last - first)  # levels from black to white
            low -= steps * (1 - first if own.inverted else first)
            high = low + steps
    width = max(1.0, high - low)
    return FilmWindow((low + high) / 2, width, "LINEAR_EXACT")
