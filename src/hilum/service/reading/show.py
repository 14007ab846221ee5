"""A film's pixels at their full depth, for a viewer that windows them itself."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.files import read_regular
from hilum.pixels import decode
from hilum.pixels.bounds import MAX_FILE_BYTES
from hilum.pixels.formats import name_of_format
from hilum.service.reading.header import read_film_header
from hilum.service.reading.messages import FilmShown

Windows = list[tuple[float, float]]
_MOST_WINDOWS = 4


def show_film(path: str) -> FilmShown:
    """Read a film for a viewer.

    DICOMs and pictures of 16 bits give their own values. Where those lie beyond 16 bits, or become grey by a table,
    the grey of `hilum.pixels.decode` is given in 16 bits instead. The first window is the one that `decode` shows.

    Raises:
        FilmError: as for `hilum.pixels.decode`.
    """
    grey = decode(path)
    data = read_regular(path, MAX_FILE_BYTES)
    own = _of_dicom(path, data) if _is_dicom(data) else _of_deep_picture(data)
    if own is None or own[0].shape != grey.shape:
        shallow = len(np.unique(grey[:: max(1, grey.shape[0] // 64)])) <= 256
        white = 255 if shallow else 65535
        own = np.rint(grey * white).astype(np.uint16), False, [(white / 2 + 0.5, float(white + 1))]
    else:
        values, inverted, windows = own
        own = values, inverted, [_shown_window(values, grey), *windows][:_MOST_WINDOWS]
    values, inverted, windows = own
    height, width = values.shape
    return FilmShown(
        height=height,
        width=width,
        pixels=zlib.compress(values.astype("<u2").tobytes(), 1),
        inverted=inverted,
        windows=tuple(dict.fromkeys(windows)),
        low=int(values.min()),
        high=int(values.max()),
        spacing=read_film_header(path).spacing,
    )


def _is_dicom(data: bytes) -> bool:
    kind = name_of_format(data[:1024])
    return kind == "DICOM" or kind.startswith("a DICOM data set")


def _of_dicom(path: str, data: bytes) -> tuple[NDArray[np.uint16], bool, Windows] | None:
    """Stored values from 0 on, whether low ones are white, and the film's windows in stored values."""
    from hilum.pixels.dicom.elements import ElementError, first_number, text
    from hilum.pixels.dicom.header import read_header
    from hilum.pixels.dicom.parse import parse
    from hilum.pixels.dicom.pixels import stored_pixels
    from hilum.pixels.dicom.window import windows_of

    remarks: list[str] = []
    try:
        parsed = parse(path, data, remarks)
        ds = parsed.ds
        header = read_header(path, ds, remarks)
        stored = stored_pixels(path, ds, parsed.syntax, header, parsed.little_endian, remarks).astype(np.int64)
        if ds.get("ModalityLUTSequence"):
            return None
        slope = first_number(ds, "RescaleSlope").value or 1.0
        intercept = first_number(ds, "RescaleIntercept").value or 0.0
        windows = windows_of(ds, abs(slope), remarks)
    except (FilmError, ElementError, ValueError):
        return None
    least = min(0, int(stored.min()))
    if int(stored.max()) - least > 65535 or slope <= 0:
        return None
    inverted = header.meaning == "MONOCHROME1" or text(ds, "PresentationLUTShape") == "INVERSE"
    centres = [((each.centre - intercept) / slope - least, each.width / slope) for each in windows]
    return (stored - least).astype(np.uint16), inverted, centres


def _of_deep_picture(data: bytes) -> tuple[NDArray[np.uint16], bool, Windows] | None:
    """The values of a grey PNG or TIFF of 16 bits."""
    if name_of_format(data[:1024]) not in ("PNG", "TIFF"):
        return None
    import cv2

    values = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 2:
        return None
    return np.asarray(values, dtype=np.uint16), False, []


def _shown_window(values: NDArray[np.uint16], grey: NDArray[np.float32]) -> tuple[float, float]:
    """The window (LINEAR, PS3.3 C.11.2.1.2.1) that shows the values about as they were decoded."""
    between = values[(grey > 0.002) & (grey < 0.998)]
    low, high = (float(between.min()), float(between.max())) if between.size else (0.0, 1.0)
    return round((low + high) / 2 + 0.5, 1), max(2.0, high - low + 1)
