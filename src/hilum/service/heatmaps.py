"""Where on a film an answer comes from, without torch: what is lost where a part of it is covered (occlusion).

Zeiler and Fergus, ECCV 2014. A patch of the film's mean grey is moved over what the detector is shown; where the
log-odds of the explained class fall, the film speaks for it: of a sure answer the probability itself hardly moves.
"""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict

import cv2
import numpy as np
from fastapi.responses import Response
from numpy.typing import NDArray

from hilum.inference import Detector
from hilum.service.films import file_of
from hilum.service.problems import Problem
from hilum.service.reading import FilmLocated
from hilum.service.service import Service
from hilum.store import StoredPrediction

_STEPS = 7  # of the patch along each side
_PATCH = 0.25  # of the square's side
_LONGEST = 512  # pixels of the picture's longer side
_WEAKEST = 0.05  # of log-odds: a map below that is empty, and not noise in strong colours
_CERTAIN = 1e-9  # probabilities are kept away from 0 and 1 by so much


def occlusion_map(
    detector: Detector, levels: NDArray[np.uint8], target: int, lungs: NDArray[np.uint8] | None = None
) -> NDArray[np.float32]:
    """How much the log-odds of a class fall where a part of a film is covered.

    Args:
        detector: computes the probabilities.
        levels: (size, size) uint8, as the detector is shown the film.
        target: the index of the class.
        lungs: as for `Detector.probs`.

    Returns:
        (size, size) float32, in differences of log-odds; negative where the film speaks against the class.
    """
    size = len(levels)
    side = max(1, round(_PATCH * size))
    places = np.linspace(0, size - side, _STEPS).round().astype(int)
    covered = np.repeat(levels[None], _STEPS * _STEPS + 1, axis=0)
    corners = [(top, left) for top in places for left in places]
    grey = np.uint8(round(float(levels.mean())))
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


async def heatmap_response(service: Service, stored: StoredPrediction) -> Response:
    """A heat map as a PNG of the film's proportions, transparent where nothing speaks for the class.

    It explains the positive class of two, whatever the answer is; of several classes the predicted one.

    Raises:
        Problem: 410 where the film, or the detector that answered, is not there any more; 422 for a film that could
            not be read.
    """
    seals = [each.spec.seal for each in service.detectors]
    if stored.key.seal not in seals:
        raise Problem(410, "the detector that gave this answer is not served any more")
    if stored.row.error:
        raise Problem(422, "the film could not be read, so that nothing can be explained")
    if stored.id not in service.heatmaps:
        number = seals.index(stored.key.seal)
        async with service.explaining, file_of(service, stored) as path:
            located = await service.pipeline.locate(path, number)
            detector = service.detectors[number]
            target = len(stored.classes) - 1
            if len(stored.classes) > 2:
                target = stored.classes.index(stored.row.prediction)
            _remember(service.heatmaps, stored.id, await asyncio.to_thread(_draw, detector, located, target))
    return Response(service.heatmaps[stored.id], media_type="image/png")


def _draw(detector: Detector, located: FilmLocated, target: int) -> bytes:
    levels = np.frombuffer(located.levels, np.uint8).reshape(located.size, located.size)
    heat = np.maximum(occlusion_map(detector, levels, target), 0)
    height, width = located.shape
    top, left, bottom, right = located.region
    if located.is_padded:
        longer = max(bottom - top, right - left)
        rows, columns = (max(1, round(each * located.size / longer)) for each in (bottom - top, right - left))
        above, before = (located.size - rows) // 2, (located.size - columns) // 2
        heat = np.ascontiguousarray(heat[above : above + rows, before : before + columns])
    scale = _LONGEST / max(height, width)
    drawn = np.zeros((max(1, round(height * scale)), max(1, round(width * scale))), np.float32)
    y, x, y_end, x_end = (round(each * scale) for each in (top, left, bottom, right))
    part = drawn[y : max(y + 1, y_end), x : max(x + 1, x_end)]
    part[:] = cv2.resize(heat, part.shape[::-1], interpolation=cv2.INTER_LINEAR)
    strongest = float(drawn.max())
    strength = drawn / strongest if strongest > _WEAKEST else np.zeros_like(drawn)
    colours = cv2.cvtColor(
        cv2.applyColorMap(np.rint(strength * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB
    )
    alpha = np.rint(np.sqrt(strength) * 255).astype(np.uint8)
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.dstack([colours, alpha]), "RGBA").save(file, format="PNG")
    return file.getvalue()


def _remember(maps: OrderedDict[str, bytes], id_: str, picture: bytes) -> None:
    maps[id_] = picture
    while len(maps) > 64:
        maps.popitem(last=False)
