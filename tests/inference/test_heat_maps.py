"""Where an answer comes from: in log-odds, from any detector, and nothing where it is weak."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from hilum.inference import Detector
from hilum.inference.heat_maps import heat_map, occlusion_map
from tests.bundle.conftest import make

SIZE = 32
SPOT = (slice(8, 14), slice(20, 26))


class Knowing:
    """A detector whose reasons are known: the log-odds are the grey of one spot."""

    def __init__(self, strength: float, maps: NDArray[np.float32] | None = None) -> None:
        self.strength, self.maps = strength, maps
        self.has_class_activation_maps = maps is not None

    def probs(self, films: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> NDArray[np.float64]:
        odds = self.strength * films[:, *SPOT].mean(axis=(1, 2)) / 255
        positive = 1 / (1 + np.exp(-odds))
        return np.stack([1 - positive, positive], axis=1)

    def class_activation_maps(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert self.maps is not None
        return np.stack([np.stack([-self.maps, self.maps])] * len(squares))


def knowing(strength: float, maps: NDArray[np.float32] | None = None) -> Detector:
    return cast("Detector", Knowing(strength, maps))


def square() -> NDArray[np.uint8]:
    film = np.random.default_rng(0).integers(20, 60, (SIZE, SIZE)).astype(np.uint8)
    film[SPOT] = 230
    return film


def test_occlusion_against_a_slow_loop() -> None:
    detector, film = knowing(8.0), square()
    falls: list[list[list[float]]] = [[[] for _ in range(SIZE)] for _ in range(SIZE)]
    for top in range(0, 25, 4):
        for left in range(0, 25, 4):
            covered = film.copy()
            covered[top : top + 8, left : left + 8] = round(float(film.mean()))
            both = detector.probs(np.stack([film, covered]))[:, 1]
            fall = float(np.subtract(*np.log(both / (1 - both))))
            for y in range(top, top + 8):
                for x in range(left, left + 8):
                    falls[y][x].append(fall)
    means = np.array([[np.mean(each) for each in row] for row in falls])
    found = occlusion_map(detector, film, 1)
    smoothed = ndimage.gaussian_filter(means, SIZE / 24, mode="mirror")
    np.testing.assert_allclose(found, smoothed, atol=0.01 * smoothed.max())
    np.testing.assert_allclose(occlusion_map(detector, film, 0), -found, atol=1e-6)


def test_the_spot_that_decides_is_found() -> None:
    heat = heat_map(knowing(8.0), square(), 1)
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    assert SPOT[0].start <= y < SPOT[0].stop
    assert SPOT[1].start <= x < SPOT[1].stop
    assert heat.min() >= 0
    assert not heat_map(knowing(8.0), square(), 0).any()  # nothing speaks for the other class


@pytest.mark.parametrize(("strength", "strongest"), [(8.0, 1.0), (0.8, None), (0.02, 0.0)])
def test_what_matters_little_is_faint_and_what_does_not_matter_is_not_shown(
    strength: float, strongest: float | None
) -> None:
    detector, film = knowing(strength), square()
    found = heat_map(detector, film, 1)
    falls = np.maximum(occlusion_map(detector, film, 1), 0)
    expected = falls.max() if strongest is None else strongest
    assert found.max() == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(found * falls.max(), falls * expected, atol=1e-5)


@pytest.mark.parametrize(("factor", "strongest"), [(4.0, 1.0), (1.0, 0.625), (0.05, 0.0)])
def test_class_activation_maps_are_taken_where_the_detector_has_them(factor: float, strongest: float) -> None:
    """Their mean is a logit: here 2.5 / 4 of log-odds speak for the class, times the factor."""
    maps = np.array([[2.0, -1.0], [0.0, 0.5]], np.float32)
    found = heat_map(knowing(8.0, maps * np.float32(factor)), square(), 1)
    np.testing.assert_allclose(found, np.maximum(maps, 0) / 2 * strongest, atol=1e-6)
    other = heat_map(knowing(8.0, maps * np.float32(factor)), square(), 0)
    assert other.any() == (factor > 0.05)
    assert not other[0, 0]


def test_a_detector_without_them_is_explained_too(tmp_path: Path) -> None:
    heat = heat_map(Detector(make(tmp_path / "bundle"), threads=1), square(), 1)
    assert heat.shape == (SIZE, SIZE)
