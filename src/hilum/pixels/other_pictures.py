"""TIFF, BMP, WebP and JPEG 2000 pictures as arrays of numbers."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.jpeg2000 import size_of

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_INTERPRETATION, _SAMPLE_FORMAT, _BITS, _COMPRESSION, _PLANES = 262, 339, 258, 259, 284  # of TIFF 6.0
_WHITE_IS_ZERO, _SIGNED, _UNCOMPRESSED, _SEPARATE = 0, 2, 1, 2
_BIG_ENDIAN, _BIG_BIGTIFF = b"MM", b"MM\0+"


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        image: as Pillow holds it, decoded.
        values: of more than 8 bits, (height, width) or (height, width, channels in OpenCV's order); None for others.
        pictures: how many the file holds; `image` is the first.
    """

    image: ImageFile
    values: NDArray[np.generic] | None
    pictures: int


def open_other(path: str, data: bytes, kind: str) -> Picture:
    """Decode a picture by the decoder of its kind.

    Raises:
        FilmError: its numbers are of a kind that is not read. Truncated and damaged files raise what Pillow raises.
    """
    try:
        image = _header(data, kind)
    except SyntaxError as error:  # Pillow's, for headers
        if kind == "TIFF" and str(error) == "unknown pixel mode":
            raise FilmError(
                path, "a TIFF of a depth and channels that are not read; save it as grey of 8 or 16 bits"
            ) from None
        if data.startswith(_BIG_BIGTIFF):
            raise FilmError(path, "a big-endian BigTIFF, which is not read; save it as TIFF or PNG") from None
        raise
    pictures = int(getattr(image, "n_frames", 1))
    image.seek(0)
    values: NDArray[np.generic] | None = None
    if kind == "TIFF":
        bits, form = _tag(image, _BITS, 8), _tag(image, _SAMPLE_FORMAT, 1)
        image.load()
        if image.mode in ("RGB", "RGBA") and bits > 8:
            # Of planes OpenCV makes neighbours' grey.
            values = None if _tag(image, _PLANES, 1) == _SEPARATE else _by_opencv(data)
            if values is None or values.dtype.itemsize == 1:
                raise FilmError(path, f"a TIFF in colour of {bits} bits a channel; save it as grey, or with 8 bits")
        elif image.mode[:1] in "IF":
            values = np.asarray(image)
            # Pillow swaps the bytes of these once more than libtiff does.
            swapped = data.startswith(_BIG_ENDIAN) and _tag(image, _COMPRESSION, 1) != _UNCOMPRESSED
            if swapped and image.mode in ("I", "F"):
                values = _by_opencv(data)
                if values is None or values.shape != (image.height, image.width):
                    raise FilmError(path, f"a compressed big-endian TIFF of {bits} bits; save it uncompressed")
            if bits == 32 and form == 1:
                values = values.view(np.uint32)  # Pillow keeps it in a signed type
            if _tag(image, _INTERPRETATION, 1) == _WHITE_IS_ZERO:
                values = -values.astype(np.float64)
        elif form == _SIGNED:
            raise FilmError(path, "a TIFF of 8 bits with sign; save it without")
    else:
        image.load()
        if image.mode[:1] == "I":
            values = np.asarray(image)
        elif kind == "JPEG 2000" and (bits := size_of(data).bits) > 8:  # Pillow keeps 8, and rounds white up to black
            values = _by_opencv(data)
            if values is None or values.dtype.itemsize == 1:
                raise FilmError(
                    path, f"a JPEG 2000 in colour of {bits} bits a channel; save it as grey, or with 8 bits"
                )
    return Picture(image, values, pictures)


def _by_opencv(data: bytes) -> NDArray[np.generic] | None:
    """All bits of a picture, blue first; None where OpenCV does not read it."""
    import cv2

    return cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)


def _header(data: bytes, kind: str) -> ImageFile:
    """By the decoder's own class: `Image.open` warns of, and refuses, sizes of its own choosing."""
    file = BytesIO(data)
    match kind:
        case "TIFF":
            from PIL.TiffImagePlugin import TiffImageFile

            return TiffImageFile(file)
        case "BMP":
            from PIL.BmpImagePlugin import BmpImageFile

            return BmpImageFile(file)
        case "WebP":
            from PIL.WebPImagePlugin import WebPImageFile

            return WebPImageFile(file)
        case _:
            from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

            return Jpeg2KImageFile(file)


def _tag(image: ImageFile, tag: int, otherwise: int) -> int:
    value = image.tag_v2.get(tag, otherwise)  # type: ignore[attr-defined]
    return int(value[0] if isinstance(value, tuple) else value)
