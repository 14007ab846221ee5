"""The distribution of films' descriptors, and the limit that a further film stays within."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hilum.gate.descriptor import LENGTH, Descriptors
from hilum.gate.gate import DescriptorDistribution

_AXES = 50
_LEAST_REST = 0.001  # of the mean variance


def rank(values: NDArray[np.float64], share: float) -> float:
    """The value that another one like these does not exceed with that probability; of too few, the largest."""
    place = math.ceil(share * (len(values) + 1))
    return float(np.sort(values)[min(place, len(values)) - 1])


def fit_distribution(described: Descriptors) -> DescriptorDistribution:
    """The distribution of descriptors, (films, 1 + views, 512), with 50 axes, or fewer of few films."""
    flat = described.reshape(-1, LENGTH).astype(np.float64)
    return of_moments(flat.mean(axis=0), np.cov(flat.T, bias=True), len(flat) // 4)


def of_moments(mean: NDArray[np.float64], covariance: NDArray[np.float64], axes: int) -> DescriptorDistribution:
    """The distribution with this mean, (512,), and nearly this covariance, (512, 512): with 50 axes, or fewer."""
    variances, directions = np.linalg.eigh(covariance)
    number = min(_AXES, axes)
    # With few films the last variances are 0 up to rounding.
    rest = max(float(variances[:-number].mean()), _LEAST_REST * float(variances.mean()))
    return DescriptorDistribution(
        mean=_bytes(mean),
        axes=_bytes(directions.T[::-1][:number]),
        variances=_bytes(np.maximum(variances[::-1][:number], rest)),
        rest=rest,
    )


def _bytes(values: NDArray[np.float64]) -> bytes:
    return values.astype("<f4").tobytes()
