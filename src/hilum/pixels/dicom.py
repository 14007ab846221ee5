"""DICOM radiographs and CT slices as grey: stored values → modality LUT → VOI → polarity (PS3.3 C.11, PS3.4 N.2)."""

from __future__ import annotations

from collections.abc import MutableSequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.formats import MAX_PIXELS, MIN_SIDE, one_line
from hilum.pixels.lossless import decode_apart
from hilum.pixels.pictures import Decoded, between_extremes
from hilum.pixels.voi import apply_table, apply_window

if TYPE_CHECKING:
    from pydicom import Dataset

LUNG_WINDOW = (-600.0, 1500.0)  # centre and width in HU
RADIOGRAPHS = {"CR": "computed", "DX": "digital", "RG": "conventional, scanned", "RF": "fluoroscopic, one frame"}
# Named in the refusal. Secondary captures (OT) may be a letter or a screenshot: the modality
# of a radiograph that was exported as one is still CR or DX.
_OTHERS = {
    "MR": "magnetic resonance", "US": "ultrasound", "MG": "mammography", "PX": "panoramic dental film",
    "IO": "intra-oral film", "XA": "angiography", "NM": "nuclear medicine", "PT": "PET", "OT": "secondary capture",
    "SC": "secondary capture", "SR": "structured report", "PR": "presentation state", "SEG": "segmentation",
    "DOC": "document", "ECG": "electrocardiogram", "KO": "key object selection",
}  # fmt: skip

_PREFIX = "Unable to decode as exceptions were raised by all available plugins:"  # pydicom's, before what is wrong
_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
# pydicom's plugin for each transfer syntax (PS3.5 section 10), rather than whichever answers first: pydicom would ask
# GDCM, which aborts the whole process on some damaged films.
_DECODERS = {
    "1.2.840.10008.1.2": "",  # little-endian, implicit
    "1.2.840.10008.1.2.1": "",  # little-endian, explicit
    "1.2.840.10008.1.2.1.99": "",  # deflated
    "1.2.840.10008.1.2.2": "",  # big-endian
    "1.2.840.10008.1.2.5": "pydicom",  # RLE
    "1.2.840.10008.1.2.4.50": "pillow",  # JPEG baseline
    _JPEG_EXTENDED: "pillow",  # of 8 bits
    "1.2.840.10008.1.2.4.57": "apart",  # JPEG lossless, process 14
    "1.2.840.10008.1.2.4.70": "apart",  # the same with selection value 1, the common one
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS, lossless
    "1.2.840.10008.1.2.4.81": "pyjpegls",  # JPEG-LS, near-lossless
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000, lossless
    "1.2.840.10008.1.2.4.91": "pylibjpeg",  # JPEG 2000
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # high-throughput JPEG 2000, lossless
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",  # high-throughput JPEG 2000
}


def read_dicom(path: str, data: bytes, window: tuple[float, float] | None) -> Decoded:
    """Decode one radiograph or CT slice at its full size; brighter is denser.

    The window is `window`; else, for CT, the lung window on Hounsfield units; else the VOI LUT or the
    first window stored; else the smallest and the largest value outside the padding. `window` and the lung window are
    linear over centre ± width/2 (LINEAR_EXACT). Pixel padding (PS3.3 C.7.5.1.1.2) comes out black.

    Raises:
        FilmError: not a single grey radiograph or CT slice for presentation, no or unsupported pixel data, or an
            invalid window. A damaged file raises what pydicom raises.
    """
    import pydicom

    ds = pydicom.dcmread(BytesIO(data))
    _refuse_unfit(path, ds)
    stored = _stored(path, ds, data)
    padding = _padding(ds, stored)
    grey = _presented(path, ds, _modality(ds, stored), window, padding)
    # In a conforming file MONOCHROME1 and INVERSE come together and mean one inversion (PS3.3 C.8.11.3.1.2).
    if ds.PhotometricInterpretation == "MONOCHROME1" or _text(ds, "PresentationLUTShape") == "INVERSE":
        grey = np.float32(1) - grey
    if padding is not None:
        grey[padding] = 0
    return Decoded(grey, grey.shape)


def _refuse_unfit(path: str, ds: Dataset) -> None:
    """What the header alone shows, before any pixel is decoded."""
    modality = _text(ds, "Modality")
    if not modality and "PixelData" not in ds:  # what pydicom makes of compressed pixels without their end
        raise FilmError(path, "a DICOM that is cut off, or holds no image; fetch it again from its source")
    if modality not in RADIOGRAPHS and modality != "CT":
        known = f" ({_OTHERS[modality]})" if modality in _OTHERS else ""
        raise FilmError(
            path, f"a DICOM of modality {modality or 'unknown'}{known}; Hilum reads CR, DX, RG, RF and CT"
        )
    if _text(ds, "PresentationIntentType") == "FOR PROCESSING":
        raise FilmError(
            path, "raw detector data (FOR PROCESSING); take the FOR PRESENTATION image of the same exposure"
        )
    if "PixelData" not in ds:
        raise FilmError(path, "a DICOM without pixel data, or cut off; fetch it again from its source")
    frames = int(ds.get("NumberOfFrames") or 1)
    if frames != 1:
        raise FilmError(path, f"a DICOM of {frames} frames; export the one frame that is the film")
    samples, meaning = int(ds.get("SamplesPerPixel") or 1), _text(ds, "PhotometricInterpretation")
    if samples != 1 or meaning not in ("MONOCHROME1", "MONOCHROME2"):
        raise FilmError(path, f"a DICOM in colour ({meaning or 'unnamed'}); films are MONOCHROME1 or MONOCHROME2")
    bits = int(ds.get("BitsStored") or 0)
    if not 8 <= bits <= 16:
        raise FilmError(path, f"a DICOM of {bits} bits stored; Hilum reads 8 to 16")
    height, width = int(ds.get("Rows") or 0), int(ds.get("Columns") or 0)
    if min(height, width) < MIN_SIDE or height * width > MAX_PIXELS:
        raise FilmError(
            path, f"{width}×{height} pixels; a film has {MIN_SIDE}×{MIN_SIDE} to {MAX_PIXELS // 10**6} million"
        )


def _stored(path: str, ds: Dataset, data: bytes) -> NDArray[np.integer]:
    """The stored values, (height, width), signed if the file's are."""
    syntax = ds.file_meta.get("TransferSyntaxUID")
    if not syntax:
        raise FilmError(path, "a DICOM that does not name its transfer syntax; export it again")
    plugin = _DECODERS.get(syntax)
    if plugin is None or (syntax == _JPEG_EXTENDED and ds.BitsStored != 8):
        name = one_line(syntax.name)
        raise FilmError(path, f"a DICOM compressed as {name}, which Hilum cannot decode; export it uncompressed")
    try:
        if plugin == "apart":
            stored: NDArray[np.integer] = decode_apart(data)
        else:
            ds.pixel_array_options(decoding_plugin=plugin)
            stored = ds.pixel_array
    except MemoryError:
        raise
    except Exception as error:  # several libraries' decoders: what they may raise is not bounded
        problem = one_line(str(error).removeprefix(_PREFIX) or type(error).__name__)
        raise FilmError(path, f"its pixel data is cut off or damaged ({problem}); fetch it again") from None
    if stored.shape != (ds.Rows, ds.Columns):
        raise FilmError(
            path, f"its pixel data has shape {stored.shape}, its header {(ds.Rows, ds.Columns)}; fetch it again"
        )
    return stored


def _padding(ds: Dataset, stored: NDArray[np.integer]) -> NDArray[np.bool_] | None:
    """The pixels that no X-ray reached: Pixel Padding Value, or the range to its limit (PS3.3 C.7.5.1.1.2)."""
    ends = [_number(ds, keyword) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    # Some writers note a negative value without its sign; in the pixels' own type both are the same bits.
    known = [np.int64(end).astype(stored.dtype) for end in ends if end is not None]
    if ends[0] is None:
        return None
    inside: NDArray[np.bool_] = (stored >= min(known)) & (stored <= max(known))
    return inside


def _modality(ds: Dataset, stored: NDArray[np.integer]) -> NDArray[np.float32]:
    """Stored values in the modality's units (PS3.3 C.11.1): by its LUT, by slope and intercept, or as they are."""
    if ds.get("ModalityLUTSequence"):
        values, _ = apply_table(stored, ds.ModalityLUTSequence[0], ds.original_encoding[1] is not False)
        return values
    values = stored.astype(np.float32)
    slope, intercept = _number(ds, "RescaleSlope"), _number(ds, "RescaleIntercept")
    if slope is not None and intercept is not None:
        values = values * np.float32(slope) + np.float32(intercept)
    return values


def _presented(
    path: str,
    ds: Dataset,
    values: NDArray[np.float32],
    window: tuple[float, float] | None,
    padding: NDArray[np.bool_] | None,
) -> NDArray[np.float32]:
    """Values in the modality's units as 0 to 1, before the polarity (PS3.3 C.11.2)."""
    if window is None and ds.Modality == "CT":
        if _number(ds, "RescaleSlope") is None or _number(ds, "RescaleIntercept") is None:
            raise FilmError(
                path, "a CT slice without rescale slope and intercept has no Hounsfield units; export it again"
            )
        window = LUNG_WINDOW
    if window is not None:
        return apply_window(values, *window, "LINEAR_EXACT")
    if ds.get("VOILUTSequence"):
        levels, bits = apply_table(values, ds.VOILUTSequence[0], ds.original_encoding[1] is not False)
        grey: NDArray[np.float32] = np.minimum(levels / np.float32(2**bits - 1), np.float32(1))
        return grey
    centre, width = _number(ds, "WindowCenter"), _number(ds, "WindowWidth")
    if centre is not None and width is not None:
        function = _text(ds, "VOILUTFunction") or "LINEAR"
        try:
            return apply_window(values, centre, width, function)
        except ValueError as error:
            raise FilmError(path, f"{error}; set pixels.window to a centre and a width") from None
    return between_extremes(values, padding)


def _text(ds: Dataset, keyword: str) -> str:
    value = ds.get(keyword)
    return one_line(value).upper() if value else ""


def _number(ds: Dataset, keyword: str) -> float | None:
    """The first value of an element; None if it is missing or empty."""
    value: Any = ds.get(keyword)
    if isinstance(value, MutableSequence):
        value = value[0] if value else None
    if value is None or value == "":
        return None
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{keyword} is {number}")
    return number
