"""The family `grey`: statistics of a film's histogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.classical.features.film import Grey, ScaledFilm

_PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
_BINS = 16


def grey_levels(film: ScaledFilm) -> dict[str, float]:
    """Moments, percentiles and Otsu's threshold, of the film as it is exposed and of it stretched; shares of levels.

    Grey values are from 0 to 1; skewness and kurtosis are 0 where nothing varies. The 16 levels are of the stretched
    film, and so is the entropy, in bits, of their shares: that of 256 levels would tell how the film was exposed.
    """
    from scipy.stats import entropy

    numbers = {f"as exposed, {name}": value for name, value in _of_histogram(film.grey, _PERCENTILES).items()}
    # The outermost are 0 and 1 once a film is stretched between them.
    stretched = _of_histogram(film.even, _PERCENTILES[1:-1])
    numbers |= {f"stretched, {name}": value for name, value in stretched.items()}
    shares = np.histogram(film.even, _BINS, (0, 1))[0] / film.even.size
    numbers["stretched, entropy"] = float(entropy(shares, base=2))
    return numbers | {f"stretched, share of level {level + 1}": share for level, share in enumerate(shares.tolist())}


def _of_histogram(grey: Grey, percents: Sequence[int]) -> dict[str, float]:
    from scipy.stats import kurtosis, skew
    from skimage.filters import threshold_otsu

    levels = np.rint(grey * np.float32(255)).astype(np.uint8)
    counts = np.bincount(levels.ravel(), minlength=256)
    varies = np.count_nonzero(counts) > 1
    threshold = int(threshold_otsu(hist=counts)) if varies else int(levels[0, 0])
    values = levels.ravel() / 255
    percentiles = np.percentile(levels, percents) / 255
    return {
        "mean": float(values.mean()),
        "deviation": float(values.std()),
        "skewness": float(skew(values)) if varies else 0.0,
        "kurtosis": float(kurtosis(values)) if varies else 0.0,
        **{f"percentile {p}": float(value) for p, value in zip(percents, percentiles, strict=True)},
        "Otsu's threshold": threshold / 255,
        "share above Otsu's threshold": float(counts[threshold + 1 :].sum() / counts.sum()),
    }
