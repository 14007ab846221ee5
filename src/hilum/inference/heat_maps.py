"""Where on a film an answer comes from, without torch, for any detector.

Class activation maps where the network gives them; else what is lost where a part of the film is covered (occlusion;
Zeiler and Fergus, ECCV 2014). Both are in differences of log-odds: of a sure answer the probability itself hardly
moves. A map that explains little is faint, and not a small maximum in full colours.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.inference.detector import Detector

_STEPS = 7  # of the patch along each side
_PATCH = 0.25  # of the square's side
_WEAKEST = 0.05  # of log-odds: a map that explains less is empty, and not noise
_FULL = 1.0  # of log-odds: a map that explains so much, or more, has its full strength
_CERTAIN = 1e-9  # probabilities are kept away from 0 and 1 by so much


def heat_map(
    detector: Detector, square: NDArray[np.uint8], target: int, lungs: NDArray[np.uint8] | None = None
) -> NDArray[np.float32]:
    """What in a film speaks for a class: class activation maps where the detector has them, else `occlusion_map`.

    Args:
        detector: that answered.
        square: (size, size) uint8, as the detector is shown the film.
        target: the index of the class.
        lungs: as for `Detector.probs`.

    Returns:
        (rows, columns) float32, from 0 to 1, over all of the square, of which a class activation map has far fewer
        than the square has pixels. The largest value is the log-odds that the map explains, at most 1, and 0 where
        they are below 0.05: of a class activation map the mean of what speaks for the class, of an occlusion map its
        maximum.
    """
    if detector.has_class_activation_maps:
        found = np.maximum(detector.class_activation_maps(square[None])[0, target], 0)
        explained = float(found.mean())  # the places' mean is what they add to the logit
    else:
        found = np.maximum(occlusion_map(detector, square, target, lungs), 0)
        explained = float(found.max())
    if explained < _WEAKEST:
        return np.zeros_like(found)
    return np.asarray(found * np.float32(min(explained, _FULL) / _FULL / found.max()), dtype=np.float32)


def occlusion_map(
    detector: Detector, square: NDArray[np.uint8], target: int, lungs: NDArray[np.uint8] | None = None
) -> NDArray[np.float32]:
    """How much the log-odds of a class fall where a part of a film is covered by a patch of its mean grey.

    Args:
        detector: computes the probabilities.
        square: (size, size) uint8, as the detector is shown the film.
        target: the index of the class.
        lungs: as for `Detector.probs`.

    Returns:
        (size, size) float32, in differences of log-odds; negative where the film speaks against the class.
    """
    size = len(square)
    side = max(1, round(_PATCH * size))
    places = np.linspace(0, size - side, _STEPS).round().astype(int)
    covered = np.repeat(square[None], _STEPS * _STEPS + 1, axis=0)
    corners = [(top, left) for top in places for left in places]
    grey = np.uint8(round(float(square.mean())))
    for number, (top, left) in enumerate(corners, start=1):
        covered[number, top : top + side, left : left + side] = grey
    masks = None if lungs is None else np.repeat(lungs[None], len(covered), axis=0)
    probs = np.clip(detector.probs(covered, masks)[:, target], _CERTAIN, 1 - _CERTAIN)
    odds = np.log(probs / (1 - probs))
    falls, times = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    for (top, left), fall in zip(corners, odds[0] - odds[1:], strict=True):
        falls[top : top + side, left : left + side] += np.float32(fall)
        times[top : top + side, left : left + side] += 1
    return np.asarray(cv2.GaussianBlur(falls / np.maximum(times, 1), (0, 0), size / 24), dtype=np.float32)
