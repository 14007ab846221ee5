"""Pictures (JPEG, PNG, TIFF, BMP, WebP, JPEG 2000) and plain arrays as grey."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.bare import bare_jpeg, bare_png, orientation_in
from hilum.pixels.film_header import FilmHeader
from hilum.pixels.formats import MAX_PIXELS, MIN_SIDE
from hilum.pixels.other_pictures import open_other
from hilum.pixels.scale import stretch
from hilum.recipe import GreyScale

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's own conversion
_EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")


class Decoded(NamedTuple):
    """A film as it was decoded.

    Attributes:
        grey: float32, 0 to 1, (ceil(height / scale), ceil(width / scale)).
        shape: height and width of the film itself, in pixels.
        scale: pixels of the film to one of `grey`, along each side: 1, or of a JPEG 2, 4 or 8.
        remarks: what a person should know about how it was read, in words; empty where all is as usual.
        header: what a DICOM says of itself.
    """

    grey: NDArray[np.float32]
    shape: tuple[int, ...]
    scale: int = 1
    remarks: tuple[str, ...] = ()
    header: FilmHeader = FilmHeader()


def read_picture(
    path: str,
    data: bytes,
    kind: str,
    scale_of: Callable[[int, int], int] | None = None,
    grey_scale: GreyScale = "exposed",
) -> Decoded:
    """Decode a picture: the first one where a file holds several.

    The size is read in the header and refused there, before anything is decoded. Of what lies around the pixels of a
    JPEG or a PNG only the orientation counts: damaged profiles, previews, text and comments do not damage a film. The
    levels are read as they are stored: gAMA, sBIT and colour profiles are not applied.

    Args:
        path: the film, as the user named it.
        data: the file's bytes.
        kind: one of `hilum.pixels.formats.PICTURES`.
        scale_of: at which fraction of its height and width a JPEG may be decoded; without it, at its full size.
        grey_scale: of pictures of more than 8 bits, as in a recipe.

    Raises:
        FilmError: too large, too small, CMYK, or of an unknown mode. Truncated and damaged files raise what Pillow
            raises.
    """
    if kind not in ("JPEG", "PNG"):
        return _read_other(path, data, kind, grey_scale)
    bare = bare_jpeg(data) if kind == "JPEG" else bare_png(data)
    data = bare.data
    image = _open(data, kind)
    width, height = image.size
    _refuse_unfit(path, image, kind)
    deep = kind == "PNG" and data[24] == 16  # the bit depth in IHDR (PNG 11.2.1)
    if not deep and image.mode not in _EIGHT_BITS:
        raise FilmError(path, f"a {kind} of mode {image.mode}; save it as grey or RGB")
    scale = 1
    if kind == "JPEG":
        if scale_of and bare.orientation == 1:  # a rotated film would have its last, partial pixels on another side
            scale = scale_of(height, width)
        # The file's own luminance: a third of the work of going through RGB. A fraction of the size is an inverse
        # cosine transform of the low frequencies alone (libjpeg's 4×4, 2×2 and 1×1).
        image.draft("L", (width // scale, height // scale))
    image.load()
    grey, remarks = stretch(_deep(image, data), grey_scale) if deep else (_shallow(image), ())
    if bare.several:
        remarks = (_first_of(kind), *remarks)
    grey = _upright(grey, bare.orientation)
    return Decoded(grey, grey.shape if scale == 1 else (height, width), scale, remarks)


def _read_other(path: str, data: bytes, kind: str, grey_scale: GreyScale) -> Decoded:
    picture = open_other(path, data, kind)
    image, values = picture.image, picture.values
    _refuse_unfit(path, image, kind)
    if values is not None:
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise FilmError(path, "has values that are NaN or infinite; write it again without them")
        grey, remarks = stretch(_luminance(values), grey_scale)
    elif image.mode in _EIGHT_BITS or image.mode in ("RGBX", "RGBa", "La"):
        grey, remarks = _shallow(image), ()
    else:
        raise FilmError(path, f"a {kind} of mode {image.mode}; save it as grey or RGB")
    if picture.pictures > 1:
        remarks = (_first_of(kind), *remarks)
    if kind == "WebP":  # a TIFF's own orientation is applied by its decoders
        grey = _upright(grey, orientation_in(image.info.get("exif", b"") + image.info.get("xmp", b"")))
    return Decoded(grey, grey.shape, remarks=remarks)


def _refuse_unfit(path: str, image: ImageFile, kind: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise FilmError(path, f"{width}×{height} pixels; the limit is {MAX_PIXELS // 10**6} million: scale it down")
    if min(width, height) < MIN_SIDE:
        raise FilmError(path, f"{width}×{height} pixels; a film has at least {MIN_SIDE}×{MIN_SIDE}")
    if image.mode in ("CMYK", "YCCK"):
        raise FilmError(path, f"a {kind} in printing colours (CMYK); save it as grey or RGB")


def _first_of(kind: str) -> str:
    return f"the first of several pictures in a {kind} file"


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


def _deep(image: ImageFile, data: bytes) -> NDArray[np.floating]:
    """16 bits a channel. Pillow, which has found the file whole, keeps 8 bits of colours; OpenCV keeps all 16."""
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.float32)
    import cv2

    decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("a PNG of 16 bits that OpenCV cannot decode")
    return _luminance(decoded)


def _luminance(decoded: NDArray[np.generic]) -> NDArray[np.floating]:
    """Grey of what OpenCV decodes, (height, width) or with channels, blue first; what is transparent is black."""
    dtype: type[np.floating] = np.float64 if decoded.dtype.itemsize > 2 else np.float32
    values: NDArray[np.floating] = decoded.astype(dtype)
    if values.ndim == 2:
        return values
    channels = values.shape[2]
    grey = values[..., 0] if channels < 3 else values[..., 2::-1] @ LUMINANCE
    if channels in (2, 4):
        whole = 1 if decoded.dtype.kind == "f" else np.iinfo(decoded.dtype.name).max
        grey = grey * values[..., -1] / dtype(whole)
    return cast(NDArray[np.floating], grey)


def _upright(grey: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Apply the EXIF orientation (CIPA DC-008, 4.6.4): a photographed film as its photographer saw it."""
    match orientation:
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
