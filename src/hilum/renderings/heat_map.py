"""A heat map in colours: a layer of its own that a page lays over the film, or both in one picture.

The colours are viridis: even steps of lightness, legible without colours and with colour blindness. Weak parts are
transparent, so that no colour lies where a detector sees nothing.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


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
