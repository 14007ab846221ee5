"""What the lung network gives becomes a mask, a box and remarks; what is no chest film has no lungs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.lungs import Box, LungFinder, find_lungs, hull_of, shipped_finder
from hilum.lungs.finder import SIDE
from hilum.pixels import chest_phantom

Grey = NDArray[np.float32]
UPRIGHT = (0.97, 0.01, 0.01, 0.005, 0.005)


class DrawnFinder(LungFinder):
    """A finder whose network "finds" rectangles: (top, left, bottom, right) in pixels of its square."""

    def __init__(self, *lungs: tuple[int, int, int, int], view: tuple[float, ...] = UPRIGHT) -> None:
        self.sha256 = "0" * 64
        self.lungs = np.zeros((1, 1, SIDE, SIDE), dtype=np.float32)
        for top, left, bottom, right in lungs:
            self.lungs[..., top:bottom, left:right] = 1
        self.view = np.array([view], dtype=np.float32)

    def probabilities(self, squares: Grey) -> tuple[Grey, Grey]:
        assert squares.shape == (1, 1, SIDE, SIDE)
        return self.lungs, self.view


LEFT, RIGHT = (32, 16, 96, 48), (32, 80, 96, 112)
FILM = np.zeros((SIDE, 2 * SIDE), dtype=np.uint8)


def test_both_lungs_have_a_mask_of_the_films_size_a_box_and_a_hull() -> None:
    lungs = DrawnFinder(LEFT, RIGHT).find(FILM)
    assert lungs.mask is not None
    assert lungs.mask.shape == FILM.shape
    assert lungs.box is not None
    assert lungs.box == pytest.approx(Box(0.25, 0.125, 0.75, 0.875), abs=0.01)
    assert lungs.mask.mean() == pytest.approx(2 * 0.5 * 0.25, abs=0.01)
    assert lungs.hull is not None
    assert lungs.hull.mean() == pytest.approx(0.5 * 0.75, abs=0.01)
    assert (lungs.reason, lungs.remarks, lungs.rotation) == ("", (), 0)


@pytest.mark.parametrize(
    ("pieces", "view", "remark"),
    [
        ([LEFT], UPRIGHT, "only one lung was found"),
        ([LEFT, (0, 80, 60, 112)], UPRIGHT, "a lung is cut off at the top border"),
        ([(32, 0, 96, 48), (60, 80, 128, 112)], UPRIGHT, "a lung is cut off at the bottom and left border"),
        ([LEFT, RIGHT], (0, 1, 0, 0, 0), "rotated by 90 degrees clockwise"),
        ([LEFT, RIGHT], (0, 0, 1, 0, 0), "upside down"),
        ([LEFT, RIGHT], (0, 0, 0, 1, 0), "rotated by 90 degrees anticlockwise"),
    ],
)
def test_what_is_unusual_is_said(
    pieces: list[tuple[int, int, int, int]], view: tuple[float, ...], remark: str
) -> None:
    lungs = DrawnFinder(*pieces, view=view).find(FILM)
    assert lungs.mask is not None
    assert lungs.remarks == (remark,)


def test_lungs_that_touch_are_both_found() -> None:
    assert DrawnFinder((32, 16, 96, 112)).find(FILM).remarks == ()


def test_where_one_lung_is_found_the_box_holds_the_place_of_the_other() -> None:
    lungs = DrawnFinder(LEFT).find(FILM)
    assert lungs.box == pytest.approx(Box(0.25, 0.125, 0.75, 0.875), abs=0.01)
    lying = DrawnFinder((16, 32, 48, 96), view=(0, 1, 0, 0, 0)).find(FILM)
    assert lying.box == pytest.approx(Box(0.125, 0.25, 0.875, 0.75), abs=0.01)


def test_a_speck_is_no_lung() -> None:
    lungs = DrawnFinder((32, 32, 40, 40)).find(FILM)
    assert (lungs.mask, lungs.box, lungs.reason) == (None, None, "nothing in it looks like a lung")


def test_a_third_piece_is_left_out() -> None:
    lungs = DrawnFinder(LEFT, RIGHT, (110, 10, 126, 30)).find(FILM)
    assert lungs.box == pytest.approx(Box(0.25, 0.125, 0.75, 0.875), abs=0.01)


def test_what_is_no_chest_film_has_no_lungs() -> None:
    lungs = DrawnFinder(LEFT, RIGHT, view=(0.1, 0, 0, 0, 0.9)).find(FILM)
    assert (lungs.mask, lungs.reason) == (None, "it does not look like a frontal chest film")
    assert lungs.frontal == pytest.approx(0.1)


@pytest.mark.parametrize("film", [np.zeros(4), np.full((4, 4), 2.0), np.full((4, 4), np.nan), np.zeros((0, 4))])
def test_what_is_no_film_is_refused(film: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"a film is"):
        find_lungs(film.astype(np.float32))


def test_the_shipped_network_finds_the_lungs_of_a_phantom() -> None:
    film = chest_phantom(3, (256, 256))
    lungs = find_lungs(film)
    assert lungs.mask is not None
    assert lungs.mask.shape == film.shape
    assert film[lungs.mask].mean() < film[~lungs.mask].mean()  # lungs are dark


def test_bytes_and_fractions_are_the_same_film() -> None:
    levels = np.rint(chest_phantom(2) * 255).astype(np.uint8)
    one, other = find_lungs(levels), find_lungs((levels / 255).astype(np.float32))
    assert one.mask is not None
    assert other.mask is not None
    assert (one.mask == other.mask).mean() > 0.999


def test_the_shipped_network_is_small_enough_to_ship() -> None:
    from hilum.lungs.finder import SHIPPED

    assert SHIPPED.stat().st_size <= 2_000_000
    assert len(shipped_finder().sha256) == 64


@pytest.mark.parametrize("seed", range(20))
def test_a_hull_is_that_of_all_pixels_by_opencv(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(tuple(rng.integers(1, 60, 2))) < 10 ** rng.uniform(-3, 0)
    expected = np.zeros(mask.shape, np.uint8)
    points = cv2.findNonZero(mask.astype(np.uint8))
    if points is not None:
        cv2.fillConvexPoly(expected, cv2.convexHull(points), 1)
    np.testing.assert_array_equal(hull_of(mask), expected.astype(bool))
