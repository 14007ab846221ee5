"""The generated chest picture."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.pixels import chest_phantom


def test_the_same_seed_gives_the_same_picture() -> None:
    np.testing.assert_array_equal(chest_phantom(7), chest_phantom(7))
    assert not np.array_equal(chest_phantom(7), chest_phantom(8))


@pytest.mark.parametrize("size", [(256, 256), (16, 16), (90, 140)])
def test_it_is_a_decoded_film_by_shape_and_range(size: tuple[int, int]) -> None:
    picture = chest_phantom(3, size, 0.5)
    assert picture.shape == size
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_a_bundle_may_rely_on_its_values() -> None:
    """Golden predictions are made on phantoms: a bundle of last year must find the same ones."""
    picture = chest_phantom(1, (64, 64), 0.5)
    assert float(picture.mean()) == pytest.approx(0.422527, abs=1e-5)
    assert picture[10, 20:23] == pytest.approx([0.652513, 0.648733, 0.636905], abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_lungs_are_dark_and_the_mediastinum_is_bright(seed: int) -> None:
    picture = chest_phantom(seed)
    middle = picture[100:150, 118:138].mean()
    assert picture[100:150, 60:90].mean() < middle - 0.1
    assert picture[100:150, 166:196].mean() < middle - 0.1


@pytest.mark.parametrize("seed", range(6))
def test_an_opacity_brightens_one_lung_and_nothing_else(seed: int) -> None:
    change = chest_phantom(seed, opacity=1.0) - chest_phantom(seed)
    assert change.min() >= 0
    assert change.max() > 0.1
    assert min(change[:, :128].max(), change[:, 128:].max()) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("size", "opacity"), [((8, 64), 0.0), ((64, 64), 1.5), ((64, 64), -0.1)])
def test_sizes_and_opacities_that_mean_nothing_are_refused(size: tuple[int, int], opacity: float) -> None:
    with pytest.raises(ValueError, match="phantom"):
        chest_phantom(1, size, opacity)
