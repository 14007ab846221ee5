"""A prepared film at the size at which it is described by hand-made features, and where its lungs lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.classical.features.outline import LungOutline, outline_of
from hilum.classical.features.prepare import Prepared
from hilum.lungs import LungFinder

SIDE = 192  # of the described film, in pixels
_FLAT = 1e-3  # of the grey range: what is stretched from less than this is rounding

Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ScaledFilm:
    """What every family of features looks at.

    Films of any size are described at one size, so that a recipe's side changes how sharp a film is and not what a
    feature means.

    Attributes:
        grey: (SIDE, SIDE) float32, 0 to 1.
        even: the same, stretched so that the darkest and the brightest hundredth are 0 and 1: exposure and window
            are the machine's, not the patient's. All zeros where there is nothing to stretch.
        lungs: at that size.
        notes: what was not found.
    """

    grey: Grey
    even: Grey
    lungs: LungOutline
    notes: tuple[str, ...]


def film_of(prepared: Prepared, lungs: LungFinder | None = None) -> ScaledFilm:
    """Scale a prepared film and find its lungs, where they are not known yet.

    Args:
        prepared: the film.
        lungs: what finds them; None takes the network that comes with Hilum.
    """
    notes = prepared.notes
    outline = prepared.lungs
    if outline is None:
        outline = outline_of(prepared.square, lungs)
        notes = (*notes, outline.note) if outline.note else notes
    how = cv2.INTER_AREA if len(prepared.square) > SIDE else cv2.INTER_LINEAR
    # As numbers first: OpenCV would round the means of bytes.
    levels = prepared.square.astype(np.float32) / np.float32(255)
    grey = np.asarray(cv2.resize(levels, (SIDE, SIDE), interpolation=how), dtype=np.float32)
    mask = cv2.resize(outline.mask.astype(np.float32), (SIDE, SIDE), interpolation=how) > 0.5
    dark, bright = np.quantile(grey, (0.01, 0.99))
    if bright - dark < _FLAT:
        even = np.zeros(grey.shape, dtype=np.float32)
        notes = (*notes, "one grey value nearly throughout")
    else:
        even = np.clip((grey - dark) / (bright - dark), 0, 1).astype(np.float32)
    return ScaledFilm(grey, even, replace(outline, mask=np.asarray(mask)), notes)
