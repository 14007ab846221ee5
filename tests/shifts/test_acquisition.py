from __future__ import annotations

import cv2
import numpy as np
import pytest

from hilum.pixels import chest_phantom
from hilum.shifts import ACQUISITION, Grey
from hilum.shifts.acquisition import (
    collimated,
    downsampled,
    equalised,
    moved,
    posterised,
    shaded,
    sheared,
    speckled,
)

FILM: Grey = chest_phantom(7, (224, 224), opacity=0.5)


def scaled_down(film: Grey) -> Grey:
    return np.asarray(cv2.resize(film, (112, 112), interpolation=cv2.INTER_AREA), dtype=np.float32)


def test_the_battery_is_what_its_name_says() -> None:
    assert ACQUISITION.name == "shifts-1"
    assert len(ACQUISITION.shifts) == 10


@pytest.mark.parametrize("name", ACQUISITION.shifts)
@pytest.mark.parametrize("size", [(224, 224), (97, 160), (16, 16), (17, 300)])
def test_a_shift_keeps_shape_type_and_range_and_changes_the_film(name: str, size: tuple[int, int]) -> None:
    film = chest_phantom(3, size)
    before = film.copy()
    result = ACQUISITION.shifts[name](film)
    assert result.shape == size
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1
    assert (film == before).all()
    assert (result != film).any()
    assert (ACQUISITION.shifts[name](film) == result).all()


# Specks are drawn anew for each content; their share is tested below.
@pytest.mark.parametrize("name", [name for name in ACQUISITION.shifts if name != "speckled"])
def test_a_small_film_and_a_large_one_are_shifted_alike(name: str) -> None:
    large = np.asarray(cv2.resize(FILM, (1120, 1120), interpolation=cv2.INTER_CUBIC), dtype=np.float32).clip(0, 1)
    here, there = scaled_down(ACQUISITION.shifts[name](FILM)), scaled_down(ACQUISITION.shifts[name](large))
    difference = float(np.abs(here - there).mean())
    assert difference < 0.2 * float(np.abs(here - scaled_down(FILM)).mean()) + 0.004


@pytest.mark.parametrize("side", [100, 224, 900])
def test_two_cells_in_a_hundred_are_speckled(side: int) -> None:
    flat = np.full((side, side), 0.5, dtype=np.float32)
    result = speckled(flat)
    assert (result == 0).mean() == pytest.approx(0.01, abs=0.003)
    assert (result == 1).mean() == pytest.approx(0.01, abs=0.003)
    grain = max(1, round(side / 224))
    assert scaled_down(result).std() > 0.02 or grain == 1  # a large film's specks survive being scaled down


def test_specks_follow_the_content() -> None:
    other = FILM.copy()
    other[0, 0] = 1 - other[0, 0]
    assert (speckled(FILM) != speckled(other)).mean() > 0.01


def test_downsampling_leaves_no_more_than_ninety_pixels() -> None:
    stripes = np.tile(np.array([0, 1], dtype=np.float32), (224, 112))
    assert float(np.ptp(downsampled(stripes)[:, 20:-20])) < 0.5
    tiny = np.tile(np.array([0, 1], dtype=np.float32), (64, 32))
    assert float(np.ptp(downsampled(tiny)[:, 8:-8])) < 0.5


def test_eight_levels_remain() -> None:
    ramp = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    assert np.unique(posterised(ramp)).size == 8
    assert posterised(ramp).min() == 0
    assert posterised(ramp).max() == 1


def test_equalised_levels_are_equally_common() -> None:
    skewed = np.linspace(0, 1, 65536, dtype=np.float32).reshape(256, 256) ** 1.5
    assert float(np.median(equalised(skewed))) == pytest.approx(0.5, abs=0.05)


def test_shading_runs_from_head_to_foot() -> None:
    change = shaded(np.full((100, 50), 0.5, dtype=np.float32)) - 0.5
    assert change[0, 0] == pytest.approx(0.15)
    assert change[-1, 0] == pytest.approx(-0.15)
    assert (change == change[:, :1]).all()


def test_motion_smears_along_the_film_only() -> None:
    dot = np.zeros((224, 224), dtype=np.float32)
    dot[112, 112] = 1
    result = moved(dot)
    assert np.count_nonzero(result) == 7
    assert np.count_nonzero(result[:, 112]) == 7


def test_shear_moves_the_rim_and_keeps_the_middle() -> None:
    column = np.zeros((201, 201), dtype=np.float32)
    column[:, 100] = 1
    result = sheared(column)
    assert result[100].argmax() == 100
    assert abs(int(result[0].argmax()) - 100) == pytest.approx(100 * np.tan(np.radians(10)), abs=1)


def test_collimation_blackens_the_border_and_nothing_else() -> None:
    bright = np.ones((100, 200), dtype=np.float32)
    result = collimated(bright)
    assert (result[8:92, 16:184] == 1).all()
    assert result.sum() == 84 * 168
