"""A film's file header, read before any pixel is decoded: who wrote it, how, and how large it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np

from hilum.errors import FilmError
from hilum.files import open_regular, read_regular
from hilum.pixels.announced import announced_by
from hilum.pixels.archive import is_member, read_member
from hilum.pixels.bounds import MAX_FILE_BYTES
from hilum.pixels.formats import PICTURES, READ, name_of_format, one_line

_FIRST_BYTES = 1 << 16  # holds the header of nearly every JPEG; one with a large thumbnail in it is read whole
# The luminance table that JPEG's quality scales (ITU-T T.81, Annex K.1), row by row.
_STANDARD = np.array(
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
        14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """The header of one file; None or empty if its format does not give a field.

    Attributes:
        encoding: `JPEG`, `PNG`, `array` (a member of an archive), or `DICOM` with its transfer syntax.
        width: in pixels, as stored.
        height: in pixels, as stored.
        bits: of one sample.
        channels: of one pixel.
        file_bytes: of the whole file; None for a member of an archive.
        quantisation: the mean step of a JPEG's luminance table, 1 (finest) to 255.
        quality: the JPEG quality, 1 to 100, whose standard table comes nearest.
        subsampling: of a JPEG's colours, as Pillow counts: 0 none (4:4:4), 1 4:2:2, 2 4:2:0; -1 without colours.
        progressive: whether a JPEG is.
        metadata: the bytes of EXIF, colour profiles and other application segments.
        density: dots per inch, as the file claims.
        maker: who made the film or the file, by DICOM's Manufacturer or EXIF's Make.
        photometric: DICOM's Photometric Interpretation.
        body_part: DICOM's Body Part Examined.
    """

    encoding: str
    width: int
    height: int
    bits: int
    channels: int
    file_bytes: int | None = None
    quantisation: float | None = None
    quality: int | None = None
    subsampling: int | None = None
    progressive: bool = False
    metadata: int = 0
    density: float | None = None
    maker: str = ""
    photometric: str = ""
    body_part: str = ""


def read_header(path: str) -> Header:
    """Read the header of a film's file.

    Raises:
        FilmError: there is no such file, or it is no film with a readable header.
    """
    try:
        if is_member(path):
            return _of_array(read_member(path))
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(_FIRST_BYTES)
        match name_of_format(start):
            case "JPEG":
                return _of_jpeg(path, start, size)
            case "PNG":
                return _of_png(start, size)
            case "DICOM":
                return _of_dicom(path, size)
            case kind if kind in PICTURES:
                return _of_other(path, kind, size)
    except FilmError:
        raise
    except Exception as error:  # other people's parsers, on bytes from anywhere: what they may raise is not bounded
        raise FilmError(
            path, f"its header cannot be read ({one_line(error)}); copy it again from its source"
        ) from None
    raise FilmError(path, f"not a film; {READ}" if start else "an empty file; copy it again from its source")


@lru_cache(maxsize=256)
def quality_of(table: tuple[int, ...]) -> int:
    """The IJG quality, 1 to 100, whose luminance table lies nearest to one of 64 steps, row by row.

    The inverse of IJG's scaling, 5000/quality below 50 and 200 − 2·quality above, of the table in Annex K.1 of
    ITU-T T.81: the median of the ratios of those steps that were not cut off at 1 or 255.
    """
    steps = np.asarray(table)
    kept = (steps > 1) & (steps < 255)
    if not kept.any():
        return 100 if steps.max() == 1 else 1
    scale = float(np.median(100 * steps[kept] / _STANDARD[kept]))
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return int(np.clip(round(quality), 1, 100))


def _of_jpeg(path: str, start: bytes, size: int) -> Header:
    from PIL.JpegImagePlugin import JpegImageFile, get_sampling

    try:
        image = JpegImageFile(BytesIO(start))
    except Exception:
        if size <= len(start):
            raise
        with open_regular(path) as file:
            image = JpegImageFile(file)
    table = tuple(image.quantization[0]) if image.quantization else ()
    return Header(
        "JPEG",
        *image.size,
        bits=image.bits,
        channels=len(image.getbands()),
        file_bytes=size,
        quantisation=sum(table) / len(table) if table else None,
        quality=quality_of(table) if len(table) == 64 else None,
        subsampling=get_sampling(image),
        progressive="progressive" in image.info,
        metadata=sum(len(words) for _, words in image.applist),
        density=_density(image.info),
        maker=_maker(image),
    )


def _of_png(start: bytes, size: int) -> Header:
    from PIL.PngImagePlugin import PngImageFile

    image = PngImageFile(BytesIO(start))
    words = sum(len(value) for value in image.info.values() if isinstance(value, str | bytes))
    return Header(
        "PNG",
        *image.size,
        bits=start[24],  # the bit depth in IHDR (PNG 11.2.1)
        channels=len(image.getbands()),
        file_bytes=size,
        metadata=words,
        density=_density(image.info),
        maker=_maker(image),
    )


def _of_other(path: str, kind: str, size: int) -> Header:
    with open_regular(path) as file:
        claim = announced_by(file.read(MAX_FILE_BYTES))
    if claim is None:
        raise ValueError("cut off or damaged")
    return Header(kind, claim.width, claim.height, bits=claim.bits, channels=claim.channels, file_bytes=size)


def _of_dicom(path: str, size: int) -> Header:
    from pydicom.uid import UID

    from hilum.pixels.dicom.parse import parse

    ds, syntax, *_ = parse(path, read_regular(path, MAX_FILE_BYTES), [])
    if not (ds.get("Rows") and ds.get("Columns")):
        raise ValueError("no rows and columns")
    return Header(
        f"DICOM ({one_line(UID(syntax).name) if syntax else 'no transfer syntax'})",
        int(ds.Columns),
        int(ds.Rows),
        bits=int(ds.get("BitsStored") or 0),
        channels=int(ds.get("SamplesPerPixel") or 1),
        file_bytes=size,
        maker=_words(ds.get("Manufacturer")),
        photometric=_words(ds.get("PhotometricInterpretation")),
        body_part=_words(ds.get("BodyPartExamined")),
    )


def _of_array(array: np.ndarray[Any, np.dtype[np.generic]]) -> Header:
    height, width = array.shape[:2]
    return Header(
        "array", width, height, bits=8 * array.dtype.itemsize, channels=array.shape[2] if array.ndim == 3 else 1
    )


def _density(info: dict[Any, Any]) -> float | None:
    try:
        return round(float(info["dpi"][0]), 1)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None


def _maker(image: Any) -> str:
    try:
        return _words(image.getexif().get(0x010F))  # Make (CIPA DC-008, 4.6.4)
    except Exception:  # damaged EXIF next to intact pixels
        return ""


def _words(value: object) -> str:
    return one_line(str(value).strip("\0 ")) if value and str(value).strip("\0 ") else ""
