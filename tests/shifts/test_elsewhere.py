"""What other hospitals' films show: grey films in, grey films out, the same every time, each what it says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hilum.pixels import chest_phantom
from hilum.recipe import Augment
from hilum.shifts import ACQUISITION, ELSEWHERE, FAMILIAR, Grey, drawn_in_training, elsewhere
from hilum.shifts.elsewhere import (
    OTHER_HOSPITAL,
    film_screen,
    gridded,
    lettered,
    limbs,
    other_histogram,
    round_collimator,
    shaken,
    storage_phosphor,
    turned,
    wired,
)

FILM: Grey = chest_phantom(7, (224, 224), opacity=0.5)
GREY: Grey = np.full((224, 224), 0.4, dtype=np.float32)


def scaled_down(film: Grey) -> Grey:
    return np.asarray(cv2.resize(film, (112, 112), interpolation=cv2.INTER_AREA), dtype=np.float32)


def test_the_battery_is_what_its_name_says() -> None:
    assert ELSEWHERE.name == "shifts-2"
    assert len(ELSEWHERE.shifts) == 10
    assert not set(ELSEWHERE.shifts) & (set(ACQUISITION.shifts) | set(FAMILIAR.shifts))


@pytest.mark.parametrize("name", ELSEWHERE.shifts)
@pytest.mark.parametrize("size", [(224, 224), (97, 160), (16, 16), (17, 300)])
def test_a_shift_keeps_shape_type_and_range_and_changes_the_film(name: str, size: tuple[int, int]) -> None:
    film = chest_phantom(3, size)
    before = film.copy()
    result = ELSEWHERE.shifts[name](film)
    assert result.shape == size
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1
    assert (film == before).all()
    assert (result != film).any()
    assert (ELSEWHERE.shifts[name](film) == result).all()


@pytest.mark.parametrize("name", ELSEWHERE.shifts)
def test_a_small_film_and_a_large_one_are_shifted_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "draws_of", lambda grey: np.random.default_rng(5))  # of a content of its own
    large = np.asarray(cv2.resize(FILM, (1120, 1120), interpolation=cv2.INTER_CUBIC), dtype=np.float32).clip(0, 1)
    here, there = scaled_down(ELSEWHERE.shifts[name](FILM)), scaled_down(ELSEWHERE.shifts[name](large))
    difference = float(np.abs(here - there).mean())
    assert difference < 0.2 * float(np.abs(here - scaled_down(FILM)).mean()) + 0.004


def test_what_is_drawn_follows_the_content() -> None:
    films = [chest_phantom(seed, (224, 224)) for seed in range(8)]
    sides = {bool((turned(film) - film)[:, :112].mean() > (turned(film) - film)[:, 112:].mean()) for film in films}
    assert sides == {True, False}
    places = {tuple(np.argwhere(lettered(film) - film > 0.3)[0]) for film in films}
    assert len(places) == len(films)


def test_a_cassettes_curve_is_steep_in_the_middle_and_keeps_the_ends() -> None:
    ramp = np.linspace(0, 1, 10001, dtype=np.float32).reshape(1, -1)
    curve = film_screen(ramp)[0]
    assert curve[[0, 5000, 10000]] == pytest.approx([0, 0.5, 1], abs=1e-4)
    slope = np.gradient(curve, 1e-4)
    assert slope.argmax() == pytest.approx(5000, abs=20)
    # The logistic's own slope in its middle, over the span that it is stretched to.
    assert slope[5000] == pytest.approx(3 * np.log(10) / 4 / np.tanh(3 * np.log(10) / 4), rel=0.02)
    assert max(slope[50], slope[-50]) < 0.3


def test_a_storage_phosphor_is_logarithmic() -> None:
    ramp = np.linspace(0, 1, 11, dtype=np.float32).reshape(1, -1)
    np.testing.assert_allclose(storage_phosphor(ramp)[0], np.log(1 + 10 * ramp[0]) / np.log(11), atol=1e-6)


def test_another_hospitals_histogram_is_matched() -> None:
    many = np.random.default_rng(0).beta(2, 5, (500, 500)).astype(np.float32)
    sixteenths = np.quantile(other_histogram(many), np.linspace(0, 1, 17))
    np.testing.assert_allclose(sixteenths[1:-1], OTHER_HOSPITAL[1:-1], atol=0.01)
    assert list(OTHER_HOSPITAL) == sorted(OTHER_HOSPITAL)
    flat = other_histogram(GREY)
    assert np.ptp(flat) == 0, "a film of one grey stays one"


def test_a_grids_lines_are_upright_and_so_far_apart() -> None:
    across = gridded(GREY)[112] - 0.4
    spectrum = np.abs(np.fft.rfft(across))
    assert set(np.argsort(spectrum)[-2:]) <= {5, 44, 45}  # 224 pixels hold 45 lines and five waves of moiré
    assert np.abs(gridded(GREY) - 0.4).max() < 0.08


def test_letters_and_plates_are_bright_and_leave_the_middle() -> None:
    for seed in range(6):
        film = chest_phantom(seed, (224, 224)) * np.float32(0.6)
        added = lettered(film) - film
        assert 0.01 < (added > 0.1).mean() < 0.08
        assert lettered(film).max() > 0.9
        assert (added[75:150, 75:150] == 0).all()
        assert (added >= 0).all()


def test_limbs_come_from_a_side_and_from_below() -> None:
    for seed in range(6):
        film = chest_phantom(seed, (224, 224)) * np.float32(0.6)
        added = limbs(film) - film
        assert (added >= -1e-6).all()
        assert (added[:30] < 0.01).all(), "the head's end is free"
        assert added[-15:].max() > 0.1
        assert max(added[60:160, :25].max(), added[60:160, -25:].max()) > 0.1
        assert (added[40:150, 70:154] < 0.02).all(), "and so is the middle of the chest"


def test_a_turned_chest_is_wider_on_one_side() -> None:
    lines = np.zeros((100, 201), dtype=np.float32)
    lines[:, [50, 100, 150]] = 1
    seen = np.sort(np.argsort(turned(lines)[50])[-3:])
    halves = np.diff(seen)
    assert halves.max() / halves.min() > 1.2
    assert turned(GREY)[:, 0].mean() == pytest.approx(0.4, abs=0.0601)


def test_a_shaken_film_is_smeared_along_a_diagonal() -> None:
    dot = np.zeros((224, 224), dtype=np.float32)
    dot[112, 112] = 1
    rows, columns = np.nonzero(shaken(dot))
    assert len(rows) == 5
    assert abs(np.corrcoef(rows, columns)[0, 1]) == pytest.approx(1)
    assert shaken(dot).sum() == pytest.approx(1)


def test_wires_are_thin_and_reach_the_lower_border() -> None:
    added = wired(GREY) - GREY
    assert 0.01 < (added > 0.05).mean() < 0.12
    assert added[-1].max() > 0.1
    assert added[0].max() > 0.1, "the tube comes from above"


def test_a_round_beam_cuts_the_corners_alone() -> None:
    bright = np.ones((201, 201), dtype=np.float32)
    result = round_collimator(bright)
    down, across = np.mgrid[-100:101, -100:101]
    away = np.hypot(down, across) / 201
    assert (result[away < 0.53] == 1).all()
    assert (result[away > 0.57] == 0).all()
    wide = round_collimator(np.ones((100, 400), dtype=np.float32))
    assert wide[50, 0] == 1 == wide[0, 200], "an oblong film has an oval, not a disc in its middle"


def test_what_training_draws_is_named() -> None:
    assert drawn_in_training(Augment()) == ()
    assert drawn_in_training(Augment(gamma=1.5, erase=(0.3, 0.2))) == ("storage_phosphor", "lettered")
    assert drawn_in_training(Augment(gamma=0.6)) == ()
