"""Tests of whether two detectors differ on the same films.

Two detectors' predictions of one film are correlated, and so are films of one patient. Both are respected here: films
are compared in pairs, and a patient's films stay together. A difference that is not shown may still exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.metrics.binary import COMPARING, figures_at
from hilum.metrics.bootstrap import LEVEL, Clusters, Statistics, clusters_of, figure_of, resampled
from hilum.metrics.counts import Floats, checked
from hilum.records import Figure

SIGNIFICANT = 0.05
Z_95 = NormalDist().inv_cdf((1 + LEVEL) / 2)  # 1.96
ROUNDING = 1e-12  # differences below are rounding


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What one detector has over another on the same films.

    Attributes:
        difference: the first's figure less the second's, with its 95% interval; `Figure(None)` where it is undefined.
        p: how probable a difference at least so large would be if there were none; None where that cannot be said.
    """

    difference: Figure
    p: float | None

    @property
    def shows_difference(self) -> bool:
        """Whether a difference is shown at the 5% level; of several tests, correct `p` first (`holm`)."""
        return self.p is not None and self.p < SIGNIFICANT


def mcnemar_test(right_a: ArrayLike, right_b: ArrayLike, patients: Sequence[str] | None = None) -> PairedTest:
    """Whether two detectors are right equally often: McNemar's test, exact, with patients as its trials, not films.

    If neither were better, the predictions of each patient's films could be swapped: the sign of (films that only the
    first has right − films that only the second has right) would be that of a coin. `p` is the share of all ways in
    which these coins can fall that give a sum at least as far from 0 as the one found (Fisher, The Design of
    Experiments, 1935, § 21), computed exactly. Where every patient has one film, this is McNemar's test in its exact
    binomial form (Psychometrika 12 (1947): 153–157).

    The interval is of large samples: the differences that the sum does not contradict, its variance taken between
    patients (Obuchowski, Stat. Med. 17 (1998): 1495–1507), at the difference in question as in a score interval. With
    few films on which they differ it can exclude 0 while `p` is not small: then go by `p`.

    Args:
        right_a: `(n,)`, true where the first detector is right; of positive films alone, it is their sensitivity
            that is compared.
        right_b: `(n,)`, the same of the second.
        patients: `n` identifiers, `""` where unknown; None where all are.

    Returns:
        The difference in accuracy. Without an interval where they are right on the same films, or where too few
        patients are there (three, if each has as many films); undefined without a film.

    Raises:
        ValueError: the two are not vectors of one length.

    >>> mcnemar_test([1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1]).p
    0.0625
    """
    a, b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"right_a {a.shape} and right_b {b.shape} must be vectors of one length")
    of_film = clusters_of(a, patients).of_film
    if not a.size:
        return PairedTest(Figure(None), None)
    films = np.bincount(of_film)
    net = np.bincount(of_film, weights=a.astype(np.float64) - b).astype(np.int64)
    return PairedTest(_mean_difference(net, films), _coin_share(net))


def paired_bootstrap(
    first: Statistics, second: Statistics, clusters: Clusters, resamples: int = 2000, seed: int = 0
) -> dict[str, PairedTest]:
    """The difference in every statistic of two detectors, each resample drawing the same patients for both.

    `p` is twice the share of resamples in which the difference is 0 or on the other side of it, counting one more:
    the level at which the percentile interval would touch 0 (Davison & Hinkley, Bootstrap Methods and their
    Application, 1997, ch. 4 and 5). It cannot fall below 2 / (resamples + 1). None where there is no interval; but 1
    where the detectors agree in every resample.

    Args:
        first: from weights `(..., n)` to named arrays `(...)`; NaN is undefined.
        second: the same of the other detector, with the same names.
        clusters: who is drawn, from `clusters_of`.
        resamples: how many.
        seed: where the draws start.
    """

    def differences(weights: Floats) -> dict[str, Floats]:
        a, b = first(weights), second(weights)
        return {name: value - b[name] for name, value in a.items()}

    return {
        name: _from_draws(value, draws)
        for name, (value, draws) in resampled(differences, clusters, resamples, seed).items()
    }


def binary_differences(
    labels: ArrayLike,
    probs: tuple[ArrayLike, ArrayLike],
    thresholds: tuple[float, float],
    patients: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, PairedTest]:
    """The difference between two detectors in every figure of `binary_metrics`, by `paired_bootstrap`.

    Args:
        labels: `(n,)`, true for the positive class.
        probs: of the first and of the second detector, each `(n,)`, probability of the positive class, from 0 to 1.
        thresholds: the probability from which on each calls a film positive.
        patients: `n` identifiers, `""` where unknown; None where all are.
        resamples: how many.
        seed: where the draws start.

    Raises:
        ValueError: shapes or probabilities that do not fit.
    """
    truth, a, _ = checked(labels, probs[0], None)
    _, b, _ = checked(labels, probs[1], None)
    tests = paired_bootstrap(
        lambda weights: figures_at(truth, a, thresholds[0], weights),
        lambda weights: figures_at(truth, b, thresholds[1], weights),
        clusters_of(truth, patients),
        resamples,
        seed,
    )
    if truth.all() or not truth.any():
        tests |= {name: PairedTest(Figure(None), None) for name in COMPARING}
    return tests


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for multiple testing (Holm, Scand. J. Stat. 6 (1979): 65–70).

    The smallest of m is multiplied by m, the next by m − 1 and so on, none falling below the one before nor rising
    above 1. Called significant at 5% of these, no true null hypothesis is rejected in 95% of such families of tests.
    None, a test that could not be made, stays None and does not count.

    Raises:
        ValueError: a value that is no probability.

    >>> holm([0.01, None, 0.03])
    [0.02, None, 0.03]
    """
    made = [(p, place) for place, p in enumerate(p_values) if p is not None]
    if not all(0 <= p <= 1 for p, _ in made):
        raise ValueError(f"p-values lie from 0 to 1, not {[p for p, _ in made]}")
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(sorted(made)):
        highest = max(highest, min(1.0, (len(made) - rank) * p))
        adjusted[place] = highest
    return adjusted


def _coin_share(net: NDArray[np.int64]) -> float:
    """How often the patients' differences, each with a coin's sign, add up to a sum as far from 0 as theirs."""
    shares = np.ones(1)
    for size in np.abs(net[net != 0]).tolist():
        coin = np.zeros(2 * size + 1)
        coin[[0, -1]] = 0.5
        shares = np.convolve(shares, coin)
    reach = (shares.size - 1) // 2
    return min(1.0, float(shares[np.abs(np.arange(-reach, reach + 1)) >= abs(net.sum())].sum()))


def _mean_difference(net: NDArray[np.int64], films: NDArray[np.intp]) -> Figure:
    """Σ net / Σ films, with all δ for which (Σ net − δ Σ films)² ≤ 1.96² Σ (net − δ films)²."""
    value = float(net.sum() / films.sum())
    a = float(films.sum() ** 2 - Z_95**2 * (films @ films))
    b = float(net.sum() * films.sum() - Z_95**2 * (net @ films))
    c = float(net.sum() ** 2 - Z_95**2 * (net @ net))
    if a <= 0 or not net.any():
        return Figure(value)
    spread = sqrt(max(0.0, b * b - a * c)) / a
    return Figure(value, max(-1.0, min(value, b / a - spread)), min(1.0, max(value, b / a + spread)))


def _from_draws(value: float, draws: Floats) -> PairedTest:
    figure, defined = figure_of(value, draws), draws[~np.isnan(draws)]
    if abs(value) < ROUNDING and defined.size and np.abs(defined).max() < ROUNDING:
        return PairedTest(figure, 1.0)
    if figure.low is None:
        return PairedTest(figure, None)
    tail = min(np.count_nonzero(defined <= ROUNDING), np.count_nonzero(defined >= -ROUNDING))
    return PairedTest(figure, min(1.0, 2 * (tail + 1) / (defined.size + 1)))
