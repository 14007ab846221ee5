"""What a picture shows at a look, without any film to compare it with."""

from __future__ import annotations

import cv2
import numpy as np

from hilum.gate.descriptor import Image8, scaled

NOISE = 0.7  # of roughness: noise lies above it; films below a third of it, read through noise or not
_EVEN = 2  # grey levels between the darkest and the brightest pixel
_WINDOW = 0.12  # of the side: wider than a line of text is high
_MARKS, _DARK = 0.25, 0.7  # of a picture's variance in marks, and of the marks' in dark ones; a film has half of each


def is_blank(film: Image8) -> bool:
    """Whether it shows nothing."""
    return int(film.max()) - int(film.min()) <= _EVEN


def roughness(film: Image8) -> float:
    """1 less the correlation of each pixel with the next, across or down, whichever is lower; at 64 × 64 pixels.

    0 for what is smooth, 1 for noise; 0 where all is one grey.
    """
    small = scaled(film).astype(np.float64)
    centred = small - small.mean()
    across, down = (centred[:, 1:] * centred[:, :-1]).mean(), (centred[1:] * centred[:-1]).mean()
    variance = np.square(centred).mean()
    return float(max(0.0, 1 - min(across, down) / variance)) if variance else 0.0


def is_text(film: Image8) -> bool:
    """Whether thin marks, most of them darker than the ground, make up much of what varies."""
    window = max(3, round(len(film) * _WINDOW) | 1)
    marks = film.astype(np.float64) - cv2.medianBlur(film, window)
    dark = np.square(np.minimum(marks, 0)).sum()
    return bool(marks.var() > _MARKS * film.var(dtype=np.float64) and dark > _DARK * np.square(marks).sum())
