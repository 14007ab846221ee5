"""Arrays as PNG and JPEG files, without any name, time or software in them."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

_QUALITY = 90


def png(picture: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """A PNG without loss: grey of 8 or 16 bits, RGB, or RGB with opacity.

    Args:
        picture: (height, width) uint8 or uint16, or (height, width, 3 or 4) uint8.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, format="PNG", compress_level=1)
    return file.getvalue()


def jpeg(picture: NDArray[np.uint8], quality: int = _QUALITY) -> bytes:
    """A JPEG with losses, for previews: nothing to read from.

    Args:
        picture: (height, width) or (height, width, 3) uint8.
        quality: 1 to 95, as of libjpeg.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, format="JPEG", quality=quality)
    return file.getvalue()


def fitted(picture: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """A picture made smaller, if it is larger, so that its longer side has so many pixels; nothing is cropped.

    Args:
        picture: (height, width) or (height, width, channels) uint8.
        longest: pixels, at least 1.
    """
    import cv2

    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
