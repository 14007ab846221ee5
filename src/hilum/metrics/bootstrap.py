"""Confidence intervals from resampled patients.

Films of one patient resemble each other, so what is drawn is patients, with replacement, each with all their films
(the cluster bootstrap: Field & Welsh, J. R. Statist. Soc. B 69 (2007): 369–390). They are drawn within strata (whose
films are all of the same classes: only negative, only positive, both), so that no resample loses a class that is
there. The 95% interval runs from the 2.5th to the 97.5th percentile (Efron & Tibshirani, An Introduction to the
Bootstrap, 1993, ch. 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.metrics.counts import Bools, Floats, weighted_mean
from hilum.records import Figure

LEVEL = 0.95
DEFINED_SHARE = 0.95  # an interval from fewer of the resamples would describe the lucky ones
_CHUNK_ELEMENTS = 1 << 17  # 1 MiB of weights at a time stays in the cache and off the memory

Statistics = Callable[[Floats], Mapping[str, Floats]]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which films are drawn together.

    Attributes:
        of_film: the cluster of each film, `(n,)`, from 0.
        strata: the clusters of each stratum; together they are all clusters.
        known_patients: how many patients are known by name; a film of an unknown patient is a cluster of its own.
    """

    of_film: NDArray[np.intp]
    strata: tuple[NDArray[np.intp], ...]
    known_patients: int

    def __len__(self) -> int:
        return sum(stratum.size for stratum in self.strata)


def clusters_of(labels: ArrayLike, patients: Sequence[str] | None = None) -> Clusters:
    """Group films by patient, and patients by the classes of their films.

    Args:
        labels: `(n,)`, true for the positive class, or the number of each film's class.
        patients: `n` identifiers, `""` where unknown; None where all are.

    Raises:
        ValueError: not one patient a film.
    """
    truth = np.asarray(labels)
    names = [""] * truth.size if patients is None else [str(patient) for patient in patients]
    if len(names) != truth.size:
        raise ValueError(f"{len(names)} patients for {truth.size} films: give one a film, '' where unknown")
    # A tuple cannot be mistaken for a patient's identifier, whatever that looks like.
    keys: list[object] = [name or ("film", number) for number, name in enumerate(names)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    of_film = np.array([numbers[key] for key in keys], dtype=np.intp)
    classes: list[set[int]] = [set() for _ in numbers]
    for cluster, label in zip(of_film.tolist(), truth.tolist(), strict=True):
        classes[cluster].add(int(label))
    # By the highest class, then the next: with two, only negative comes first, then only positive, then both.
    of_kind: dict[tuple[int, ...], list[int]] = {}
    for cluster, labelled in enumerate(classes):
        of_kind.setdefault(tuple(sorted(labelled, reverse=True)), []).append(cluster)
    strata = tuple(np.array(of_kind[kind], dtype=np.intp) for kind in sorted(of_kind))
    return Clusters(of_film, strata, len({name for name in names if name}))


def resampled_weights(clusters: Clusters, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield `(b, n)` weights, `resamples` rows altogether: how often each film was drawn.

    The draws depend on the seed and the clusters, not on how many rows are handed out at a time.
    """
    streams = [np.random.default_rng(source) for source in np.random.SeedSequence(seed).spawn(len(clusters.strata))]
    rows = max(1, _CHUNK_ELEMENTS // max(1, clusters.of_film.size))
    for start in range(0, resamples, rows):
        b = min(rows, resamples - start)
        times = np.zeros((b, len(clusters)))
        for stratum, stream in zip(clusters.strata, streams, strict=True):
            drawn = stream.integers(0, stratum.size, (b, stratum.size))
            drawn += np.arange(b)[:, None] * stratum.size
            times[:, stratum] = np.bincount(drawn.ravel(), minlength=b * stratum.size).reshape(b, stratum.size)
        yield times[:, clusters.of_film]


def intervals(
    statistics: Statistics,
    clusters: Clusters,
    resamples: int = 2000,
    seed: int = 0,
    proportions: Mapping[str, Bools] | None = None,
) -> dict[str, Figure]:
    """Every figure with its 95% interval, all from the same resampled patients.

    Where all resamples agree, or so many that both ends are the same, the bootstrap has no interval to give: it
    cannot see an error that none of these films shows. A proportion of exactly 0 or 1 then gets the exact binomial
    one (Clopper & Pearson, Biometrika 26 (1934): 404–413), with patients, not films, as the trials; anything else
    gets none. Nor does a figure that is undefined in more than one resample in twenty.

    Args:
        statistics: from weights `(..., n)` to named arrays `(...)`; NaN is undefined.
        clusters: who is drawn, from `clusters_of`.
        resamples: how many; 0 gives the figures without intervals.
        seed: where the draws start.
        proportions: for each statistic that is a share of films, which films `(n,)` it is a share of.
    """
    figures = {}
    for name, (value, draws) in resampled(statistics, clusters, resamples, seed).items():
        among = (proportions or {}).get(name)
        figures[name] = figure_of(value, draws, 0 if among is None else np.unique(clusters.of_film[among]).size)
    return figures


def share_of_films(hits: Bools, clusters: Clusters, resamples: int = 2000, seed: int = 0) -> Figure:
    """The share of films that something is true of, `(n,)`, with the 95% interval of a proportion (`intervals`).

    >>> share_of_films(np.array([True, True, False, True]), clusters_of([0, 0, 0, 0]), resamples=0)
    0.750
    """
    every = {"share": np.ones(len(hits), dtype=np.bool_)}
    return intervals(lambda weights: {"share": weighted_mean(hits, weights)}, clusters, resamples, seed, every)[
        "share"
    ]


def resampled(
    statistics: Statistics, clusters: Clusters, resamples: int, seed: int
) -> dict[str, tuple[float, Floats]]:
    """What each statistic is of the films, and of each resample, `(resamples,)`."""
    values = {name: float(value) for name, value in statistics(np.ones(clusters.of_film.size)).items()}
    chunks = [statistics(weights) for weights in resampled_weights(clusters, resamples, seed)]
    return {
        name: (value, np.concatenate([chunk[name] for chunk in chunks]) if chunks else np.empty(0))
        for name, value in values.items()
    }


def figure_of(value: float, draws: Floats, trials: int = 0) -> Figure:
    """The figure with the interval that `intervals` describes; `trials` patients where it is a share of films."""
    if np.isnan(value):
        return Figure(None)
    defined = draws[~np.isnan(draws)]
    if not defined.size or defined.size < DEFINED_SHARE * draws.size:
        return Figure(value)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    if high - low > 1e-12:
        # Drawing patients twice makes a good calibration look worse, so that an ECE near 0 can lie below all its
        # resamples. An interval that excludes its own figure helps nobody: it is widened to hold it.
        return Figure(value, min(value, float(low)), max(value, float(high)))
    if trials and value in (0.0, 1.0):
        reach = tail ** (1 / trials)
        return Figure(value, reach, 1.0) if value == 1 else Figure(value, 0.0, 1 - reach)
    return Figure(value)
