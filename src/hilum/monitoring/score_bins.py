"""Validation's scores in bins: what later scores are compared with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.confidence import ScoreReference

BINS = 6
Floats = NDArray[np.float64]


class ScoreBins(NamedTuple):
    """The shares of validation films in each bin of the last class's probability.

    Attributes:
        edges: between the bins, rising, `(bins - 1,)`; a score at an edge is in the bin above.
        shares: of each class's films, `(classes, bins)`; each row adds up to 1.
        films: the effective number of independent films of each class, `(classes,)`.
        prior: the share of films of each class, `(classes,)`.
    """

    edges: Floats
    shares: Floats
    films: Floats
    prior: Floats

    @property
    def expected(self) -> Floats:
        """The share of films in each bin, with the classes mixed as in validation."""
        mixed: Floats = self.prior @ self.shares
        return mixed

    def counts(self, scores: ArrayLike) -> Floats:
        """Which bin each score is in, as rows of one 1 and zeros: `(n,)` → `(n, bins)`."""
        number = np.searchsorted(self.edges, np.asarray(scores, dtype=np.float64), side="right")
        one_hot: Floats = np.eye(len(self.edges) + 1)[number]
        return one_hot


def score_bins(reference: ScoreReference, bins: int = BINS) -> ScoreBins:
    """Bins with equally many films each, if every class had equally many.

    Args:
        reference: of a bundle.
        bins: how many at most; fewer where scores are tied.
    """
    scores, labels = reference.probs[:, -1], reference.labels
    classes = len(reference.prior)
    weights = 1 / np.bincount(labels, minlength=classes)[labels] / classes
    rising = np.argsort(scores, kind="stable")
    cumulated = np.cumsum(weights[rising])
    at = np.minimum(np.searchsorted(cumulated, np.arange(1, bins) / bins), len(scores) - 1)
    edges = np.unique(scores[rising][at])
    edges = edges[edges > scores.min()]
    number = np.searchsorted(edges, scores, side="right")
    shares = np.zeros((classes, len(edges) + 1))
    np.add.at(shares, (labels, number), 1.0)
    shares /= shares.sum(axis=1, keepdims=True)
    return ScoreBins(edges, shares, np.array(reference.patients), np.array(reference.prior))
