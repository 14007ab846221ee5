"""The family `texture`: how grey values follow one another, in the whole film and in the lungs alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import cv2
import numpy as np

from hilum.classical.features.film import Grey, ScaledFilm
from hilum.classical.features.outline import Mask

_LEVELS = 32  # that co-occurrence is counted of
_DISTANCES = (1, 2, 4, 8)  # pixels
_ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "energy", "correlation")
_NEIGHBOURS = 8  # of a local binary pattern, at a distance of one pixel
_FREQUENCY = 0.25  # of the Gabor kernels, in cycles a pixel
_WAVELET = "db2"
_SCALES = 4  # each half as fine as the one before; of local binary patterns, one fewer


def texture(film: ScaledFilm) -> dict[str, float]:
    """Co-occurrence, local binary patterns, Gabor filters and wavelets.

    - Grey-level co-occurrence (Haralick et al., IEEE Trans. SMC 3, 1973): five properties at four distances, their
      mean over four directions and their range.
    - Local binary patterns (Ojala et al., IEEE TPAMI 24, 2002): shares of the ten uniform patterns at three scales.
    - Gabor filters: mean and deviation of what four directions answer at four scales.
    - Wavelets (Daubechies 2): the logarithm of the mean square of each detail at four scales, and how evenly it is
      spread, from 0 to 1.
    """
    everywhere = np.ones(film.even.shape, dtype=np.bool_)
    regions = {"film": everywhere, "lungs": film.lungs.mask}
    numbers: dict[str, float] = {}
    for what in (_co_occurrence, _patterns, _gabor, _wavelets):
        numbers |= what(film.even, regions)
    return numbers


def _co_occurrence(grey: Grey, regions: dict[str, Mask]) -> dict[str, float]:
    from skimage.feature import graycomatrix, graycoprops

    levels = 1 + np.minimum(grey * _LEVELS, _LEVELS - 1).astype(np.uint8)
    numbers = {}
    for region, mask in regions.items():
        # What lies outside is a level of its own, whose pairs are not counted.
        counts = graycomatrix(levels * mask, _DISTANCES, _ANGLES, _LEVELS + 1, symmetric=True)[1:, 1:]
        for name in _PROPERTIES:
            for distance, values in zip(_DISTANCES, graycoprops(counts, name), strict=True):
                numbers[f"{region}, co-occurrence at {distance}, {name}"] = float(values.mean())
                numbers[f"{region}, co-occurrence at {distance}, {name} by direction"] = float(np.ptp(values))
    return numbers


def _patterns(grey: Grey, regions: dict[str, Mask]) -> dict[str, float]:
    from skimage.feature import local_binary_pattern

    kinds = _NEIGHBOURS + 2
    numbers = {}
    for scale, small, masks in _pyramid(grey, regions, _SCALES - 1):
        levels = np.rint(small * 255).astype(np.uint8)
        codes = local_binary_pattern(levels, _NEIGHBOURS, 1, "uniform").astype(np.intp)
        for region, mask in masks.items():
            shares = np.bincount(codes[mask], minlength=kinds) / max(1, mask.sum())
            for kind, share in enumerate(shares.tolist()):
                numbers[f"{region}, pattern {kind + 1} at 1/{scale}"] = share
    return numbers


def _gabor(grey: Grey, regions: dict[str, Mask]) -> dict[str, float]:
    numbers = {}
    for scale, small, masks in _pyramid(grey, regions, _SCALES):
        for angle, kernels in zip(_ANGLES, _kernels(), strict=True):
            parts = (cv2.filter2D(small, -1, kernel, borderType=cv2.BORDER_REFLECT) for kernel in kernels)
            answer = np.asarray(cv2.magnitude(*parts), dtype=np.float32)
            for region, mask in masks.items():
                name = f"{region}, Gabor {np.degrees(angle):.0f}° at 1/{scale}"
                numbers[f"{name}, mean"] = _over(answer, mask, np.mean)
                numbers[f"{name}, deviation"] = _over(answer, mask, np.std)
    return numbers


def _wavelets(grey: Grey, regions: dict[str, Mask]) -> dict[str, float]:
    import pywt

    numbers = {}
    _, *details = pywt.wavedec2(grey, _WAVELET, mode="symmetric", level=_SCALES)
    for scale, bands in zip((2**n for n in range(_SCALES, 0, -1)), details, strict=True):
        for way, band in zip(("horizontal", "vertical", "diagonal"), bands, strict=True):
            for region, mask in regions.items():
                values = band[_scaled(mask, band.shape)]
                square = float(np.square(values).mean()) if values.size else 0.0
                name = f"{region}, {way} wavelet at 1/{scale}"
                numbers[f"{name}, energy"] = float(np.log10(square + 1e-8))
                even = float(np.abs(values).mean() / np.sqrt(square)) if square > 1e-12 else 1.0
                numbers[f"{name}, evenness"] = even
    return numbers


def _pyramid(grey: Grey, regions: dict[str, Mask], scales: int) -> Iterator[tuple[int, Grey, dict[str, Mask]]]:
    """The film and the regions at their own size, at half of it, and so on."""
    small = grey
    for scale in range(scales):
        yield 2**scale, small, {name: _scaled(mask, small.shape) for name, mask in regions.items()}
        half = (small.shape[1] // 2, small.shape[0] // 2)
        small = np.asarray(cv2.resize(small, half, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _scaled(mask: Mask, shape: tuple[int, ...]) -> Mask:
    if mask.shape == shape:
        return mask
    return np.asarray(cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA) > 0.5)


def _over(values: Grey, mask: Mask, how: Callable[[Grey], np.floating]) -> float:
    chosen = values[mask]
    return float(how(chosen)) if chosen.size else 0.0


@cache
def _kernels() -> tuple[tuple[Grey, Grey], ...]:
    """The even and the odd kernel for each direction."""
    from skimage.filters import gabor_kernel

    kernels = (gabor_kernel(_FREQUENCY, angle) for angle in _ANGLES)
    return tuple((kernel.real.astype(np.float32), kernel.imag.astype(np.float32)) for kernel in kernels)
