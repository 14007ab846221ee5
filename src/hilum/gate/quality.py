"""Whether a chest film is good enough to be read: sharp, and neither over- nor underexposed.

All is measured inside the lungs, on what the detector is shown, and so only where films are cropped to their lungs:
of a whole film, the beam's edge and the background would decide. The limits lie far from what the training films'
kind shows as it is, and beyond what detectors are to bear (`hilum.shifts.BATTERIES`): `python -m benchmarks.quality`
says how many films are found of those that are made poor on purpose, and what answers to them are worth.
"""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np

from hilum.gate.descriptor import Image8

SIDE = 128  # pixels of the square in which sharpness is measured

_SHARP = 0.006  # the least sharpness; validation films have 0.07 and more, and 0.01 with a blur of 2.5 pixels of 224
_BLACK = 0.5  # the largest share of the lungs that may be wholly black; validation films have 0.03 at most
_WHITE = 0.1  # that may be wholly white; they have 0.02 at most


class Fault(StrEnum):
    """Why a film is too poor to be read, in words that follow "it"; `predictions.csv` holds them."""

    BLURRED = "is blurred: its lungs show no fine detail"
    OVEREXPOSED = "is overexposed: half of its lungs or more is wholly black"
    UNDEREXPOSED = "is underexposed: a tenth of its lungs or more is wholly white"


def sharpness(levels: Image8, lungs: Image8) -> float:
    """The variance of the Laplacian over that of the grey levels, inside the lungs, at 128 × 128 pixels.

    The Laplacian's variance is a measure of focus (Pech-Pacheco et al., ICPR 2000); as a share of the levels' own
    variance it does not depend on the contrast. It is 0 where the lungs are one even grey.

    Args:
        levels: (size, size) uint8, a film cropped to its lungs.
        lungs: (size, size) uint8, not 0 inside them.
    """
    small = cv2.resize(levels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    inside = cv2.resize(lungs, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    _, detail = cv2.meanStdDev(cv2.Laplacian(small, cv2.CV_16S), mask=inside)
    _, contrast = cv2.meanStdDev(small, mask=inside)
    return float(np.square(detail / contrast).item()) if contrast.item() else 0.0


def clipped(levels: Image8, lungs: Image8) -> tuple[float, float]:
    """The shares of the lungs that are wholly black and wholly white, each from 0 to 1.

    Args:
        levels: (size, size) uint8, a film cropped to its lungs.
        lungs: (size, size) uint8, not 0 inside them; there are some.
    """
    counts = np.asarray(cv2.calcHist([levels], [0], lungs, [256], [0, 256])).ravel()
    return float(counts[0] / counts.sum()), float(counts[-1] / counts.sum())


def fault_of(levels: Image8, lungs: Image8, *, smoothed: bool = False) -> Fault | None:
    """Why a film is too poor to be read, or None; this takes about a tenth of a millisecond.

    Where much of the lungs is wholly black or white, that is said, and nothing of the sharpness: the detail is
    missing for that reason.

    Args:
        levels: (size, size) uint8, a film cropped to its lungs, as `hilum.pixels.Square` has it.
        lungs: (size, size) uint8, not 0 inside them, and 0 everywhere where none were found: then nothing is said.
        smoothed: whether the film was denoised before: then its sharpness says nothing of the film, as it does not
            at less than 128 pixels a side.
    """
    if not lungs.any():
        return None
    black, white = clipped(levels, lungs)
    if black >= _BLACK:
        return Fault.OVEREXPOSED
    if white >= _WHITE:
        return Fault.UNDEREXPOSED
    measured = not smoothed and len(levels) >= SIDE
    return Fault.BLURRED if measured and sharpness(levels, lungs) < _SHARP else None
