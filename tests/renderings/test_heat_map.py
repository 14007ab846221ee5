"""Heat maps in viridis, transparent where nothing speaks for the class; pictures as files that say nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hilum.renderings import fitted, heat_layer, jpeg, over_film, png

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
