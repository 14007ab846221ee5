"""One thing, step by step: each level is what it says, and more of it changes a film more."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hilum.pixels import chest_phantom
from hilum.shifts import ACQUISITION, FAMILIAR, LEVELS, SEVERITY

FILM = chest_phantom(3, (224, 224), 0.5)


def test_every_level_is_a_shift_and_no_battery_shares_a_name() -> None:
    assert len(SEVERITY.shifts) == sum(len(levels) for levels in LEVELS.values())
    assert not set(SEVERITY.shifts) & (set(ACQUISITION.shifts) | set(FAMILIAR.shifts))


@pytest.mark.parametrize("name", SEVERITY.shifts)
def test_gives_a_film_of_the_same_size_and_range_every_time(name: str) -> None:
    film = chest_phantom(1, (61, 90))
    result = SEVERITY.shifts[name](film)
    assert result.shape == film.shape
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1
    np.testing.assert_array_equal(SEVERITY.shifts[name](film), result)


@pytest.mark.parametrize("kind", ["blur", "noise"])
def test_more_of_it_changes_a_film_more(kind: str) -> None:
    shifts = [shift for name, shift in SEVERITY.shifts.items() if name.startswith(kind)]
    changes = [float(np.abs(shift(FILM) - FILM).mean()) for shift in shifts]
    assert changes == sorted(changes)
    assert changes[0] > 0


def test_a_level_is_what_it_says() -> None:
    grey = np.full((224, 224), 0.5, dtype=np.float32)
    assert SEVERITY.shifts["noise 0.1"](grey).std() == pytest.approx(0.1, rel=0.05)
    np.testing.assert_allclose(SEVERITY.shifts["gamma 2.5"](FILM), FILM**2.5, atol=1e-5)
    stripes = np.tile(np.array([0, 1], dtype=np.float32), (224, 112))
    assert float(np.ptp(SEVERITY.shifts["resolution 56"](stripes)[:, 20:-20])) < 0.1
    _, content = cv2.imencode(".jpg", np.rint(FILM * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])
    opened = np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)) / 255
    np.testing.assert_allclose(SEVERITY.shifts["jpeg 30"](FILM), opened, atol=1e-5)


def test_a_curve_passes_through_the_battery_that_has_one_of_its_levels() -> None:
    np.testing.assert_array_equal(SEVERITY.shifts["jpeg 10"](FILM), FAMILIAR.shifts["compressed"](FILM))
