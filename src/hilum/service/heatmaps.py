"""The heat map of a stored answer, drawn when somebody asks for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from fastapi.responses import Response

from hilum.answering.heat import explained_class, film_heat
from hilum.inference import Detector
from hilum.pixels import Square
from hilum.renderings import heat_layer, png
from hilum.service.films import file_of
from hilum.service.problems import Problem
from hilum.service.service import Service
from hilum.store import StoredPrediction

_LONGEST = 512  # pixels of the picture's longer side


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
            square = await service.pipeline.read(path, number)
            detector = service.detectors[number]
            target = explained_class(stored.classes, stored.row.prediction)
            _remember(service.heatmaps, stored.id, await asyncio.to_thread(_draw, detector, square, target))
    return Response(service.heatmaps[stored.id], media_type="image/png")


def _draw(detector: Detector, square: Square, target: int) -> bytes:
    placed = film_heat(detector, square, target, _LONGEST)
    return png(heat_layer(placed, placed.shape, strongest=1.0))


def _remember(maps: OrderedDict[str, bytes], id_: str, picture: bytes) -> None:
    maps[id_] = picture
    while len(maps) > 64:
        maps.popitem(last=False)
