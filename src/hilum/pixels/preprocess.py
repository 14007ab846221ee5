"""From a decoded film to the square that a model is given: one implementation for training and inference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.recipe import Pixels

PREPROCESS_VERSION = 2  # raise it whenever the result changes for any film: the pixel caches are named by it

_SCALES = (8, 4, 2)  # at which a JPEG can be decoded from the low frequencies of its blocks
_KEPT = 2  # pixels of a scaled film to one of the square, at least, along each side


def preprocess(grey: NDArray[np.float32], spec: Pixels) -> NDArray[np.uint8]:
    """Crop, denoise, resize, equalise and round, in this order.

    The resize is Pillow's bilinear filter, whose support grows with the reduction: antialiased in both axes,
    even if they shrink by different factors.

    Args:
        grey: a decoded film, (height, width), 0 to 1.
        spec: the `[pixels]` of a recipe.

    Returns:
        uint8, (spec.size, spec.size).

    Raises:
        ValueError: `grey` is not a two-dimensional array with pixels in it.
    """
    return preprocess_scaled(grey, spec, grey.shape, 1)


def preprocess_scaled(
    grey: NDArray[np.float32], spec: Pixels, shape: tuple[int, ...], scale: int
) -> NDArray[np.uint8]:
    """Preprocess a film that was decoded at a fraction of its size.

    Args:
        grey: (ceil(height / scale), ceil(width / scale)), 0 to 1.
        spec: the `[pixels]` of a recipe.
        shape: height and width of the film itself.
        scale: pixels of the film to one of `grey`, along each side: no more than `largest_scale` says.

    Raises:
        ValueError: `grey` is not a two-dimensional array with pixels in it.
    """
    if grey.ndim != 2 or not grey.size:
        raise ValueError(f"a film is (height, width), not {grey.shape}")
    region = _without_border(shape[0], shape[1], spec.crop)
    film = np.ascontiguousarray(grey, dtype=np.float32)
    if spec.denoise != "none":  # at the film's own resolution: the scale is 1
        film = _denoise(_cut(film, region, 1)[0], spec.denoise)
        region = _Region(0, 0, *film.shape)
    if spec.resize == "crop":
        # The middle square first: the long side of a strip of 16×100,000 would not fit the memory once scaled.
        region = _middle(region)
    film, box = _cut(film, region, scale)
    levels = _levels(_resize(film, box, region, spec))
    return _equalise(levels) if spec.equalise == "clahe" else levels


def largest_scale(height: int, width: int, spec: Pixels) -> int:
    """The fraction of its size at which a film may be decoded: 1, 2, 4 or 8 of its pixels to one, along each side.

    As long as two pixels remain for one of the square, the reduction that follows blurs more than the fraction loses:
    on 96 originals of Kermany's films at 128 px, squares differ from those of the whole films by 0.11 grey levels in
    the mean, and by 0.32 in the worst film (`python -m benchmarks.scaled_decoding`). Denoising works at the film's
    own resolution, so it allows no fraction.
    """
    if spec.denoise != "none":
        return 1
    region = _without_border(height, width, spec.crop)
    if spec.resize == "crop":
        region = _middle(region)
    sides = _sides(region, spec)
    kept = min((region.bottom - region.top) / sides[0], (region.right - region.left) / sides[1])
    return next((scale for scale in _SCALES if kept >= _KEPT * scale), 1)


class _Region(NamedTuple):
    """A part of a film, in its own pixels."""

    top: int
    left: int
    bottom: int
    right: int


def _without_border(height: int, width: int, share: float) -> _Region:
    top, side = int(height * share), int(width * share)
    return _Region(top, side, height - top, width - side)


def _middle(region: _Region) -> _Region:
    """The square in a region's middle."""
    height, width = region.bottom - region.top, region.right - region.left
    shorter = min(height, width)
    top, left = region.top + (height - shorter) // 2, region.left + (width - shorter) // 2
    return _Region(top, left, top + shorter, left + shorter)


def _cut(
    film: NDArray[np.float32], region: _Region, scale: int
) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
    """The pixels that show a region, and its box among them: left, top, right, bottom."""
    top, left, bottom, right = region
    y, x = top // scale, left // scale
    box = (left / scale - x, top / scale - y, right / scale - x, bottom / scale - y)
    return np.ascontiguousarray(film[y : -(-bottom // scale), x : -(-right // scale)]), box


def _sides(region: _Region, spec: Pixels) -> tuple[int, int]:
    """Height and width, in pixels of the square, of what is shown of a film."""
    if spec.resize != "pad":
        return spec.size, spec.size
    height, width = region.bottom - region.top, region.right - region.left
    longer = max(height, width)
    return max(1, round(height * spec.size / longer)), max(1, round(width * spec.size / longer))


def _denoise(film: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    import cv2

    match how:
        case "median":
            smooth = cv2.medianBlur(film, 3)
        case "gaussian":
            smooth = cv2.GaussianBlur(film, (0, 0), sigmaX=1.0)
        case "nlm":
            # Buades et al. 2005; OpenCV's parameters: strength 3, patches 7×7, searched over 21×21; on 8 bits only.
            smooth = cv2.fastNlMeansDenoising(_levels(film), None, 3.0, 7, 21).astype(np.float32) / np.float32(255)
        case _:
            raise ValueError(f"no such denoising: {how}")
    return np.asarray(smooth, dtype=np.float32)


def _resize(
    film: NDArray[np.float32], box: tuple[float, float, float, float], region: _Region, spec: Pixels
) -> NDArray[np.float32]:
    height, width = _sides(region, spec)
    shown = np.asarray(Image.fromarray(film).resize((width, height), Image.Resampling.BILINEAR, box=box))
    if (height, width) == (spec.size, spec.size):
        return shown
    square = np.zeros((spec.size, spec.size), dtype=np.float32)
    top, left = (spec.size - height) // 2, (spec.size - width) // 2
    square[top : top + height, left : left + width] = shown
    return square


def _levels(film: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(np.clip(film, 0.0, 1.0) * np.float32(255)).astype(np.uint8)
    return levels


def _equalise(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994)."""
    import cv2

    equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(levels)
    return np.asarray(equalised, dtype=np.uint8)
