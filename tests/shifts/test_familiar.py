"""The shifts that augmentation can draw: grey films in, grey films out, the same every time, each what it says."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.pixels import chest_phantom
from hilum.shifts import ACQUISITION, FAMILIAR

FILM = chest_phantom(3, (224, 224), 0.5)


@pytest.mark.parametrize("name", FAMILIAR.shifts)
@pytest.mark.parametrize("size", [(224, 224), (61, 90)])
def test_gives_a_film_of_the_same_size_and_range_every_time(name: str, size: tuple[int, int]) -> None:
    film = chest_phantom(1, size)
    result = FAMILIAR.shifts[name](film)
    assert result.shape == film.shape
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert not np.array_equal(result, film)
    np.testing.assert_array_equal(FAMILIAR.shifts[name](film), result)


def test_there_are_ten_and_none_is_of_the_other_battery() -> None:
    assert len(FAMILIAR.shifts) == 10
    assert not set(FAMILIAR.shifts) & set(ACQUISITION.shifts)


def test_noise_has_its_deviation() -> None:
    grey = np.full((224, 224), 0.5, dtype=np.float32)
    assert FAMILIAR.shifts["noisy"](grey).std() == pytest.approx(0.12, rel=0.05)


def test_exposure_is_gamma() -> None:
    np.testing.assert_allclose(FAMILIAR.shifts["brightened"](FILM), FILM**0.5, atol=1e-6)
    np.testing.assert_allclose(FAMILIAR.shifts["darkened"](FILM), FILM**2, atol=1e-6)


def test_zooming_out_leaves_black_around_the_chest() -> None:
    small = FAMILIAR.shifts["zoomed_out"](FILM)
    assert (small[:20] == 0).all()
    assert (small[112, 60:160] > 0).all()
