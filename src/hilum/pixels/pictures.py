"""JPEG and PNG pictures, and plain arrays, as grey."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.formats import MAX_PIXELS, MIN_SIDE
from hilum.pixels.scale import stretch
from hilum.recipe import GreyScale

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's own conversion
_ORIENTATION = 0x0112
_EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


class Decoded(NamedTuple):
    """A film as it was decoded.

    Attributes:
        grey: float32, 0 to 1, (ceil(height / scale), ceil(width / scale)).
        shape: height and width of the film itself, in pixels.
        scale: pixels of the film to one of `grey`, along each side: 1, or of a JPEG 2, 4 or 8.
        remarks: what a person should know about how it was read, in words; empty where all is as usual.
    """

    grey: NDArray[np.float32]
    shape: tuple[int, ...]
    scale: int = 1
    remarks: tuple[str, ...] = ()


def read_picture(
    path: str,
    data: bytes,
    kind: str,
    scale_of: Callable[[int, int], int] | None = None,
    grey_scale: GreyScale = "exposed",
) -> Decoded:
    """Decode a JPEG or a PNG.

    The size is read in the header and refused there, before anything is decoded.

    Args:
        path: the film, as the user named it.
        data: the file's bytes.
        kind: JPEG or PNG.
        scale_of: at which fraction of its height and width a JPEG may be decoded; without it, at its full size.
        grey_scale: of pictures of more than 8 bits, as in a recipe.

    Raises:
        FilmError: too large, too small, CMYK, more than one picture, or of an unknown mode. Truncated and damaged
            files raise what Pillow raises.
    """
    image = _open(data, kind)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise FilmError(path, f"{width}×{height} pixels; the limit is {MAX_PIXELS // 10**6} million: scale it down")
    if min(width, height) < MIN_SIDE:
        raise FilmError(path, f"{width}×{height} pixels; a film has at least {MIN_SIDE}×{MIN_SIDE}")
    if "mp" in image.info or getattr(image, "n_frames", 1) > 1:
        raise FilmError(path, f"a {kind} with more than one picture; save the one that is the film alone")
    if image.mode in ("CMYK", "YCCK"):
        raise FilmError(path, "a JPEG in printing colours (CMYK); save it as grey or RGB")
    deep = kind == "PNG" and data[24] == 16  # the bit depth in IHDR (PNG 11.2.1)
    if not deep and image.mode not in _EIGHT_BITS:
        raise FilmError(path, f"a {kind} of mode {image.mode}; save it as grey or RGB")
    scale = 1
    if kind == "JPEG":
        if (
            scale_of and _orientation(image) == 1
        ):  # a rotated film would have its last, partial pixels on another side
            scale = scale_of(height, width)
        # The file's own luminance: a third of the work of going through RGB. A fraction of the size is an inverse
        # cosine transform of the low frequencies alone (libjpeg's 4×4, 2×2 and 1×1).
        image.draft("L", (width // scale, height // scale))
    image.load()
    grey, remarks = stretch(_deep(image, data), grey_scale) if deep else (_shallow(image), ())
    grey = _upright(grey, image)
    return Decoded(grey, grey.shape if scale == 1 else (height, width), scale, remarks)


def grey_of(
    path: str, array: NDArray[np.generic], grey_scale: GreyScale = "exposed"
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """A numeric array, (height, width) or (height, width, 1 or 3), as grey from 0 to 1.

    8 bits without sign are divided by 255; any other type is stretched by `hilum.pixels.scale`.

    Returns:
        The film, and what is remarkable about its grey scale.

    Raises:
        FilmError: a value is NaN or infinite.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise FilmError(path, "has values that are NaN or infinite; write it again without them")
    grey = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.dtype == np.uint8:
        if grey.ndim == 3:
            from PIL import Image

            grey = np.asarray(Image.fromarray(np.ascontiguousarray(grey), "RGB").convert("L"))
        return grey.astype(np.float32) / np.float32(255), ()
    numbers = grey.astype(np.float64)
    return stretch(numbers @ LUMINANCE.astype(np.float64) if numbers.ndim == 3 else numbers, grey_scale)


def _open(data: bytes, kind: str) -> ImageFile:
    """Read the header. By the decoder's own class: `Image.open` warns of, and refuses, sizes of its own choosing."""
    if kind == "JPEG":
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile(BytesIO(data))
    from PIL.PngImagePlugin import PngImageFile

    return PngImageFile(BytesIO(data))


def _shallow(image: ImageFile) -> NDArray[np.float32]:
    """At most 8 bits a channel."""
    see_through = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    if not see_through:
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)
    levels = np.asarray(image.convert("RGBA").convert("LA"), dtype=np.float32)
    return levels[..., 0] * levels[..., 1] / np.float32(255 * 255)


def _deep(image: ImageFile, data: bytes) -> NDArray[np.float32]:
    """16 bits a channel. Pillow, which has found the file whole, keeps 8 bits of colours; OpenCV keeps all 16."""
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.float32)
    import cv2

    decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("a PNG of 16 bits that OpenCV cannot decode")
    values = decoded.astype(np.float32)
    if values.ndim == 2:
        return values
    channels = values.shape[2]
    grey = values[..., 0] if channels < 3 else values[..., 2::-1] @ LUMINANCE
    if channels in (2, 4):
        grey = grey * values[..., -1] / np.float32(65535)
    return cast(NDArray[np.float32], grey)


def _upright(grey: NDArray[np.float32], image: ImageFile) -> NDArray[np.float32]:
    """Apply the EXIF orientation (CIPA DC-008, 4.6.4): a photographed film as its photographer saw it."""
    match _orientation(image):
        case 2:
            grey = grey[:, ::-1]
        case 3:
            grey = grey[::-1, ::-1]
        case 4:
            grey = grey[::-1]
        case 5:
            grey = grey.T
        case 6:
            grey = grey.T[:, ::-1]
        case 7:
            grey = grey.T[::-1, ::-1]
        case 8:
            grey = grey.T[::-1]
    return np.ascontiguousarray(grey)


def _orientation(image: ImageFile) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF next to intact pixels: every viewer shows those as they are stored
        return 1
