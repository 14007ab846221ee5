"""Deletion, insertion and shares, against slow loops and a network whose one reason is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hilum.explanation import METHODS, FaithfulnessCurve, Method, attribute, deletion, insertion, share_inside
from hilum.explanation.faithfulness import CELLS, STEPS
from tests.explanation.conftest import SIZE, bright_finder, film_with_square, grey_films, probs_of, square_mask

Films = NDArray[np.uint8]


def finder(films: Films) -> NDArray[np.float64]:
    return probs_of(bright_finder(), films)


def never_moved(films: Films) -> NDArray[np.float64]:
    return np.full((len(films), 2), 0.25)


@pytest.mark.parametrize("method", METHODS)
def test_a_right_map_is_better_than_chance_on_both_curves(method: Method) -> None:
    film = film_with_square()
    heat = attribute(bright_finder(), film[None], method, 1)[0]
    away, back = (curve(finder, film, heat, 1) for curve in (deletion, insertion))
    assert away.area < 0.5 * away.chance
    assert back.area > 1.3 * back.chance
    assert away.probs[0] == back.probs[-1] == finder(film[None])[0, 1]


def test_a_map_that_is_wrong_is_worse_than_chance_on_both_curves() -> None:
    film, heat = film_with_square(), -square_mask().astype(np.float32)
    away, back = (curve(finder, film, heat, 1) for curve in (deletion, insertion))
    assert away.area > away.chance
    assert back.area < back.chance


def test_deletion_against_a_slow_loop() -> None:
    film = grey_films(1, SIZE)[0]
    heat = np.random.default_rng(5).normal(size=(SIZE, SIZE)).astype(np.float32)

    def predict_probs(films: Films) -> NDArray[np.float64]:
        positive = films[:, 10:30, 20:50].mean(axis=(1, 2)) / 255
        return np.stack([1 - positive, positive], axis=1)

    side = SIZE // CELLS
    grey = round(float(film[film > 5].mean()))
    cells = [(row * side, column * side) for row in range(CELLS) for column in range(CELLS)]
    cells.sort(key=lambda cell: -float(heat[cell[0] : cell[0] + side, cell[1] : cell[1] + side].mean()))
    probs, left = [predict_probs(film[None])[0, 1]], film.copy()
    for number, (top, start) in enumerate(cells, start=1):
        left[top : top + side, start : start + side] = grey
        if number % (CELLS * CELLS // STEPS) == 0:
            probs.append(predict_probs(left[None])[0, 1])
    curve = deletion(predict_probs, film, heat, 1)
    np.testing.assert_allclose(curve.probs, probs, atol=1e-12)
    assert curve.area == pytest.approx(float(np.trapezoid(probs, dx=1 / STEPS)))


def test_a_detector_that_nothing_moves_has_the_area_of_its_probability() -> None:
    heat = np.random.default_rng(5).normal(size=(SIZE, SIZE)).astype(np.float32)
    expected = FaithfulnessCurve((0.25,) * (STEPS + 1), 0.25, 0.25)
    assert deletion(never_moved, grey_films(1, SIZE)[0], heat, 1) == expected
    assert insertion(never_moved, grey_films(1, SIZE)[0], heat, 0) == expected


def test_the_same_seed_draws_the_same_orders() -> None:
    film, heat = film_with_square(), square_mask().astype(np.float32)
    assert deletion(finder, film, heat, 1, seed=3) == deletion(finder, film, heat, 1, seed=3)
    assert deletion(finder, film, heat, 1, seed=3).chance != deletion(finder, film, heat, 1, seed=4).chance


@pytest.mark.parametrize("side", [16, 33, 97])
def test_any_film_size_ends_with_everything_changed(side: int) -> None:
    film = grey_films(1, side)[0]
    seen: list[Films] = []

    def predict_probs(films: Films) -> NDArray[np.float64]:
        seen.append(films)
        return never_moved(films)

    insertion(predict_probs, film, film.astype(np.float32), 1)
    assert not np.array_equal(seen[0][0], film)
    for films in seen:
        np.testing.assert_array_equal(films[-1], film)


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape \(size, size\), not \(64, 64\) and \(32, 32\)"):
        deletion(finder, film_with_square(), np.zeros((32, 32), dtype=np.float32), 1)


# Shares


def test_the_share_inside_counts_only_what_speaks_for_the_class() -> None:
    heat = np.array([[3.0, -9.0], [1.0, 0.0]], dtype=np.float32)
    mask = np.array([[True, True], [False, False]])
    assert share_inside(heat, mask) == 0.75
    assert share_inside(heat, ~mask) == 0.25
    assert share_inside(-np.abs(heat), mask) is None


def test_an_even_map_has_the_share_of_chance() -> None:
    assert share_inside(np.ones((SIZE, SIZE), dtype=np.float32), square_mask()) == square_mask().mean()


@given(st.integers(0, 2**32 - 1), st.floats(1e-30, 1e30))
def test_a_share_lies_between_nothing_and_all(seed: int, scale: float) -> None:
    draw = np.random.default_rng(seed)
    heat = (draw.normal(size=(8, 8)) * scale).astype(np.float32)
    mask = draw.random((8, 8)) < 0.5
    inside, outside = share_inside(heat, mask), share_inside(heat, ~mask)
    if inside is not None and outside is not None:
        assert 0 <= inside <= 1
        assert inside + outside == pytest.approx(1)
