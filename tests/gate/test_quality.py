"""Whether a film is good enough: shares and sharpness against slow loops, and what is said of poor films."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hilum.gate import Fault, fault_of
from hilum.gate.descriptor import Image8
from hilum.gate.quality import SIDE, clipped, sharpness

LUNGS = np.zeros((SIDE, SIDE), np.uint8)
LUNGS[20:110, 12:52] = LUNGS[20:110, 76:116] = 255


def film(seed: int = 0, blur: float = 0, size: int = SIDE) -> Image8:
    """Structures of all sizes, blurred by so many pixels of 128 and stretched to the levels from 40 to 215."""
    grain = np.random.default_rng(seed).normal(size=(SIDE, SIDE))
    made = np.asarray(sum(cv2.GaussianBlur(grain, (0, 0), 2.0**step) * 4**step for step in range(4)))
    made = np.asarray(cv2.GaussianBlur(made, (0, 0), blur)) if blur else made
    made = np.asarray(cv2.resize(made, (size, size), interpolation=cv2.INTER_LINEAR))
    return np.asarray(np.rint(40 + 175 * (made - made.min()) / np.ptp(made)), dtype=np.uint8)


def slow_sharpness(levels: Image8, lungs: Image8) -> float:
    """The same by loops: each pixel of the lungs and its four neighbours, mirrored at the border."""
    mirrored, found = np.pad(levels.astype(float), 1, mode="reflect"), []
    for y, x in zip(*np.nonzero(lungs), strict=True):
        centre = mirrored[y + 1, x + 1]
        around = mirrored[y, x + 1] + mirrored[y + 2, x + 1] + mirrored[y + 1, x] + mirrored[y + 1, x + 2]
        found.append((around - 4 * centre, centre))
    details, greys = np.array(found).T
    return float(details.var() / greys.var())


@pytest.mark.parametrize("seed", range(3))
def test_sharpness_is_the_laplacians_variance_as_a_share_of_the_greys(seed: int) -> None:
    assert sharpness(film(seed), LUNGS) == pytest.approx(slow_sharpness(film(seed), LUNGS), rel=1e-9)


def test_sharpness_does_not_depend_on_contrast_or_on_what_lies_outside_the_lungs() -> None:
    plain = film()
    half = plain // 2
    for other in (2 * half, half + 90, 255 - half):
        assert sharpness(other, LUNGS) == pytest.approx(sharpness(half, LUNGS), rel=1e-9)
    outside = np.where(cv2.dilate(LUNGS, np.ones((3, 3), np.uint8)) > 0, plain, film(9))
    assert sharpness(outside, LUNGS) == sharpness(plain, LUNGS)
    assert sharpness(np.full((SIDE, SIDE), 90, np.uint8), LUNGS) == 0


@pytest.mark.parametrize("size", [SIDE, 160, 224])
def test_sharpness_falls_as_a_film_is_blurred_until_that_is_said(size: int) -> None:
    lungs = np.asarray(cv2.resize(LUNGS, (size, size), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    views = [film(0, blur, size) for blur in (0, 1, 2, 3, 6)]
    assert (np.diff([sharpness(view, lungs) for view in views]) < 0).all()
    assert fault_of(views[0], lungs) is None
    assert fault_of(views[-1], lungs) == Fault.BLURRED
    assert fault_of(views[-1], lungs, smoothed=True) is None, "the recipe has smoothed it"


def test_of_a_small_square_nobody_says_that_it_is_blurred() -> None:
    lungs = np.asarray(cv2.resize(LUNGS, (64, 64), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    assert fault_of(film(0, 6), LUNGS) == Fault.BLURRED
    assert fault_of(film(0, 6, 64), lungs) is None


@pytest.mark.parametrize(
    ("share", "level", "fault"),
    [(0.49, 0, None), (0.51, 0, Fault.OVEREXPOSED), (0.09, 255, None), (0.11, 255, Fault.UNDEREXPOSED)],
)
def test_a_film_is_badly_exposed_from_a_share_of_its_lungs_on(share: float, level: int, fault: Fault | None) -> None:
    levels = film()
    rows, columns = np.nonzero(LUNGS)
    chosen = np.random.default_rng(1).permutation(len(rows))[: round(share * len(rows))]
    levels[rows[chosen], columns[chosen]] = level
    levels[:, 54:74] = level  # what lies between the lungs does not count
    black, white = clipped(levels, LUNGS)
    assert (white if level else black) == pytest.approx(share, abs=1e-3)
    assert (black if level else white) == 0
    assert fault_of(levels, LUNGS) == fault


def test_without_lungs_nothing_is_said() -> None:
    assert fault_of(np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)) is None
