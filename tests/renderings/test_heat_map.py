"""Heat maps in viridis, transparent where nothing speaks for the class; pictures as files that say nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hilum.renderings import fitted, heat_layer, heat_on_film, jpeg, over_film, png

RAMP = np.linspace(-0.2, 0.4, 240, dtype=np.float32).reshape(12, 20)


def test_the_colours_are_matplotlibs_viridis() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    layer = heat_layer(RAMP, RAMP.shape)
    share = np.clip(RAMP / RAMP.max(), 0, 1)
    expected = matplotlib.colormaps["viridis"](np.rint(share * 255).astype(int))[..., :3] * 255
    np.testing.assert_allclose(layer[..., :3], expected, atol=2.5)
    np.testing.assert_array_equal(layer[..., 3] == 0, share == 0)
    assert layer[..., 3].max() == 255


def test_a_map_has_the_films_size_and_its_strength_can_be_fixed() -> None:
    assert heat_layer(RAMP, (48, 40)).shape == (48, 40, 4)
    assert heat_layer(RAMP, RAMP.shape, strongest=1.6)[..., 3].max() == 128
    assert not heat_layer(-np.abs(RAMP), RAMP.shape)[..., 3].any()


def test_a_film_is_unchanged_where_nothing_speaks_and_at_no_opacity() -> None:
    film = np.arange(240, dtype=np.uint8).reshape(12, 20)
    layer = heat_layer(RAMP, film.shape)
    grey = np.repeat(film[..., None], 3, axis=2)
    np.testing.assert_array_equal(over_film(film, layer, 0), grey)
    drawn = over_film(film, layer, 1)
    np.testing.assert_array_equal(drawn[RAMP <= 0], grey[RAMP <= 0])
    np.testing.assert_array_equal(drawn[-1, -1], layer[-1, -1, :3])


@pytest.mark.parametrize(
    ("region", "padded"), [((10, 30, 90, 110), False), ((0, 0, 100, 200), False), ((20, 40, 60, 160), True)]
)
def test_a_map_lies_on_the_part_of_the_film_that_the_detector_was_shown(
    region: tuple[int, int, int, int], padded: bool
) -> None:
    """A slow loop asks for each pixel of the film which place of the map it was shown at."""
    heat = np.random.default_rng(0).random((4, 4)).astype(np.float32)
    placed = heat_on_film(heat, (100, 200), region, padded=padded, longest=200)
    assert placed.shape == (100, 200)
    top, left, bottom, right = region
    height, width = bottom - top, right - left
    down, across = (max(height, width),) * 2 if padded else (height, width)
    for y in range(0, 100, 7):
        for x in range(0, 200, 7):
            if not (top <= y < bottom and left <= x < right):
                assert placed[y, x] == 0
                continue
            row = (y - top + (down - height) // 2 + 0.5) / down * 4 - 0.5
            column = (x - left + (across - width) // 2 + 0.5) / across * 4 - 0.5
            row, column = min(max(row, 0), 3), min(max(column, 0), 3)
            first, before = min(int(row), 2), min(int(column), 2)
            y_part, x_part = row - first, column - before
            upper = (1 - x_part) * heat[first, before] + x_part * heat[first, before + 1]
            lower = (1 - x_part) * heat[first + 1, before] + x_part * heat[first + 1, before + 1]
            assert placed[y, x] == pytest.approx((1 - y_part) * upper + y_part * lower, abs=1e-4)


@pytest.mark.parametrize("film", [(3000, 2000), (1, 9000), (40, 40)])
def test_a_map_has_the_films_proportions_however_small_its_place(film: tuple[int, int]) -> None:
    height, width = film
    placed = heat_on_film(np.ones((5, 5), np.float32), film, (height - 1, width - 1, height, width), longest=512)
    assert max(placed.shape) == 512
    assert placed.shape[0] == max(1, round(512 * height / max(film)))
    assert placed[-1, -1] == 1


@pytest.mark.parametrize(
    "picture",
    [
        np.arange(600, dtype=np.uint16).reshape(20, 30) * 100,
        np.arange(240, dtype=np.uint8).reshape(12, 20),
        np.arange(720).reshape(12, 20, 3).astype(np.uint8),
        np.arange(960).reshape(12, 20, 4).astype(np.uint8),
    ],
    ids=["16 bits", "8 bits", "RGB", "RGBA"],
)
def test_a_png_has_every_value(picture: np.ndarray) -> None:
    opened = Image.open(io.BytesIO(png(picture)))
    np.testing.assert_array_equal(np.asarray(opened), picture)
    assert not opened.info


def test_a_preview_is_about_the_film_and_not_cropped() -> None:
    film = np.tile(np.linspace(0, 255, 200).astype(np.uint8), (100, 1))
    small = fitted(film, 50)
    assert small.shape == (25, 50)
    assert fitted(small, 50) is small
    shown = np.asarray(Image.open(io.BytesIO(jpeg(small))), dtype=int)
    np.testing.assert_allclose(shown, small, atol=4)
    assert small[0, 0] < 4
    assert small[0, -1] > 250
