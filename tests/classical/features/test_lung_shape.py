"""Shape of the lungs, against scikit-image's region properties, and what a white lung does to the numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.draw import ellipse
from skimage.measure import regionprops

from hilum.classical.features.film import SIDE, ScaledFilm
from hilum.classical.features.lung_shape import lung_shape
from hilum.classical.features.outline import LungOutline
from hilum.lungs import Box

Mask = NDArray[np.bool_]


def lungs(left: tuple[int, int, int, int], right: tuple[int, int, int, int]) -> Mask:
    """Two ellipses, each by its middle's row and column and its half-axes down and across."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    for each in (left, right):
        mask[ellipse(*each, shape=mask.shape)] = True
    return mask


def film_with(mask: Mask, even: NDArray[np.float32] | None = None, note: str = "") -> ScaledFilm:
    chest = np.where(mask, 0.2, 0.8).astype(np.float32) if even is None else even
    return ScaledFilm(chest, chest, LungOutline(mask, Box(0.1, 0.1, 0.9, 0.9), 0.8, note), ())


LEFT, RIGHT = (90, 55, 60, 22), (95, 140, 50, 20)


@pytest.mark.parametrize("side", ["both", "left", "right"])
def test_the_outlines_measures_are_scikit_images(side: str) -> None:
    mask = lungs(LEFT, RIGHT)
    columns = np.arange(SIDE) < 97
    part = mask if side == "both" else mask & (columns if side == "left" else ~columns)
    (expected,) = regionprops(part.astype(np.uint8))
    numbers = lung_shape(film_with(mask))
    top, left, bottom, right = expected.bbox
    for name, value in {
        "area": expected.area / SIDE**2,
        "centre across": expected.centroid[1] / SIDE,
        "centre down": expected.centroid[0] / SIDE,
        "width": (right - left) / SIDE,
        "height": (bottom - top) / SIDE,
        "width by height": (right - left) / (bottom - top),
        "share of its box": expected.extent,
    }.items():
        assert numbers[f"{side}, {name}"] == pytest.approx(value, rel=1e-6), name
    # scikit-image takes a pixel for a square of its own inertia, and its hull for that of the pixels' corners.
    assert numbers[f"{side}, eccentricity"] == pytest.approx(expected.eccentricity, abs=2e-3)
    assert numbers[f"{side}, share of its hull"] == pytest.approx(expected.solidity, abs=0.03)
    mirrored = np.array([1, 1, 1, 1, 1, 1, -1])  # scikit-image counts rows first; the seventh feels a mirror
    for number, moment in enumerate(expected.moments_hu * mirrored, start=1):
        logarithm = np.sign(moment) * np.log10(1 + abs(moment) * 1e8)
        assert numbers[f"{side}, Hu moment {number}"] == pytest.approx(logarithm, abs=1e-3)


def test_lungs_that_mirror_one_another_are_alike() -> None:
    mask = lungs((95, 52, 55, 22), (95, SIDE - 1 - 52, 55, 22))
    numbers = lung_shape(film_with(mask))
    assert numbers["left, mirrored, shared with right"] == pytest.approx(1)
    apart = {name: value for name, value in numbers.items() if name.startswith("left less right")}
    for name in ("area", "width", "height", "eccentricity", "opacity, mean"):
        assert apart[f"left less right, {name}"] == pytest.approx(0, abs=1e-6)
    smaller = lung_shape(film_with(lungs((95, 52, 55, 22), (95, 140, 30, 12))))
    assert smaller["left, mirrored, shared with right"] < 0.6
    assert smaller["left less right, area"] > 0.05


def test_a_slant_has_its_sign() -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    tilted = (np.abs(columns - 50 - (rows - 96) * 0.3) < 12) & (np.abs(rows - 96) < 50)
    numbers = lung_shape(film_with(tilted | tilted[:, ::-1]))
    assert numbers["left, slant"] > 0.05
    assert numbers["right, slant"] == pytest.approx(-numbers["left, slant"], abs=1e-6)


def test_opacity_is_measured_between_the_darkest_lung_and_what_is_around() -> None:
    mask = lungs(LEFT, RIGHT)
    even = np.where(mask, 0.2, 0.8).astype(np.float32)
    white = mask & (np.arange(SIDE) >= 97)[None] & (np.arange(SIDE) >= 96)[:, None]
    even[white] = 0.8  # the lower half of the right lung
    numbers = lung_shape(film_with(mask, even))
    assert numbers["both, contrast"] == pytest.approx(0.6)
    assert numbers["left, opacity, mean"] == pytest.approx(0, abs=1e-5)
    assert numbers["right, opacity, upper third"] == pytest.approx(0, abs=1e-5)
    assert numbers["right, opacity, lower third"] == pytest.approx(1, abs=1e-5)
    share = white.sum() / (mask & (np.arange(SIDE) >= 97)[None]).sum()
    assert numbers["right, opacity, mean"] == pytest.approx(share, abs=1e-4)
    assert numbers["right, opacity, share above 1/2"] == pytest.approx(share, abs=1e-4)
    assert numbers["left less right, opacity, mean"] == pytest.approx(-share, abs=1e-4)


def test_gaps_are_the_distances_between_the_lungs() -> None:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[30:150, 40:70] = True
    mask[30:150, 110:150] = True
    mask[110:150, 110:130] = False  # a heart
    numbers = lung_shape(film_with(mask))
    assert numbers["gap, upper third"] == pytest.approx((110 - 69) / SIDE)
    assert numbers["gap, lower third"] == pytest.approx((130 - 69) / SIDE)


def test_an_outline_that_is_not_the_films_own_is_marked() -> None:
    mask = lungs(LEFT, RIGHT)
    assert lung_shape(film_with(mask))["found"] == 1
    assert lung_shape(film_with(mask))["frontal"] == 0.8
    assert lung_shape(film_with(mask, note="no lungs found"))["found"] == 0


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((SIDE, SIDE), bool),
        np.ones((SIDE, SIDE), bool),
        np.eye(SIDE, dtype=bool),
        np.eye(1, SIDE**2, 9, bool),
    ],
    ids=["nothing", "everything", "a line", "a pixel"],
)
def test_any_mask_gives_finite_numbers_of_the_same_names(mask: Mask, film: ScaledFilm) -> None:
    numbers = lung_shape(replace(film, lungs=replace(film.lungs, mask=mask.reshape(SIDE, SIDE))))
    assert list(numbers) == list(lung_shape(film))
    assert np.isfinite(list(numbers.values())).all()
