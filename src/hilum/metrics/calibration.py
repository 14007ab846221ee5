"""Calibration error: the distance between probabilities and observed frequencies, with and without chance's part."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.metrics.counts import Floats, checked, last_of_each, ratio

ECE_BINS = 15


def ece(labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None, bins: int = ECE_BINS) -> Floats:
    """Expected calibration error, 0 (best) to 1: how far probabilities lie from frequencies, on average over films.

    Σ over bins of (share of films in the bin) · |mean probability − observed frequency| of the positive class, over
    equal-width bins that are closed above. Sources: the binary reliability diagram of Naeini, Cooper & Hauskrecht
    (AAAI 2015), with the weighting, the bins and their number of Guo et al. (ICML 2017, eq. 5). Guo et al. bin
    the confidence of whichever class is chosen; binning the positive class keeps errors on either side apart.

    >>> round(float(ece([0, 1, 1, 1], [0.1, 0.9, 0.9, 0.9])), 4)
    0.1
    """
    truth, scores, counts = checked(labels, probs, weights)
    gaps, places = scores - truth, bin_of(scores, bins)
    distance = np.zeros(counts.shape[:-1])
    # The share and the mean's denominator cancel: what remains is the sum of (probability - truth) in each bin. One
    # product for all bins would wake BLAS's threads at every chunk of resamples, and wait for them on a busy machine.
    for place in np.unique(places):
        inside = places == place
        distance += np.abs(counts[..., inside] @ gaps[inside])
    return ratio(distance, counts.sum(axis=-1))


def ece_debiased(
    labels: ArrayLike, probs: ArrayLike, weights: ArrayLike | None = None, bins: int = ECE_BINS
) -> Floats:
    """Calibration error, 0 (best) to 1, without the part that chance adds: the root mean square over films.

    Frequencies of few films miss the probabilities even of a detector that is calibrated, and `ece` counts that as
    error. Here the variance of each bin's frequency is taken off its squared distance: the root of Σ over bins of
    (share of films in the bin) · ((mean probability − frequency)² − frequency · (1 − frequency) / (films − 1)),
    and 0 where nothing is left. Source: Kumar, Liang & Ma, NeurIPS 2019, section 4: the debiased estimator of the
    l2 error. The norm is another than that of `ece`, so the two are not to be compared with each other.

    The bins hold equally many films. Films of one probability stay together, in the bin of the middle of their
    ranks, so that a bin can be empty. A film that is alone in its bin tells nothing of a frequency and is left out.
    NaN for less than two films a bin on average: 30 with 15 bins.

    A film that weighs 2 is still one film, and makes no frequency surer: the variance is that of a weighted mean,
    frequency · (1 − frequency) · Σw² / ((Σw)² − Σw²). Otherwise every resample would take itself for new films and
    come out worse than the films it was drawn from.
    """
    truth, scores, counts = checked(labels, probs, weights)
    shape = counts.shape[:-1]
    if not truth.size:
        return np.full(shape, np.nan)
    order = np.argsort(scores, kind="stable")
    rising, positive = scores[order], truth[order]
    # In rows: `counts[..., order]` would lay films of one row far apart, and everything below goes along a row.
    times = np.take(counts.reshape(-1, truth.size), order, axis=1)
    starts = _equal_mass(times, last_of_each(rising), bins)
    sizes = np.diff(starts, axis=1, append=truth.size)
    places = (starts + truth.size * np.arange(len(times))[:, None]).ravel()

    def sums(of_film: Floats) -> Floats:
        # One value more, so that the start of an empty last bin is there to be named.
        filled = np.add.reduceat(np.append(of_film, 0.0), places).reshape(starts.shape)
        return np.where(sizes > 0, filled, 0.0)

    films, squares = sums(times), sums(np.square(times))
    frequency, gap = ratio(sums(times * positive), films), ratio(sums(times * (rising - positive)), films)
    error = np.square(gap) - frequency * (1 - frequency) * ratio(squares, np.square(films) - squares)
    share = np.where(np.isnan(error), 0.0, films)
    mean = ratio((share * np.nan_to_num(error)).sum(axis=1), share.sum(axis=1))
    enough = films.sum(axis=1) >= 2 * bins
    return np.where(enough, np.sqrt(np.maximum(mean, 0.0)), np.nan).reshape(shape)


def bin_of(probs: Floats, bins: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The index of each probability's bin: ((b)/bins, (b+1)/bins], with 0 in the first."""
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    return np.searchsorted(inner, probs, side="left")


def _equal_mass(times: Floats, last: NDArray[np.intp], bins: int) -> NDArray[np.intp]:
    """Where each bin begins among films in the order of their scores, `(rows, bins)`; `last` of each score."""
    reached = np.take(np.cumsum(times, axis=1), last, axis=1)
    total = reached[:, -1:]
    # Twice the middle of the ranks, times the bins, against whole numbers: exact where weights are whole.
    middles = bins * reached
    middles[:, 1:] += bins * reached[:, :-1]
    edges = 2 * total * np.arange(1, bins)
    # Rows one above the other, so that one search serves them all.
    lift = (2 * bins * total.max() + 1) * np.arange(len(times))[:, None]
    found = np.searchsorted((middles + lift).ravel(), (edges + lift).ravel()).reshape(edges.shape)
    scores_below = found - last.size * np.arange(len(times))[:, None]
    first_film = np.append(0, last + 1)
    return np.concatenate([np.zeros((len(times), 1), np.intp), first_film[scores_below]], axis=1)
