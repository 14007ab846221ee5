"""Evidence against "the scores come as in validation" that may be looked at after every film.

The evidence is an e-process: if nothing has changed, the probability that it reaches 1/level at any time at all is
`level` at most. It is the likelihood of the new films under bets that follow them, divided by the largest likelihood
that they have under any distribution that validation leaves possible (universal inference: Wasserman, Ramdas &
Balakrishnan, PNAS 117 (2020): 16880–16890). The bets are mixtures of Dirichlet distributions over the bins.

Validation films are few, so that their shares are not the true ones. One half of the level is spent on a region
of shares that holds the true ones: 2 Σ n D(validation's ‖ true) is about χ²-distributed (Wilks, Ann. Math. Stat. 9
(1938): 60–62). The other half is for the evidence against every point of that region.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from hilum.monitoring.confidence_sequences import LEVEL
from hilum.monitoring.score_bins import Floats, ScoreBins

_FIRST_START, _GROWTH = 100, 1.5  # evidence begins anew after 100 films, 150, 225, …: what changes late is found too
_MULTIPLIERS = (0.5, 1.0, 2.0)
_ITERATIONS, _CLOSE = 200, 1e-7  # at most; or until no share changes by more
_STRENGTHS = (20.0, 200.0)  # films that a bet on a mix of validation's classes counts for
_log_gamma = np.frompyfunc(math.lgamma, 1, 1)


def log_evidence(counts: Floats, bins: ScoreBins, *, any_mix: bool, level: float = LEVEL) -> Floats:
    """The natural logarithm of the evidence; an alarm is where it reaches `log(1 / level)`.

    Args:
        counts: the films of each bin so far, at each look: `(looks, bins)`.
        bins: of validation.
        any_mix: whether other shares of the classes count as unchanged: then only what no mix of validation's classes
            explains is evidence.
        level: the chance of a false alarm, over all looks.

    Returns:
        `(looks,)`. Below 0 there is none.
    """
    wins = _log_bets(counts, bins)
    classes, number = bins.shares.shape
    reach = chi_squared_quantile(1 - level / 2, classes * (number - 1)) / 2
    # Lagrange multipliers: each gives an upper bound of the largest likelihood within the region.
    largest = np.min([_largest(counts, bins, times, any_mix)[0] + times * reach for times in _MULTIPLIERS], axis=0)
    evidence: Floats = wins - largest - math.log(2)
    return evidence


def evidence_path(
    counts: Floats, at: Sequence[int], bins: ScoreBins, *, any_mix: bool, level: float = LEVEL
) -> Floats:
    """The logarithm of the evidence after so many films, of all beginnings: `(len(at),)`.

    It begins anew after 100 films, 150, 225 and so on, and the average of them all counts, weighted by 1/2, 1/6,
    1/12, …, which add up to 1: a weighted average of e-processes is one.

    Args:
        counts: the bin of each film, in the order in which they came: `(films, bins)`, rows of one 1 and zeros.
        at: numbers of films, rising.
        bins: as in `log_evidence`.
        any_mix: as in `log_evidence`.
        level: as in `log_evidence`.
    """
    cumulated = np.concatenate([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)])
    looked = np.asarray(at, dtype=np.intp)
    total = np.full(len(looked), -np.inf)
    start, number = 0, 0
    while start < len(counts):
        since = looked > start
        weight = -math.log((number + 1) * (number + 2))
        part = np.full(len(looked), -np.inf)
        if since.any():
            new = cumulated[looked[since]] - cumulated[start]
            part[since] = log_evidence(new, bins, any_mix=any_mix, level=level)
        total = np.logaddexp(total, part + weight)
        number += 1
        start = round(_FIRST_START * _GROWTH ** (number - 1))
    return total


def best_mix(counts: Floats, bins: ScoreBins) -> Floats:
    """The shares of the classes that explain the films best: `(bins,)` → `(classes,)`."""
    mix: Floats = _largest(counts[None, :], bins, 1.0, True)[1][0]
    return mix


def chi_squared_quantile(prob: float, freedom: int) -> float:
    """The quantile of the χ² distribution, by Wilson and Hilferty's cube root (PNAS 17 (1931): 684–688).

    >>> round(chi_squared_quantile(0.975, 10), 1)
    20.5
    """
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + NormalDist().inv_cdf(prob) * math.sqrt(spread)) ** 3


def _log_bets(counts: Floats, bins: ScoreBins) -> Floats:
    """The logarithm of the films' likelihood under the bets, `(looks,)`: a uniform mixture of Dirichlet ones."""
    classes, number = bins.shares.shape
    even = np.full(classes, 1 / classes)
    mixes = np.stack([bins.prior, even, *(0.9 * np.eye(classes) + 0.1 * even)])
    centres = mixes @ _smoothed(bins)
    alphas = np.concatenate([np.full((1, number), 0.5), *(strength * centres for strength in _STRENGTHS)])
    films = counts.sum(axis=1)
    strengths = alphas.sum(axis=1)
    each = _lgamma(strengths)[:, None] - _lgamma(strengths[:, None] + films)
    each += (_lgamma(alphas[:, None, :] + counts) - _lgamma(alphas)[:, None, :]).sum(axis=2)
    mixed: Floats = np.logaddexp.reduce(each, axis=0) - math.log(len(alphas))
    return mixed


def _largest(counts: Floats, bins: ScoreBins, times: float, any_mix: bool) -> tuple[Floats, Floats]:
    """The largest of log-likelihood plus `times` that of validation, less its own largest; and the classes' shares.

    By expectation–maximisation (Dempster, Laird & Rubin, J. R. Stat. Soc. B 39 (1977): 1–38), from several mixes of
    the classes where these are free; with them fixed the problem is concave.
    """
    classes = len(bins.prior)
    even = np.full(classes, 1 / classes)
    starts = (even, *(0.9 * np.eye(classes) + 0.1 * even)) if any_mix else (bins.prior,)
    best, best_mix_ = np.full(len(counts), -np.inf), np.tile(bins.prior, (len(counts), 1))
    of_validation = times * bins.films[:, None] * bins.shares  # (classes, bins)
    present = of_validation > 0
    for start in starts:
        mix = np.tile(start, (len(counts), 1))
        shares = np.tile(_smoothed(bins), (len(counts), 1, 1))  # (looks, classes, bins)
        for _ in range(_ITERATIONS):
            joint = mix[:, :, None] * shares
            belongs = counts[:, None, :] * joint / joint.sum(axis=1, keepdims=True)
            if any_mix:
                of_class = belongs.sum(axis=2) + 1e-9
                mix = of_class / of_class.sum(axis=1, keepdims=True)
            before = shares
            shares = of_validation + belongs + 1e-12
            shares /= shares.sum(axis=2, keepdims=True)
            if np.abs(shares - before).max(initial=0.0) < _CLOSE:
                break
        mixed = (mix[:, :, None] * shares).sum(axis=1)
        ratio = np.where(present, shares, 1.0) / np.where(present, bins.shares, 1.0)
        value = (counts * np.log(mixed)).sum(axis=1) + (of_validation * np.log(ratio)).sum(axis=(1, 2))
        better = value > best
        best = np.where(better, value, best)
        best_mix_ = np.where(better[:, None], mix, best_mix_)
    return best, best_mix_


def _smoothed(bins: ScoreBins) -> Floats:
    """The shares as if each bin had half a film more, so that none is impossible."""
    counted = bins.films[:, None] * bins.shares + 0.5
    smoothed: Floats = counted / counted.sum(axis=1, keepdims=True)
    return smoothed


def _lgamma(values: Floats) -> Floats:
    logs: Floats = np.asarray(_log_gamma(values), dtype=np.float64)
    return logs
