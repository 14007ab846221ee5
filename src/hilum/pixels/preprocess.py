"""From a decoded film to the square that a model sees: one implementation, for training and for inference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.recipe import Pixels

PREPROCESS_VERSION = 1  # raise it whenever any film comes out with other values: the pixel caches are named by it


def preprocess(grey: NDArray[np.float32], spec: Pixels) -> NDArray[np.uint8]:
    """Crop, denoise, resize, equalise, round; in this order.

    The resize is Pillow's bilinear filter, whose support grows with the reduction: antialiased in both axes,
    also where they shrink by different factors.

    Args:
        grey: a decoded film, (height, width), 0 to 1.
        spec: a recipe's choices.

    Returns:
        uint8, (spec.size, spec.size).

    Raises:
        ValueError: `grey` is not a two-dimensional array with pixels in it.
    """
    if grey.ndim != 2 or not grey.size:
        raise ValueError(f"a film is (height, width), not {grey.shape}")
    film = np.ascontiguousarray(grey, dtype=np.float32)
    film = _denoise(_crop(film, spec.crop), spec.denoise)
    levels = _levels(_resize(film, spec.size, spec.resize))
    return _equalise(levels) if spec.equalise == "clahe" else levels


def _crop(film: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    height, width = film.shape
    top, side = int(height * share), int(width * share)
    return np.ascontiguousarray(film[top : height - top, side : width - side])


def _denoise(film: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    if how == "none":
        return film
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


def _resize(film: NDArray[np.float32], size: int, how: str) -> NDArray[np.float32]:
    height, width = film.shape
    image = Image.fromarray(film)
    if how == "squash":
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    if how == "pad":
        longer = max(height, width)
        inner = (max(1, round(width * size / longer)), max(1, round(height * size / longer)))
        square = np.zeros((size, size), dtype=np.float32)
        left, top = (size - inner[0]) // 2, (size - inner[1]) // 2
        square[top : top + inner[1], left : left + inner[0]] = np.asarray(
            image.resize(inner, Image.Resampling.BILINEAR)
        )
        return square
    if how == "crop":
        # The middle square first: the long side of a strip of 16×100,000 would not fit the memory once scaled.
        shorter = min(height, width)
        top, left = (height - shorter) // 2, (width - shorter) // 2
        middle = Image.fromarray(np.ascontiguousarray(film[top : top + shorter, left : left + shorter]))
        return np.asarray(middle.resize((size, size), Image.Resampling.BILINEAR))
    raise ValueError(f"no such resize: {how}")


def _levels(film: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(np.clip(film, 0.0, 1.0) * np.float32(255)).astype(np.uint8)
    return levels


def _equalise(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994)."""
    import cv2

    equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(levels)
    return np.asarray(equalised, dtype=np.uint8)
