"""Changes of adjustable strength: each takes a film and a level."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from hilum.shifts.grey import Grey, as_grey, bytes_of, pixels_of


def jpeg(grey: Grey, level: float) -> Grey:
    """JPEG quality."""
    _, content = cv2.imencode(".jpg", bytes_of(grey), [cv2.IMWRITE_JPEG_QUALITY, int(level)])
    return as_grey(np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)) / np.float32(255))


def blur(grey: Grey, level: float) -> Grey:
    """Gaussian blur, deviation in pixels of a film of 224."""
    return as_grey(cv2.GaussianBlur(grey, (0, 0), max(0.3, pixels_of(grey, level))))


def noise(grey: Grey, level: float) -> Grey:
    """Gaussian noise, deviation as a share of the grey range; as coarse as the pixels of a film of 224."""
    seed = int.from_bytes(hashlib.sha256(bytes_of(grey).tobytes()).digest()[:8], "little")
    coarse = tuple(max(1, round(side / pixels_of(grey, 1))) for side in grey.shape)
    drawn = np.random.default_rng(seed).normal(0, level, coarse).astype(np.float32)
    return as_grey(grey + cv2.resize(drawn, grey.shape[::-1], interpolation=cv2.INTER_LINEAR))


def gamma(grey: Grey, level: float) -> Grey:
    """Exposure: grey to the power of gamma."""
    return as_grey(np.power(grey, np.float32(level)))


def rotation(grey: Grey, level: float) -> Grey:
    """Rotation in degrees, black corners."""
    return rotate_and_zoom(grey, level)


def resolution(grey: Grey, level: float) -> Grey:
    """Resolution: pixels a side that are left."""
    height, width = grey.shape
    factor = min(1.0, 1 / pixels_of(grey, 224 / level))
    small = max(1, round(width * factor)), max(1, round(height * factor))
    return as_grey(
        cv2.resize(
            cv2.resize(grey, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_LINEAR
        )
    )


def rotate_and_zoom(grey: Grey, degrees: float, zoom: float = 1) -> Grey:
    """Rotate by degrees and scale about the film's centre, with black beyond its border."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)
    return as_grey(cv2.warpAffine(grey, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=0))
