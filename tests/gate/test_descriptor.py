"""A film's descriptor: what it counts, and what it does not see."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.gate.descriptor import LENGTH, Image8, describe, inverted, scaled, turned
from hilum.pixels import chest_phantom


def film(seed: int, side: int = 128) -> Image8:
    return np.rint(chest_phantom(seed, (side, side), opacity=1) * 255).astype(np.uint8)


def by_hand(square: Image8) -> np.ndarray:
    """The same, pixel by pixel."""
    smooth = cv2.GaussianBlur(scaled(square), (0, 0), 1.0).astype(np.float64)
    wide = np.pad(smooth, 1, mode="reflect")
    histograms = np.zeros((8, 8, 8))
    for y in range(64):
        for x in range(64):
            around = wide[y : y + 3, x : x + 3]
            across = (around[:, 2] - around[:, 0]) @ [1, 2, 1] / 8
            down = (around[2] - around[0]) @ [1, 2, 1] / 8
            place = math.atan2(down, across) % (2 * math.pi) * 8 / (2 * math.pi)
            below = math.floor(place)
            strength = math.hypot(across, down) / 64
            histograms[y // 8, x // 8, below % 8] += strength * (1 - place + below)
            histograms[y // 8, x // 8, (below + 1) % 8] += strength * (place - below)
    contrast = cv2.GaussianBlur(np.sqrt((histograms**2).sum(axis=2)), (0, 0), 1.0)
    return np.asarray(np.sqrt(histograms / (contrast + 0.3 * contrast.mean() + 0.01)[..., None])).ravel()


def test_the_directions_of_edges_are_counted_cell_by_cell() -> None:
    square = film(1)
    np.testing.assert_allclose(describe([square])[0], by_hand(square), atol=2e-3)


def test_a_row_a_film() -> None:
    described = describe([film(1), film(2)])
    assert described.shape == (2, LENGTH)
    assert described.dtype == np.float32
    assert describe([]).shape == (0, LENGTH)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), quarters=st.integers(-4, 4), side=st.sampled_from([64, 100, 128, 256]))
def test_turning_a_film_or_its_descriptor_is_the_same(seed: int, quarters: int, side: int) -> None:
    square = film(seed, side)
    expected = describe([np.ascontiguousarray(np.rot90(square, quarters))])
    np.testing.assert_allclose(turned(describe([square]), quarters), expected, atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_swapping_black_and_white_in_a_film_or_its_descriptor_is_the_same(seed: int) -> None:
    square = film(seed)
    np.testing.assert_allclose(inverted(describe([square])), describe([255 - square]), atol=1e-3)


def test_neither_a_turn_nor_a_swap_leaves_a_chest_as_it_was() -> None:
    described = describe([film(1)])
    for other in (turned(described, 1), turned(described, 2), turned(described, 3), inverted(described)):
        assert np.abs(other - described).mean() > 0.05


def test_brightness_and_contrast_are_not_seen() -> None:
    square = film(1)
    flatter = np.rint(square * 0.5 + 100).astype(np.uint8)
    assert np.abs(describe([flatter]) - describe([square])).mean() < 0.02


@pytest.mark.parametrize("side", [32, 64, 100, 224, 512])
def test_a_film_is_described_alike_at_any_size(side: int) -> None:
    square = film(1, 512)
    small = np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    tolerance = 0.03 if side >= 64 else 0.1
    assert np.abs(describe([small]) - describe([square])).mean() < tolerance


def test_an_even_film_has_no_directions() -> None:
    assert not describe([np.full((64, 64), 80, dtype=np.uint8)]).any()
