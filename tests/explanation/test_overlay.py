"""What is drawn: the film where nothing speaks, colour where something does, a line at half of the strongest."""

from __future__ import annotations

import io

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image

from hilum.explanation import heat_maps, overlay, side_by_side
from hilum.explanation.overlay import COLOURS, STRENGTH
from tests.explanation.conftest import SIZE, bright_finder, film_with_square, grey_films, square_mask

FILM = grey_films(1, SIZE)[0]
GREY = np.repeat(FILM[..., None], 3, axis=2)


def test_what_speaks_for_nothing_or_against_leaves_the_film_as_it_is() -> None:
    for heat in (np.zeros((SIZE, SIZE)), -np.ones((SIZE, SIZE))):
        drawn = overlay(FILM, heat.astype(np.float32))
        assert drawn.shape == (SIZE, SIZE, 3)
        assert drawn.dtype == np.uint8
        np.testing.assert_array_equal(drawn, GREY)


def test_the_strongest_place_has_the_last_colour_over_the_film() -> None:
    heat = square_mask().astype(np.float32)
    drawn = overlay(FILM, heat)
    colour = np.array(matplotlib.colormaps[COLOURS](1.0)[:3]) * 255
    inside = drawn[20:28, 36:44]  # within the line
    np.testing.assert_allclose(inside, (1 - STRENGTH) * GREY[20:28, 36:44] + STRENGTH * colour, atol=0.5)
    np.testing.assert_array_equal(drawn[~square_mask()], GREY[~square_mask()])
    assert (drawn[16, 32:48] == 255).all()  # the line


def test_a_common_scale_keeps_a_weak_map_weak() -> None:
    heat = 0.1 * square_mask().astype(np.float32)
    strong, weak = (np.abs(overlay(FILM, heat, strongest).astype(int) - GREY).sum() for strongest in (None, 1.0))
    assert 0 < weak < strong


def test_a_coarse_map_is_spread_over_the_film() -> None:
    drawn = overlay(FILM, np.array([[0, 0], [0, 1]], dtype=np.float32))
    changed = (drawn != GREY).any(axis=2)
    assert changed[SIZE // 2 :, SIZE // 2 :].all()
    assert not changed[: SIZE // 4].any()


def test_the_colours_rise_evenly_in_lightness() -> None:
    """So that they keep their order in grey print and for eyes that miss a colour (CIE L*)."""
    colours = (matplotlib.colormaps[COLOURS](np.linspace(0, 1, 64))[:, :3] * 255).astype(np.uint8)
    lightness = cv2.cvtColor(colours[None], cv2.COLOR_RGB2LAB)[0, :, 0].astype(float)
    steps = np.diff(lightness)
    assert (steps > -1).all()
    assert np.ptp(lightness) > 120
    assert steps.max() < 4 * steps.mean()


@pytest.mark.parametrize("caption", ["film.png", "a$b$ \\frac{ 肺 %s\nPNEUMONIA 0.912"])
def test_a_plate_is_a_picture_whatever_the_caption_holds(caption: str) -> None:
    heat = square_mask().astype(np.float32)
    picture = Image.open(io.BytesIO(side_by_side(FILM, heat, caption, "speaks for PNEUMONIA", square_mask())))
    assert picture.format == "PNG"
    assert picture.size[0] > 800
    without = Image.open(io.BytesIO(side_by_side(FILM, heat, caption, "speaks for PNEUMONIA")))
    assert np.asarray(without).shape == np.asarray(picture).shape
    assert (np.asarray(without) != np.asarray(picture)).any()  # the lungs' outline


def test_heat_maps_are_films_with_their_overlays() -> None:
    films = np.stack([film_with_square(), FILM])
    drawn = heat_maps(bright_finder(), films, 1)
    assert drawn.shape == (2, SIZE, SIZE, 3)
    assert drawn.dtype == np.uint8
    changed = (drawn[0] != film_with_square()[..., None]).any(axis=2)
    assert changed[square_mask()].mean() > 0.9
    assert changed[:8].sum() == 0
    assert heat_maps(bright_finder(), films[:0], 1).shape == (0, SIZE, SIZE, 3)
