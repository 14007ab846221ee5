"""Ten shifts of the kinds that strong augmentation draws: how a detector that never saw them fares.

`shifts-1` asks what training cannot have taught. This battery asks whether it taught anything: exposure, focus,
noise, position and compression as they differ between two hospitals. It tells a detector that learnt from films as
they are from one that learnt from changed ones; between two of the latter it says little. Strengths are fixed
beforehand and tuned to no result; lengths are stated for a film of 224 × 224 and grow with the film.
"""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from hilum.evaluation.shifts import Grey, Shift, as_grey, bytes_of, pixels_of

FAMILIAR_BATTERY = "familiar-1"


def brightened(grey: Grey) -> Grey:
    """Exposed less: a gamma of 0.5."""
    return as_grey(np.sqrt(grey))


def darkened(grey: Grey) -> Grey:
    """Exposed more: a gamma of 2."""
    return as_grey(np.square(grey))


def flattened(grey: Grey) -> Grey:
    """Half the contrast about the middle of the range."""
    return as_grey((grey - 0.5) * 0.5 + 0.5)


def hardened(grey: Grey) -> Grey:
    """1.8 times the contrast about the middle of the range, the ends cut off."""
    return as_grey((grey - 0.5) * 1.8 + 0.5)


def blurred(grey: Grey) -> Grey:
    """Out of focus: a Gaussian blur of 2.5 pixels."""
    return as_grey(cv2.GaussianBlur(grey, (0, 0), max(0.5, pixels_of(grey, 2.5))))


def noisy(grey: Grey) -> Grey:
    """Too low a dose: Gaussian noise of 0.12, as coarse as the pixels of a film of 224 × 224."""
    seed = int.from_bytes(hashlib.sha256(bytes_of(grey).tobytes()).digest()[:8], "little")
    coarse = tuple(max(1, round(side / pixels_of(grey, 1))) for side in grey.shape)
    noise = np.random.default_rng(seed).normal(0, 0.12, coarse).astype(np.float32)
    return as_grey(grey + cv2.resize(noise, grey.shape[::-1], interpolation=cv2.INTER_LINEAR))


def rotated(grey: Grey) -> Grey:
    """The patient lies askew: 15°, black corners."""
    return _turned(grey, 15, 1)


def zoomed_out(grey: Grey) -> Grey:
    """A larger cassette: the chest at 80%, black around it."""
    return _turned(grey, 0, 0.8)


def zoomed_in(grey: Grey) -> Grey:
    """A smaller cassette: the chest at 120%, its borders cut off."""
    return _turned(grey, 0, 1.2)


def compressed(grey: Grey) -> Grey:
    """An archive that saves space: JPEG of quality 10."""
    _, content = cv2.imencode(".jpg", bytes_of(grey), [cv2.IMWRITE_JPEG_QUALITY, 10])
    return as_grey(np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)) / np.float32(255))


def _turned(grey: Grey, degrees: float, zoom: float) -> Grey:
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)
    return as_grey(cv2.warpAffine(grey, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=0))


FAMILIAR: dict[str, Shift] = {
    shift.__name__: shift
    for shift in (
        brightened, darkened, flattened, hardened, blurred, noisy, rotated, zoomed_out, zoomed_in, compressed,
    )
}  # fmt: skip
