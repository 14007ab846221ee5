"""Rules on a single picture, which need no film to compare it with."""

from __future__ import annotations

import cv2
import numpy as np

from hilum.gate.descriptor import Image8, scaled

NOISE = 0.7  # of roughness: noise is above it; films, even noisy ones, are below a third of it
_EVEN = 2  # grey levels from the darkest to the brightest pixel
_WINDOW = 0.12  # of the side: more than the height of a line of text
_MARKS, _DARK = (
    0.25,
    0.7,
)  # shares of a picture's variance in marks, and of that in dark ones; a film has half of each


def is_blank(film: Image8) -> bool:
    """Whether a film shows nothing."""
    return int(film.max()) - int(film.min()) <= _EVEN


def roughness(film: Image8) -> float:
    """1 minus the correlation of neighbouring pixels, across or down, whichever is lower, at 64 × 64 pixels.

    It is near 0 for a smooth picture and near 1 for noise; 0 for one even grey.
    """
    small = scaled(film).astype(np.float64)
    centred = small - small.mean()
    across, down = (centred[:, 1:] * centred[:, :-1]).mean(), (centred[1:] * centred[:-1]).mean()
    variance = np.square(centred).mean()
    return float(max(0.0, 1 - min(across, down) / variance)) if variance else 0.0


def is_text(film: Image8) -> bool:
    """Whether thin marks, most of them darker than the background, make up much of the variance."""
    window = max(3, round(len(film) * _WINDOW) | 1)
    marks = film.astype(np.float64) - cv2.medianBlur(film, window)
    dark = np.square(np.minimum(marks, 0)).sum()
    return bool(marks.var() > _MARKS * film.var(dtype=np.float64) and dark > _DARK * np.square(marks).sum())
