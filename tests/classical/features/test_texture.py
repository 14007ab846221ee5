"""Textures: each of the four ways against a slow loop or scikit-image's own filter, and in the lungs alone."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import pywt
from skimage.feature import local_binary_pattern
from skimage.filters import gabor

from hilum.classical.features.film import SIDE, ScaledFilm
from hilum.classical.features.texture import texture


@pytest.fixture(scope="module")
def numbers(film: ScaledFilm) -> dict[str, float]:
    return texture(film)


def with_even(film: ScaledFilm, even: np.ndarray) -> ScaledFilm:
    return replace(film, even=even.astype(np.float32))


@pytest.mark.parametrize("region", ["film", "lungs"])
def test_co_occurrence_counts_the_pairs_that_lie_in_the_region(
    film: ScaledFilm, numbers: dict[str, float], region: str
) -> None:
    levels = np.minimum(film.even * 32, 31).astype(int)
    inside = film.lungs.mask if region == "lungs" else np.ones_like(film.lungs.mask)
    contrasts, energies = [], []
    for down, across in ((0, 2), (-1, 1), (-2, 0), (-1, -1)):  # scikit-image rounds 2·√½ to 1
        pairs = np.zeros((32, 32))
        for row in range(max(0, -down), SIDE):
            for column in range(max(0, -across), SIDE - max(0, across)):
                if inside[row, column] and inside[row + down, column + across]:
                    one, other = levels[row, column], levels[row + down, column + across]
                    pairs[one, other] += 1
                    pairs[other, one] += 1
        shares = pairs / pairs.sum()
        apart = np.subtract.outer(np.arange(32), np.arange(32))
        contrasts.append((shares * apart**2).sum())
        energies.append(np.sqrt((shares**2).sum()))
    assert numbers[f"{region}, co-occurrence at 2, contrast"] == pytest.approx(np.mean(contrasts), rel=1e-6)
    assert numbers[f"{region}, co-occurrence at 2, contrast by direction"] == pytest.approx(
        np.ptp(contrasts), rel=1e-6
    )
    assert numbers[f"{region}, co-occurrence at 2, energy"] == pytest.approx(np.mean(energies), rel=1e-6)


def test_patterns_are_shares_of_the_region(film: ScaledFilm, numbers: dict[str, float]) -> None:
    codes = local_binary_pattern(np.rint(film.even * 255).astype(np.uint8), 8, 1, "uniform")
    for region, inside in (("film", codes >= 0), ("lungs", film.lungs.mask)):
        for kind in range(10):
            assert numbers[f"{region}, pattern {kind + 1} at 1/1"] == pytest.approx((codes[inside] == kind).mean())
        for scale in (1, 2, 4):
            assert sum(numbers[f"{region}, pattern {kind + 1} at 1/{scale}"] for kind in range(10)) == pytest.approx(
                1
            )


def test_gabor_answers_are_scikit_images(film: ScaledFilm, numbers: dict[str, float]) -> None:
    for degrees in (0, 45, 90, 135):
        parts = gabor(film.even.astype(float), 0.25, np.radians(degrees), mode="reflect")
        for region, inside in (("film", np.ones_like(film.lungs.mask)), ("lungs", film.lungs.mask)):
            answer = np.hypot(*parts)[inside]
            assert numbers[f"{region}, Gabor {degrees}° at 1/1, mean"] == pytest.approx(answer.mean(), rel=1e-3)
            assert numbers[f"{region}, Gabor {degrees}° at 1/1, deviation"] == pytest.approx(answer.std(), rel=1e-3)


def test_wavelet_energies_are_those_of_one_level_after_the_other(film: ScaledFilm, numbers: dict[str, float]) -> None:
    rest = film.even
    for scale in (2, 4, 8, 16):
        rest, details = pywt.dwt2(rest, "db2")
        for way, band in zip(("horizontal", "vertical", "diagonal"), details, strict=True):
            energy = np.log10((band.astype(float) ** 2).mean() + 1e-8)
            assert numbers[f"film, {way} wavelet at 1/{scale}, energy"] == pytest.approx(energy, abs=1e-3)
            evenness = np.abs(band).mean() / np.sqrt((band.astype(float) ** 2).mean())
            assert numbers[f"film, {way} wavelet at 1/{scale}, evenness"] == pytest.approx(evenness, abs=1e-3)


def test_stripes_show_in_their_direction(film: ScaledFilm) -> None:
    stripes = with_even(film, np.tile((np.arange(SIDE) // 2 % 2)[None], (SIDE, 1)))
    numbers = texture(stripes)
    assert numbers["film, Gabor 0° at 1/1, mean"] > 5 * numbers["film, Gabor 90° at 1/1, mean"]
    assert numbers["film, vertical wavelet at 1/2, energy"] > numbers["film, horizontal wavelet at 1/2, energy"] + 2
    assert numbers["film, co-occurrence at 2, contrast by direction"] > 100


def test_what_lies_beside_the_lungs_does_not_count_as_lung(film: ScaledFilm) -> None:
    draw = np.random.default_rng(0).random(film.even.shape)
    far = np.ones_like(film.lungs.mask)
    rows, columns = (np.flatnonzero(film.lungs.mask.any(axis=axis)) for axis in (1, 0))
    far[max(0, rows[0] - 40) : rows[-1] + 40, max(0, columns[0] - 40) : columns[-1] + 40] = False
    if not far.any():
        far[:3] = True
    one, other = texture(film), texture(with_even(film, np.where(far, draw, film.even)))
    for name in one:
        if name.startswith("lungs, ") and ("co-occurrence" in name or re.search(r"at 1/[12](,|$)", name)):
            assert other[name] == pytest.approx(one[name], rel=1e-4, abs=1e-6), name
    assert other["film, co-occurrence at 1, contrast"] != pytest.approx(one["film, co-occurrence at 1, contrast"])
