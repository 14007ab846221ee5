"""Films that are put together from two: which pixel is whose, and how soft the edge between them is."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.lung_swaps import lungs_or_middle, outside_replaced, outsides, with_lungs_of
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.special import ndtr
from skimage.morphology import convex_hull_image

from hilum.lungs import Box, Lungs
from hilum.lungs.found import box_of
from hilum.pixels import chest_phantom
from tests.phantom_lungs import ellipses

SIDE = 112
REACH = 2  # pixels: how far beyond the hull a film of this side is replaced, and the softness of the edge there
FILM = chest_phantom(3, (SIDE, SIDE))


def rectangle(shape: tuple[int, int], rows: slice, columns: slice) -> tuple[NDArray[np.bool_], Box]:
    """A hull and the box around it."""
    hull = np.zeros(shape, dtype=bool)
    hull[rows, columns] = True
    return hull, box_of(hull)


def grey(shape: tuple[int, int], value: float) -> NDArray[np.float32]:
    return np.full(shape, value, dtype=np.float32)


def test_the_hull_holds_both_lungs_and_what_lies_between_them() -> None:
    mask = ellipses(3, (SIDE, SIDE))
    hull, box = lungs_or_middle(Lungs(mask, 1.0, box=box_of(mask)), FILM.shape)
    assert box == box_of(mask)
    assert hull[mask].all()
    # scikit-image counts a pixel whose centre lies outside and whose edge does not.
    assert (hull != convex_hull_image(mask)).mean() < 0.01


def test_of_a_film_without_lungs_the_middle_is_taken() -> None:
    hull, box = lungs_or_middle(Lungs(None, 0.1, reason="nothing in it looks like a lung"), (50, 100))
    assert box == Box(0.2, 0.2, 0.8, 0.8)
    assert box_of(hull) == box
    assert hull.sum() == 30 * 60


def test_the_edge_is_softened_by_a_gaussian_just_outside_the_hull() -> None:
    hull, _ = rectangle((SIDE, SIDE), slice(None), slice(0, 50))
    weights = outside_replaced(grey((SIDE, SIDE), 1), hull, grey((SIDE, SIDE), 0))
    # The last pixel of the hull is 49; a step behind pixel 49 + REACH, seen through a Gaussian of that sigma.
    expected = ndtr((49.5 + REACH - np.arange(SIDE)) / REACH)
    np.testing.assert_allclose(weights, np.broadcast_to(expected, weights.shape), atol=0.01)
    assert (weights[:, :44] == 1).all()
    assert (weights[:, 62:] == 0).all()


def test_inside_the_hull_stays_what_it_was_and_the_rest_is_the_other_picture() -> None:
    hull, _ = rectangle((SIDE, SIDE), slice(30, 80), slice(20, 90))
    outside = chest_phantom(4, (SIDE, SIDE))
    result = outside_replaced(FILM, hull, outside)
    np.testing.assert_allclose(result[36:74, 26:84], FILM[36:74, 26:84], atol=1e-6)
    for strip in (np.s_[:18], np.s_[92:], np.s_[:, :8], np.s_[:, 102:]):
        np.testing.assert_array_equal(result[strip], outside[strip])
    assert result.dtype == np.float32


def test_the_lungs_of_another_film_come_to_lie_where_its_own_did() -> None:
    """Of any size: a place in one box is the same place in the other."""
    other = chest_phantom(7, (90, 140))
    hull, box = rectangle((SIDE, SIDE), slice(28, 84), slice(21, 91))
    others_hull, others_box = rectangle((90, 140), slice(9, 54), slice(28, 112))
    result = with_lungs_of(FILM, hull, box, other, others_hull, others_box)
    rows, columns = np.arange(40, 72), np.arange(32, 80)
    # Centres of pixels lie half a pixel from their edges, and boxes are measured from edge to edge.
    there = np.meshgrid(
        9 + (rows + 0.5 - 28) / 56 * 45 - 0.5, 28 + (columns + 0.5 - 21) / 70 * 84 - 0.5, indexing="ij"
    )
    expected = map_coordinates(other, there, order=1)
    # OpenCV interpolates between 32 places in a pixel.
    np.testing.assert_allclose(result[np.ix_(rows, columns)], expected, atol=0.02)
    for strip in (np.s_[:16], np.s_[96:], np.s_[:, :9], np.s_[:, 103:]):
        np.testing.assert_array_equal(result[strip], FILM[strip])


def test_nothing_is_left_of_a_films_own_lungs_though_the_others_are_smaller() -> None:
    hull, box = rectangle((SIDE, SIDE), slice(20, 90), slice(20, 90))
    film = np.where(hull, np.float32(1), np.float32(0.5))
    others_hull, _ = rectangle((SIDE, SIDE), slice(50, 60), slice(50, 60))
    result = with_lungs_of(film, hull, box, grey((SIDE, SIDE), 0.1), others_hull, box)
    np.testing.assert_allclose(result[24:86, 24:86], 0.1, atol=0.01)
    assert result.max() < 0.55


def test_larger_lungs_of_another_film_are_whole_too() -> None:
    hull, box = rectangle((SIDE, SIDE), slice(50, 60), slice(50, 60))
    others_hull, _ = rectangle((SIDE, SIDE), slice(20, 90), slice(20, 90))
    result = with_lungs_of(grey((SIDE, SIDE), 0.5), hull, box, grey((SIDE, SIDE), 0.1), others_hull, box)
    np.testing.assert_allclose(result[24:86, 24:86], 0.1, atol=0.01)


def test_what_takes_the_place_of_everything_outside_the_lungs() -> None:
    found = outsides(FILM, seed=5)
    assert list(found) == ["blurred", "noise", "grey"]
    np.testing.assert_allclose(found["blurred"], gaussian_filter(FILM, SIDE / 12, mode="mirror"), atol=1e-3)
    assert (found["grey"] == np.median(FILM)).all()
    noise = found["noise"].ravel()
    assert (noise.mean(), noise.std()) == pytest.approx((1 / 2, 1 / 12**0.5), abs=0.01)
    assert abs(np.corrcoef(noise, FILM.ravel())[0, 1]) < 0.03
    assert {each.dtype for each in found.values()} == {np.dtype(np.float32)}


def test_noise_is_drawn_by_the_seed() -> None:
    np.testing.assert_array_equal(outsides(FILM, 5)["noise"], outsides(FILM, 5)["noise"])
    assert not np.array_equal(outsides(FILM, 5)["noise"], outsides(FILM, 6)["noise"])
