"""What a detector was shown lies on the film where it was taken from, however the recipe shows films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.answering.reading.show import show_film
from hilum.bundle import lung_finder, read
from hilum.pixels import Square, chest_phantom, decode, read_square
from hilum.recipe import Pixels
from hilum.renderings import heat_on_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("film") / "film.png"
    Image.fromarray(np.rint(chest_phantom(3, (300, 400)) * 4095).astype(np.uint16)).save(path)
    return str(path)


@pytest.mark.parametrize(
    "tags", [{}, {"crop": 0.1}, {"resize": "pad"}, {"resize": "crop"}, {"resize": "pad", "crop": 0.2}], ids=str
)
def test_the_square_put_back_is_the_film(film: str, tags: dict[str, Any]) -> None:
    spec = Pixels(size=96, **tags)
    expected_back(film, read_square(film, spec), padded=spec.resize == "pad")


def test_so_is_the_square_of_a_detector_that_is_shown_the_lungs(film: str) -> None:
    opened = read("shipped")
    expected_back(film, read_square(film, opened.spec.recipe.pixels, lungs=lung_finder(opened)), padded=False)


def expected_back(film: str, square: Square, *, padded: bool) -> None:
    (height, width), region = square.shape, square.region
    assert region is not None
    placed = heat_on_film(square.levels.astype(np.float32), (height, width), region, padded=padded, longest=400)
    top, left, bottom, right = region
    inside = (slice(top, bottom), slice(left, right))
    grey = decode(film)
    assert np.corrcoef(placed[inside].ravel(), grey[inside].ravel())[0, 1] > 0.98
    outside = np.ones_like(grey, dtype=bool)
    outside[inside] = False
    assert not placed[outside].any()


def test_the_viewers_first_window_shows_the_film_as_it_is_decoded(film: str, tmp_path: Path) -> None:
    shown = show_film(film)
    (centre, width), *_ = shown.windows
    assert (shown.height, shown.width, shown.inverted) == (300, 400, False)
    values = np.arange(shown.low, shown.high + 1)
    grey = np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)  # as viewer.js computes it
    levels = np.asarray(Image.open(film))
    np.testing.assert_allclose(grey[levels - shown.low], decode(film), atol=1.01 / 255)
