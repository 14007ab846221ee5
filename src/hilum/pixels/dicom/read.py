"""DICOM radiographs and CT slices as grey: stored values → modality LUT → VOI → polarity (PS3.3 C.11, PS3.4 N.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.bounds import DICOM, room_for
from hilum.pixels.dicom.elements import ElementError, first_number, text
from hilum.pixels.dicom.film_header import film_header
from hilum.pixels.dicom.header import PixelHeader, read_header
from hilum.pixels.dicom.kind import modality_of
from hilum.pixels.dicom.parse import Parsed, parse
from hilum.pixels.dicom.pixels import stored_pixels
from hilum.pixels.dicom.presentation import LUNG_WINDOW, modality_values, presented, through_window
from hilum.pixels.pictures import Decoded
from hilum.recipe import GreyScale

if TYPE_CHECKING:
    from pydicom import Dataset

_NO_FILM = (
    "a DICOM data set without the file header of PS3.10; Hilum reads such a file if it holds a whole film, and this "
    "one does not: fetch it again from its source, or remove it"
)


def read_dicom(
    path: str, data: bytes, window: tuple[float, float] | None, grey_scale: GreyScale = "exposed"
) -> Decoded:
    """Decode one radiograph or CT slice at its full size; brighter is denser.

    The window is `window`; else, for CT, the lung window on Hounsfield units; else the VOI LUT or the
    first window stored that can be applied; else what was exposed sets the scale (`hilum.pixels.scale`), without the
    padding. `window` and the lung window are linear over centre ± width/2 (LINEAR_EXACT). Pixel padding (PS3.3
    C.7.5.1.1.2) comes out black.
    What the file breaks of the standard, and how it was read, is in the remarks.

    Raises:
        FilmError: not a single grey radiograph or CT slice for presentation, no or unsupported pixel data, an
            element that cannot be read, a damaged file, the same stored value everywhere, or a `window` in which
            nothing lies. Nothing else is raised but MemoryError.
    """
    try:
        return _read(path, data, window, grey_scale)
    except (FilmError, MemoryError):
        raise
    except RecursionError:
        raise FilmError(path, "a DICOM whose sequences lie too deep in one another; export it again") from None
    except ElementError as error:
        raise FilmError(path, f"{error}; correct it, or export the film again") from None
    except Exception:  # pydicom's parser on bytes from anywhere: what it may raise is not bounded
        if data[128:132] != b"DICM":
            raise FilmError(path, _NO_FILM) from None
        raise FilmError(path, "a DICOM that is cut off or damaged; fetch it again from its source") from None


def _read(path: str, data: bytes, window: tuple[float, float] | None, grey_scale: GreyScale) -> Decoded:
    remarks: list[str] = []
    parsed = parse(path, data, remarks)
    ds = parsed.ds
    if data[128:132] != b"DICM" and "PixelData" not in ds:
        raise FilmError(path, _NO_FILM)
    modality = modality_of(path, ds, parsed.sop_class, remarks)
    header = read_header(path, ds, remarks)
    height, width = header.shape
    with room_for(path, DICOM * height * width * header.samples, f"{width}×{height} pixels"):
        grey = _grey(path, parsed, modality, header, window, grey_scale, remarks)
    return Decoded(grey, grey.shape, remarks=tuple(dict.fromkeys(remarks)), header=film_header(ds))


def _grey(
    path: str,
    parsed: Parsed,
    modality: str,
    header: PixelHeader,
    window: tuple[float, float] | None,
    grey_scale: GreyScale,
    remarks: list[str],
) -> NDArray[np.float32]:
    """The pixels decoded, and shown as the film or `window` says."""
    ds, little_endian = parsed.ds, parsed.little_endian
    stored = stored_pixels(path, ds, parsed.syntax, header, little_endian, remarks)
    if stored.min() == stored.max():
        raise FilmError(path, "every pixel has the same value: an empty exposure or a failed export; remove it")
    padding = _padding(ds, stored, header.bits, remarks)
    values, in_units = modality_values(path, ds, stored, little_endian, remarks)
    if window is not None and not in_units:
        raise FilmError(
            path, "its values have no units, in which the window of the recipe is written; leave pixels.window out"
        )
    if window is not None:
        grey = through_window(path, values, window, "the window of the recipe")
    elif modality == "CT":
        if not (in_units and _has_units(ds)):
            raise FilmError(
                path, "a CT slice without rescale slope and intercept has no Hounsfield units; export it again"
            )
        grey = through_window(path, values, LUNG_WINDOW, "the lung window")
    else:
        grey = presented(ds, values, in_units, padding, little_endian, grey_scale, remarks)
    # In a conforming file MONOCHROME1 and INVERSE come together and mean one inversion (PS3.3 C.8.11.3.1.2).
    if header.meaning == "MONOCHROME1" or text(ds, "PresentationLUTShape") == "INVERSE":
        grey = np.float32(1) - grey
    if padding is not None:
        grey[padding] = 0
    return grey


def _has_units(ds: Dataset) -> bool:
    return bool(ds.get("ModalityLUTSequence")) or all(
        first_number(ds, keyword).value is not None for keyword in ("RescaleSlope", "RescaleIntercept")
    )


def _padding(ds: Dataset, stored: NDArray[np.integer], bits: int, remarks: list[str]) -> NDArray[np.bool_] | None:
    """The pixels that no X-ray reached: Pixel Padding Value, or the range to its limit (PS3.3 C.7.5.1.1.2)."""
    ends = [first_number(ds, keyword).value for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if ends[0] is None:
        return None
    known = [_as_stored(int(end), stored.dtype, bits) for end in ends if end is not None]
    inside: NDArray[np.bool_] = (stored >= min(known)) & (stored <= max(known))
    if inside.all() or (stored[~inside].min() == stored[~inside].max()):
        remarks.append("its padding would cover every pixel and was ignored")
        return None
    return inside


def _as_stored(end: int, dtype: np.dtype[np.integer], bits: int) -> int:
    """A padding value as the pixels have it: some note a negative one without its sign, or in all of a cell."""
    limits = np.iinfo(dtype)
    if limits.min <= end <= limits.max:
        return end
    low = end & ((1 << bits) - 1)
    return low - (1 << bits) if dtype.kind == "i" and low >> (bits - 1) else low
