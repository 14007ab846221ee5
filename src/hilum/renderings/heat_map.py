"""A heat map in colours: a layer of its own that a page lays over the film, or both in one picture.

The colours are viridis: even steps of lightness, legible without colours and with colour blindness. Weak parts are
transparent, so that no colour lies where a detector sees nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def heat_on_film(
    heat: NDArray[np.float32],
    film: tuple[int, int],
    region: tuple[int, int, int, int],
    *,
    padded: bool = False,
    longest: int = 512,
) -> NDArray[np.float32]:
    """Move a heat map from the square that a detector was shown to its place on the whole film.

    Args:
        heat: (h, w), over all of the square.
        film: height and width of the film, in pixels.
        region: top, left, bottom and right of the part of the film that the square shows, in the film's pixels.
        padded: whether the square keeps the region's proportions, with black beside it.
        longest: pixels of the longer side of what is returned.

    Returns:
        (height, width) float32, of the film's proportions; 0 outside the region.
    """
    top, left, bottom, right = region
    scale = longest / max(film)
    placed = np.zeros([max(1, round(side * scale)) for side in film], np.float32)
    starts = [min(round(at * scale), side - 1) for at, side in zip((top, left), placed.shape, strict=True)]
    rows, columns = (
        slice(start, max(start + 1, round(end * scale))) for start, end in zip(starts, (bottom, right), strict=True)
    )
    height, width = placed[rows, columns].shape
    sides = (max(height, width),) * 2 if padded else (height, width)
    large = cv2.resize(np.asarray(heat, np.float32), sides[::-1], interpolation=cv2.INTER_LINEAR)
    above, before = (sides[0] - height) // 2, (sides[1] - width) // 2
    placed[rows, columns] = large[above : above + height, before : before + width]
    return placed


def heat_layer(heat: NDArray[np.float32], size: tuple[int, int], strongest: float | None = None) -> NDArray[np.uint8]:
    """Draw a heat map as a layer; what is 0 or below is transparent.

    Args:
        heat: (h, w), what speaks for the class, in any unit.
        size: height and width of the layer, in pixels.
        strongest: the value of the full colour; None takes the map's own maximum, so that a weak map looks as strong
            as any other.

    Returns:
        (height, width, 4) uint8, RGB and opacity. All of it is transparent where nothing speaks for the class.
    """
    height, width = size
    scaled = cv2.resize(np.asarray(heat, dtype=np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    largest = float(scaled.max()) if strongest is None else strongest
    share = np.clip(scaled / largest, 0, 1) if largest > 0 else np.zeros_like(scaled)
    colours = cv2.applyColorMap(np.rint(share * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    opacity = np.rint(np.sqrt(share) * 255).astype(np.uint8)
    return np.dstack([colours, opacity])


def over_film(film: NDArray[np.uint8], layer: NDArray[np.uint8], opacity: float = 0.5) -> NDArray[np.uint8]:
    """Lay a heat map over its film.

    Args:
        film: (height, width), as `windowed` gives it.
        layer: (height, width, 4), as `heat_layer` gives it.
        opacity: of the layer's strongest part, 0 to 1; at 0 the film is as it was.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    hidden = np.float32(np.clip(opacity, 0, 1)) * layer[..., 3:].astype(np.float32) / np.float32(255)
    drawn = (1 - hidden) * film[..., None] + hidden * layer[..., :3]
    return np.asarray(np.rint(drawn), dtype=np.uint8)
