"""What a detector was shown lies on the film where it was taken from, however the recipe shows films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.answering.reading.locate import locate_film
from hilum.answering.reading.show import show_film
from hilum.bundle import lung_finder, read
from hilum.pixels import chest_phantom, decode, read_square
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
    expected_back(film, locate_film(film, Pixels(size=96, **tags), None))


def test_so_is_the_square_of_a_detector_that_is_shown_the_lungs(film: str) -> None:
    opened = read("shipped")
    located = locate_film(film, opened.spec.recipe.pixels, lung_finder(opened))
    expected_back(film, located)
    square, lungs = located.squares()
    assert lungs is not None  # which a system that describes films by their lungs is asked with
    shown = read_square(film, opened.spec.recipe.pixels, lungs=lung_finder(opened))
    np.testing.assert_array_equal(square, shown.levels)
    np.testing.assert_array_equal(lungs, shown.lungs)


def expected_back(film: str, located: Any) -> None:
    square = located.squares()[0].astype(np.float32)
    placed = heat_on_film(square, located.shape, located.region, padded=located.is_padded, longest=400)
    top, left, bottom, right = located.region
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
