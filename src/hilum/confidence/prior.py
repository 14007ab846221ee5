"""How common a class is elsewhere, without labels, and probabilities for that place.

All of it assumes prior shift (label shift): films of each class look as they did in validation, and only how many
there are of each has changed. Where the machine, the patients' age or the disease's look has changed as well
(covariate or acquisition shift), the estimate is wrong and the correction makes probabilities worse.
`hilum.confidence.dataset_shift` asks whether scores contradict the assumption; nothing without labels can confirm it.
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
    """The share of each class among films without labels, by expectation and maximisation.

    Source: Saerens, Latinne & Decaestecker, Neural Computation 14 (2002): 21–41. It is only as good as the
    calibration of the probabilities. The interval is of which patients were drawn, and knows nothing of an error of
    the calibration nor of any shift but that of the prior.

    Args:
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, calibrated.
        prior: `(classes,)`, the shares under which they are: those of the films that they were calibrated on, or else
            trained on; above 0, adding up to 1.
        patients: `n` identifiers, `""` where unknown; None where all are.
        resamples: of the bootstrap over patients; 0 gives the shares without intervals.
        seed: where the draws start.

    Returns:
        One figure a class; `Figure(None)` without a film.

    Raises:
        ValueError: input that does not fit.
    """
    rows = checked_probs(probs)
    before = checked_prior(prior, rows.shape[1])
    said = likelihoods(rows, before)

    def statistics(weights: Floats) -> Mapping[str, Floats]:
        found = maximised(said, weights, before)
        return {str(number): found[..., number] for number in range(rows.shape[1])}

    clusters = clusters_of(np.zeros(len(rows), dtype=bool), patients)
    return tuple(intervals(statistics, clusters, resamples, seed).values())


def correct_prior(probs: ArrayLike, old: ArrayLike, new: ArrayLike) -> Floats:
    """Probabilities for a place where the classes are as common as `new` says.

    Source: Saerens, Latinne & Decaestecker 2002. Of two classes the order of films does not change.

    Args:
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, calibrated.
        old: `(classes,)`, the shares under which they are, above 0, adding up to 1.
        new: the shares there, likewise.

    Returns:
        `(n, classes)` float64, each row adding up to 1.

    Raises:
        ValueError: input that does not fit.
    """
    rows = checked_probs(probs)
    before, after = (checked_prior(prior, rows.shape[1]) for prior in (old, new))
    return softmax(log_probs(rows) + np.log(after / before))


def checked_prior(prior: ArrayLike, classes: int) -> Floats:
    """Shares of the classes as an array of the shape `(classes,)`.

    Raises:
        ValueError: another number of classes, a share of 0 or below, or shares that do not add up to 1.
    """
    shares = np.asarray(prior, dtype=np.float64)
    if shares.shape != (classes,) or not (shares > 0).all() or not np.isclose(shares.sum(), 1, atol=1e-3):
        raise ValueError(f"a prior has a share above 0 for each of {classes} classes, adding up to 1, not {shares}")
    return np.asarray(shares / shares.sum())


def likelihoods(probs: Floats, prior: Floats) -> Floats:
    """How likely each film is if it is of each class, `(n, classes)`, up to a factor of its own."""
    return np.asarray(np.maximum(probs, LEAST) / prior)


def maximised(said: Floats, weights: Floats, start: Floats) -> Floats:
    """The shares of the classes under which films are likeliest.

    Steps of expectation and maximisation get shorter and shorter where classes look alike. Every third one starts
    where the two before it point to (SQUAREM, scheme S3: Varadhan & Roland, Scand. J. Statist. 35 (2008): 335–353),
    unless a share would fall below 0 there.

    Args:
        said: their `likelihoods`, `(n, classes)`.
        weights: `(..., n)`, how often each counts.
        start: `(classes,)`, shares to begin with, well above 0: from next to nothing the steps are too short.

    Returns:
        `(..., classes)`; NaN where no film counts.
    """
    counts = weights.reshape(math.prod(weights.shape[:-1]), len(said))
    shares = np.where(counts.sum(axis=1, keepdims=True) > 0, start, np.nan)
    moving = np.flatnonzero(~np.isnan(shares[:, 0]))
    for _ in range(_ROUNDS):
        here, times = shares[moving], counts[moving]
        once = _next(said, times, here)
        twice = _next(said, times, once)
        step, bend = once - here, twice - 2 * once + here
        lengths = (np.linalg.norm(each, axis=1, keepdims=True) for each in (step, bend))
        reach = np.maximum(1, ratio(*lengths))
        farther = here + 2 * reach * step + np.square(reach) * bend
        shares[moving] = _next(said, times, np.where((farther > 0).all(axis=1, keepdims=True), farther, twice))
        moving = moving[np.abs(step).max(axis=1) > _TOLERANCE]
        if not moving.size:
            break
    return shares.reshape(*weights.shape[:-1], start.size)


def _next(said: Floats, weights: Floats, shares: Floats) -> Floats:
    # A film's posteriors are share · likelihood / mixture, and their mean is the next share.
    return np.asarray(shares * ((weights / (shares @ said.T)) @ said) / weights.sum(axis=1, keepdims=True))
