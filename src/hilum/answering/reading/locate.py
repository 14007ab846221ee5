"""A film as its detector is shown it, and which part of the film that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hilum.answering.reading.messages import FilmLocated
from hilum.pixels import decode
from hilum.pixels.preprocess import preprocess_scaled
from hilum.pixels.region import around, finder_of, whole

if TYPE_CHECKING:
    from hilum.lungs import LungFinder
    from hilum.recipe import Pixels


def locate_film(path: str, spec: Pixels, lungs: LungFinder | None) -> FilmLocated:
    """Read a film as `read_square` does, at its full size.

    Args:
        path: the film.
        spec: the `[pixels]` of a recipe.
        lungs: the network that finds the lungs.

    Raises:
        FilmError: as for `hilum.pixels.decode`.
    """
    grey = decode(path, spec.window, grey_scale=spec.grey_scale)
    shown = preprocess_scaled(grey, spec, grey.shape, 1, lungs)
    height, width = grey.shape
    box = shown.framing.box if shown.framing and finder_of(spec, lungs) else None
    region = (around(box, spec.margin, height, width) if box else whole(height, width)).without_border(spec.crop)
    if spec.resize == "crop":
        region = region.middle()
    return FilmLocated(
        size=len(shown.levels),
        levels=np.ascontiguousarray(shown.levels).tobytes(),
        shape=(height, width),
        region=(region.top, region.left, region.bottom, region.right),
        is_padded=spec.resize == "pad",
        lungs=None if shown.lungs is None else shown.lungs.tobytes(),
    )
