"""What a film's histogram says, against NumPy, SciPy and scikit-image over the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from skimage.filters import threshold_otsu
from skimage.measure import shannon_entropy

from hilum.classical.features.film import ScaledFilm, film_of
from hilum.classical.features.grey_levels import grey_levels
from hilum.classical.features.prepare import prepare


def test_the_numbers_of_the_film_as_it_is_exposed(film: ScaledFilm) -> None:
    numbers = grey_levels(film)
    levels = np.rint(film.grey * 255).astype(np.uint8)
    grey = levels / 255
    for name, expected in {
        "mean": grey.mean(),
        "deviation": grey.std(),
        "skewness": stats.skew(grey.ravel()),
        "kurtosis": stats.kurtosis(grey.ravel()),
        "percentile 5": np.percentile(grey, 5),
        "percentile 75": np.percentile(grey, 75),
        "Otsu's threshold": threshold_otsu(levels) / 255,
        "share above Otsu's threshold": (levels > threshold_otsu(levels)).mean(),
    }.items():
        assert numbers[f"as exposed, {name}"] == pytest.approx(expected, rel=1e-4, abs=1e-5), name


def test_exposure_moves_only_what_is_named_so(film: ScaledFilm) -> None:
    square = np.rint(film.grey * 255).astype(np.uint8)
    one, other = (grey_levels(film_of(prepare(each, ()))) for each in (square, square // 2 + 60))
    for name, value in one.items():
        if name.startswith("stretched"):
            assert other[name] == pytest.approx(value, abs=0.15 if name.endswith("kurtosis") else 0.03), name
    assert other["as exposed, deviation"] < 0.6 * one["as exposed, deviation"]


def test_shares_of_levels_add_up(film: ScaledFilm) -> None:
    shares = [value for name, value in grey_levels(film).items() if "share of level" in name]
    assert len(shares) == 16
    assert sum(shares) == pytest.approx(1)
    sixteen = np.minimum((film.even * 16).astype(int), 15)
    assert grey_levels(film)["stretched, entropy"] == pytest.approx(shannon_entropy(sixteen))


@pytest.mark.parametrize("level", [0, 77, 255])
def test_one_grey_value(level: int) -> None:
    numbers = grey_levels(film_of(prepare(np.full((64, 64), level, dtype=np.uint8), ())))
    assert numbers["as exposed, mean"] == pytest.approx(level / 255)
    assert numbers["stretched, entropy"] == 0
    for name in ("deviation", "skewness", "kurtosis", "share above Otsu's threshold"):
        assert numbers[f"as exposed, {name}"] == pytest.approx(0, abs=1e-9)
