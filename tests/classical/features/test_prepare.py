"""Each step of the preparation, against another program for the same thing, and on films that show nothing."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import convex_hull_image
from skimage.transform import estimate_transform, warp

from hilum.classical import prepare
from hilum.classical.features.outline import average_lungs, outline_of, outline_of_crop
from hilum.classical.features.prepare import frame_in
from hilum.recipe.classical import Step
from tests.classical.conftest import DARK, FindsDark, FindsNothing, Square, phantom, two_lungs, wild_squares

ALL: tuple[Step, ...] = get_args(Step)


def noisy(film: Square, deviation: float) -> Square:
    grain = np.random.default_rng(0).normal(0, deviation, film.shape)
    return np.rint(np.clip(film + grain, 0, 255)).astype(np.uint8)


def error(one: Square, other: Square) -> float:
    return float(np.sqrt(np.square(one.astype(float) - other).mean()))


def test_no_steps_leave_the_film_as_it_came() -> None:
    film = phantom(1)
    prepared = prepare(film, ())
    assert prepared.square is film
    assert [stage.step for stage in prepared.stages] == [""]
    assert prepared.notes == ()


def test_every_step_leaves_a_film_in_the_order_of_the_recipe() -> None:
    order: tuple[Step, ...] = ("smooth", "frame", "denoise")
    prepared = prepare(phantom(1), order)
    assert [stage.step for stage in prepared.stages] == ["", *order]
    assert prepared.square is prepared.stages[-1].square
    for before, after in zip(prepared.stages, prepared.stages[1:], strict=False):
        assert after.square.dtype == np.uint8
        assert after.square.shape == before.square.shape
        assert not np.array_equal(before.square, after.square)


@pytest.mark.parametrize("wrong", [np.zeros((8, 8), np.uint8), np.zeros((32, 16), np.uint8), np.zeros((32, 32))])
def test_what_is_no_square_is_refused(wrong: Square) -> None:
    with pytest.raises(ValueError, match="square of 16 pixels or more"):
        prepare(wrong, ())


def test_denoising_takes_grain_and_leaves_edges() -> None:
    flat = np.full((96, 96), 90, dtype=np.uint8)
    flat[:, 48:] = 140
    grainy = noisy(flat, 2.0)
    clean = prepare(grainy, ("denoise",)).square
    assert error(clean, flat) < error(grainy, flat) / 1.8
    assert clean[:, 49].mean() - clean[:, 46].mean() > 48


def test_smoothing_is_a_gaussian_whose_width_grows_with_the_film() -> None:
    for size, sigma in ((224, 0.8), (448, 1.6)):
        film = phantom(2, size)
        expected = ndimage.gaussian_filter(film.astype(float), sigma, mode="mirror", truncate=5)
        assert np.abs(prepare(film, ("smooth",)).square - expected).max() < 2.5


def test_the_threshold_is_otsus_and_the_film_stays_grey() -> None:
    film = phantom(4)
    stage = prepare(film, ("binarise",)).stages[-1]
    np.testing.assert_array_equal(stage.mask, film > threshold_otsu(film))
    assert len(np.unique(stage.square)) > 50


def test_letters_and_air_beside_the_body_become_black_and_the_body_stays() -> None:
    film = np.full((128, 128), 12, dtype=np.uint8)
    body = np.zeros((128, 128), dtype=bool)
    body[20:, 30:100] = True
    film[body] = phantom(5, 128)[20:, 30:100].ravel() // 2 + 100
    film[50:110, 40:60] = 60  # a lung, as a hole in what is dense
    film[4:9, 4:9] = 255  # a letter
    after = prepare(film, ("binarise",)).square
    np.testing.assert_array_equal(after[body], film[body])
    assert not after[~convex_hull_image(np.pad(body, 1))[1:-1, 1:-1]].any()


def test_where_no_body_is_found_the_film_stays_and_the_note_says_so() -> None:
    speck = np.zeros((64, 64), dtype=np.uint8)
    speck[30:34, 30:34] = 200
    for film, why in ((speck, "0% of the film"), (np.full((64, 64), 7, np.uint8), "one grey value throughout")):
        prepared = prepare(film, ("binarise",))
        np.testing.assert_array_equal(prepared.square, film)
        (note,) = prepared.notes
        assert note.startswith("no body found")
        assert why in note


def test_the_frame_is_the_box_around_both_lungs_with_a_tenth_of_it_beyond_each_side() -> None:
    film = two_lungs()
    prepared = prepare(film, ("frame",), FindsDark())
    assert prepared.notes == ()
    assert prepared.lungs is not None
    rows, columns = np.flatnonzero((film < DARK).any(axis=1)), np.flatnonzero((film < DARK).any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    down, across = 0.1 * (bottom - top), 0.1 * (right - left)
    corners = np.array(
        [[left - across, top - down], [right + across, top - down], [right + across, bottom + down],
         [left - across, bottom + down]]
    )  # fmt: skip
    np.testing.assert_allclose(frame_in(outline_of(film, FindsDark()), 224), corners - 0.5, atol=1e-6)
    # In scikit-image's words: from places of the frame to places of the film.
    to_film = estimate_transform("affine", np.array([[0, 0], [224, 0], [224, 224], [0, 224]]) - 0.5, corners - 0.5)
    expected = warp(film.astype(float), to_film, order=1, mode="edge")
    assert np.abs(prepared.square - expected).max() < 2.5
    (top_of, left_of), (bottom_of, right_of) = (
        np.argwhere(prepared.lungs.mask).min(0),
        np.argwhere(prepared.lungs.mask).max(0),
    )
    np.testing.assert_allclose(
        np.array([top_of, left_of, bottom_of + 1, right_of + 1]) / 224, prepared.lungs.box, atol=0.01
    )


@pytest.mark.parametrize(
    "layout", [(0.8, 0, 0), (1, 18, -22), (0.7, -30, 25), (1.2, 0, 0)], ids=["small", "aside", "both", "large"]
)
def test_films_of_one_chest_in_several_places_come_to_lie_alike(layout: tuple[float, int, int]) -> None:
    straight, moved = two_lungs(), two_lungs(*layout)
    framed = prepare(straight, ("frame",), FindsDark()).square
    alike = np.corrcoef(prepare(moved, ("frame",), FindsDark()).square.ravel(), framed.ravel())[0, 1]
    assert alike > 0.98
    assert alike > np.corrcoef(moved.ravel(), straight.ravel())[0, 1] + 0.02


def test_the_lung_network_finds_the_lungs_that_are_framed() -> None:
    for seed in (0, 1, 5, 9):
        prepared = prepare(phantom(seed, 224), ("frame",))
        assert prepared.notes == ()
        assert prepared.lungs is not None
        assert 0.25 < prepared.lungs.mask.mean() < 0.7


def test_without_lungs_the_average_outline_makes_the_frame() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (96, 96)).astype(np.uint8)
    for film, finder in ((noise, None), (phantom(8, 224), FindsNothing())):
        prepared = prepare(film, ("frame",), finder)
        (note,) = prepared.notes
        assert note.startswith("lungs not found: ")
        assert note.endswith("the average outline takes their place")
        assert prepared.lungs is not None
        assert prepared.lungs.note == note
        assert prepared.lungs.mask.any()
        np.testing.assert_array_equal(prepared.stages[-1].mask, average_lungs(len(film)))


def test_the_average_outline_is_two_lungs_side_by_side() -> None:
    for size in (64, 224):
        lungs = average_lungs(size)
        assert ndimage.label(lungs)[1] == 2
        assert lungs.mean() == pytest.approx(0.22, abs=0.02)
        assert abs(int(lungs[:, : size // 2].sum()) - int(lungs[:, size // 2 :].sum())) < 0.2 * lungs.sum()


def test_black_beside_the_body_does_not_hide_the_lungs() -> None:
    for seed in (0, 1, 5, 9):
        assert prepare(phantom(seed, 224), ("binarise", "frame")).notes == ()


def test_restoring_takes_back_what_a_blur_took() -> None:
    rows, columns = np.mgrid[:224, :224]
    sharp = np.rint(120 + 90 * np.sin(columns / 2.2) * np.cos(rows / 3) * (columns / 224)).astype(np.uint8)
    smooth, restored = (stage.square for stage in prepare(sharp, ("smooth", "restore")).stages[1:])
    assert error(restored, sharp) < error(smooth, sharp) / 3
    right = np.s_[:, -4:]  # a film that went on at its other side would have an edge here
    assert error(restored[right], sharp[right]) < error(smooth[right], sharp[right])


@settings(max_examples=25, deadline=None)
@given(wild_squares())
def test_every_square_goes_through_all_steps(square: Square) -> None:
    before = square.copy()
    prepared = prepare(square, ALL)
    np.testing.assert_array_equal(square, before)
    assert len(prepared.stages) == 1 + len(ALL)
    assert prepared.square.dtype == np.uint8
    assert prepared.square.shape == square.shape
    if np.ptp(square) == 0:
        assert len(prepared.notes) == 2
        assert np.ptp(prepared.square) <= 1


def test_outside_the_hull_of_the_lungs_the_film_becomes_the_mean_of_what_is_inside() -> None:
    film = two_lungs()
    masked = prepare(film, ("mask",), FindsDark()).square
    hull = convex_hull_image(film < DARK)
    middle, outside = ndimage.binary_erosion(hull, iterations=2), ~ndimage.binary_dilation(hull, iterations=2)
    np.testing.assert_array_equal(masked[middle], film[middle])
    assert np.ptp(masked[outside]) == 0
    assert masked[outside][0] == pytest.approx(film[hull].mean(), abs=1.5)


def test_lungs_that_lay_elsewhere_are_masked_where_the_frame_has_put_them() -> None:
    film = two_lungs(0.6, aside=30)
    framed = prepare(film, ("frame",), FindsDark())
    masked = prepare(film, ("frame", "mask"), FindsDark())
    assert framed.lungs is not None
    hull = ndimage.binary_erosion(convex_hull_image(framed.lungs.mask), iterations=2)
    np.testing.assert_array_equal(masked.square[hull], framed.square[hull])
    assert len(np.unique(masked.square[~ndimage.binary_dilation(hull, iterations=4)])) == 1


@pytest.mark.parametrize("steps", [("frame",), ("mask",), ("smooth", "mask", "frame")])
def test_lungs_that_are_known_are_not_looked_for(steps: tuple[Step, ...]) -> None:
    film = two_lungs()
    known = outline_of_crop((film < DARK).astype(np.uint8) * 255)
    found, given = prepare(film, steps, FindsDark()), prepare(film, steps, FindsNothing(), known)
    np.testing.assert_array_equal(given.square, found.square)
    assert given.notes == ()


def test_a_crop_in_which_no_lungs_were_found_is_noted_once() -> None:
    known = outline_of_crop(np.zeros((128, 128), np.uint8))
    np.testing.assert_array_equal(known.mask, average_lungs(128))
    prepared = prepare(phantom(1), ("frame", "mask"), FindsDark(), known)
    assert prepared.notes == ("the average outline takes the place of the film's lungs",)


def test_of_one_lung_the_frame_is_around_its_mirror_image_too() -> None:
    """As the crop is: the other lung, which may be white, lies there."""
    one = np.zeros((100, 100), np.uint8)
    one[20:80, 10:40] = 255
    assert outline_of_crop(one).box == pytest.approx((0.2, 0.1, 0.8, 0.9))
    assert outline_of_crop(one | one[:, ::-1]).box == pytest.approx((0.2, 0.1, 0.8, 0.9))
