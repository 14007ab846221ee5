"""Prior shift: how common a class is elsewhere, estimated without labels, and probabilities for that prevalence.

This assumes prior shift (label shift): films of each class look as they did in validation, and only the share of each
class has changed. If the machine, the patients' age or the appearance of the disease has changed as well (covariate
or acquisition shift), the estimate is wrong and the correction makes probabilities worse.
`hilum.confidence.dataset_shift` tests whether scores contradict the assumption; nothing without labels can confirm
it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from hilum.confidence.probabilities import LEAST, checked_probs, log_probs, softmax
from hilum.metrics import clusters_of, intervals
from hilum.metrics.counts import Floats, ratio
from hilum.records import Figure

_TOLERANCE = 1e-7
_ROUNDS = 200


def estimate_prior(
    probs: ArrayLike,
    prior: ArrayLike,
    patients: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Figure, ...]:
    """Estimate the share of each class among films without labels, by expectation maximisation.

    Source: Saerens, Latinne & Decaestecker, Neural Computation 14 (2002): 21–41. It is only as good as the
    calibration of the probabilities. The interval covers the sampling of patients, but neither errors of the
    calibration nor any shift but that of the prior.

    Args:
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, calibrated.
        prior: `(classes,)`, the shares that the probabilities assume: those of the films that they were calibrated
            on, or else trained on; above 0, adding up to 1.
        patients: `n` identifiers, `""` if unknown; None if all are.
        resamples: of the bootstrap over patients; 0 gives the shares without intervals.
        seed: of the draws.

    Returns:
        One figure for each class; `Figure(None)` without a film.

    Raises:
        ValueError: input that does not fit.
    """
    rows = checked_probs(probs)
    before = checked_prior(prior, rows.shape[1])
    likelihood = likelihoods(rows, before)

    def statistics(weights: Floats) -> Mapping[str, Floats]:
        found = maximised(likelihood, weights, before)
        return {str(number): found[..., number] for number in range(rows.shape[1])}

    clusters = clusters_of(np.zeros(len(rows), dtype=bool), patients)
    return tuple(intervals(statistics, clusters, resamples, seed).values())


def correct_prior(probs: ArrayLike, old: ArrayLike, new: ArrayLike) -> Floats:
    """Correct probabilities for films among which the classes have other shares.

    Source: Saerens, Latinne & Decaestecker 2002. Of two classes the ranking of films does not change.

    Args:
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, calibrated.
        old: `(classes,)`, the shares that the probabilities assume, above 0, adding up to 1.
        new: `(classes,)`, the shares among the films, likewise.

    Returns:
        `(n, classes)` float64, each row adding up to 1.

    Raises:
        ValueError: input that does not fit.

    >>> correct_prior([[0.5, 0.5]], (0.5, 0.5), (0.9, 0.1)).round(3)
    array([[0.9, 0.1]])
    """
    rows = checked_probs(probs)
    before, after = (checked_prior(prior, rows.shape[1]) for prior in (old, new))
    return softmax(log_probs(rows) + np.log(after / before))


def checked_prior(prior: ArrayLike, classes: int) -> Floats:
    """Check shares of classes and return them as a float64 array of shape `(classes,)`.

    Raises:
        ValueError: another number of classes, a share of 0 or below, or shares that do not add up to 1.
    """
    shares = np.asarray(prior, dtype=np.float64)
    if shares.shape != (classes,) or not (shares > 0).all() or not np.isclose(shares.sum(), 1, atol=1e-3):
        raise ValueError(f"a prior needs a share above 0 for each of {classes} classes, adding up to 1, not {shares}")
    return np.asarray(shares / shares.sum())


def likelihoods(probs: Floats, prior: Floats) -> Floats:
    """The likelihood of each film given each class, `(n, classes)`, up to a factor for each film."""
    return np.asarray(np.maximum(probs, LEAST) / prior)


def maximised(likelihood: Floats, weights: Floats, start: Floats) -> Floats:
    """The shares of the classes that maximise the likelihood of films.

    Steps of expectation maximisation get shorter and shorter if classes resemble each other. Every third one starts
    from an extrapolation of the two before it (SQUAREM, scheme S3: Varadhan & Roland, Scand. J. Statist. 35 (2008):
    335–353), unless a share would fall below 0 there.

    Args:
        likelihood: the films' `likelihoods`, `(n, classes)`.
        weights: `(..., n)`, how often each film counts.
        start: `(classes,)`, initial shares, well above 0: close to 0 the steps are too short.

    Returns:
        `(..., classes)`; NaN if no film counts.
    """
    counts = weights.reshape(math.prod(weights.shape[:-1]), len(likelihood))
    shares = np.where(counts.sum(axis=1, keepdims=True) > 0, start, np.nan)
    moving = np.flatnonzero(~np.isnan(shares[:, 0]))
    for _ in range(_ROUNDS):
        here, times = shares[moving], counts[moving]
        once = _next(likelihood, times, here)
        twice = _next(likelihood, times, once)
        step, curvature = once - here, twice - 2 * once + here
        lengths = (np.linalg.norm(each, axis=1, keepdims=True) for each in (step, curvature))
        reach = np.maximum(1, ratio(*lengths))
        farther = here + 2 * reach * step + np.square(reach) * curvature
        shares[moving] = _next(likelihood, times, np.where((farther > 0).all(axis=1, keepdims=True), farther, twice))
        moving = moving[np.abs(step).max(axis=1) > _TOLERANCE]
        if not moving.size:
            break
    return shares.reshape(*weights.shape[:-1], start.size)


def _next(likelihood: Floats, weights: Floats, shares: Floats) -> Floats:
    # A film's posteriors are share · likelihood / mixture, and their mean is the next share.
    return np.asarray(
        shares * ((weights / (shares @ likelihood.T)) @ likelihood) / weights.sum(axis=1, keepdims=True)
    )
