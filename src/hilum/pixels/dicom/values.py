"""A radiograph's stored values and windows, before any window is applied: what a viewer needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.bounds import DICOM, room_for
from hilum.pixels.dicom.elements import ElementError, first_number, text
from hilum.pixels.dicom.header import read_header
from hilum.pixels.dicom.parse import parse
from hilum.pixels.dicom.pixels import stored_pixels
from hilum.pixels.dicom.window import Window, windows_of


class FilmValues(NamedTuple):
    """A radiograph before it is windowed.

    Attributes:
        stored: (height, width), the stored values.
        slope: from stored values to the modality's units (PS3.3 C.11.1).
        intercept: likewise.
        windows: that the film brings, in the modality's units, those that can be applied.
        inverted: whether low values are white: MONOCHROME1, or a presentation LUT shape INVERSE.
    """

    stored: NDArray[np.integer]
    slope: float
    intercept: float
    windows: tuple[Window, ...]
    inverted: bool


def dicom_values(path: str, data: bytes) -> FilmValues | None:
    """Read a DICOM's stored values; None where a table (Modality LUT) makes its units, so that none is linear.

    Args:
        path: the film, as the user named it.
        data: its bytes.

    Raises:
        FilmError: what `read_dicom` refuses of header and pixels.
    """
    remarks: list[str] = []
    try:
        parsed = parse(path, data, remarks)
        ds = parsed.ds
        header = read_header(path, ds, remarks)
        height, width = header.shape
        with room_for(path, DICOM * height * width * header.samples, f"{width}×{height} pixels"):
            stored = stored_pixels(path, ds, parsed.syntax, header, parsed.little_endian, remarks)
        if ds.get("ModalityLUTSequence"):
            return None
        slope = first_number(ds, "RescaleSlope").value or 1.0
        intercept = first_number(ds, "RescaleIntercept").value or 0.0
        windows = tuple(windows_of(ds, abs(slope), remarks))
        inverted = header.meaning == "MONOCHROME1" or text(ds, "PresentationLUTShape") == "INVERSE"
    except (FilmError, MemoryError):
        raise
    except ElementError as error:
        raise FilmError(path, f"{error}; correct it, or export the film again") from None
    except Exception:  # pydicom's parser on bytes from anywhere: what it may raise is not bounded
        raise FilmError(path, "a DICOM that is cut off or damaged; fetch it again from its source") from None
    return FilmValues(stored, slope, intercept, windows, inverted)
