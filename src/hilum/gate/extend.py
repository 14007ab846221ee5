"""A gate that has learnt from another hospital's films too, of which it has none of the films that it knew before.

It keeps the mean and the covariance of what it knew (`DescriptorDistribution`). Those of the new films are added as
those of two sets of films are pooled, with the sets weighted: as one share of the films, which grows with their
number and stays below a half. So 25 films count for a sixth and 400 for less than the films of before.

A distribution that is wider lets more pictures through that are no chest films. The limit of distance is therefore
lowered until, of pictures made of the new films (turned, inverted, cut up, noise, text), no more pass than before,
but for one in 400: of many films' pictures the nearest one alone would have films of the kind known before stopped.
Roughness, the fixed kinds and the discriminant of adults stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hilum.gate.descriptor import LENGTH, Descriptors, Image8, describe
from hilum.gate.distribution import of_moments
from hilum.gate.fit import describe_with_views
from hilum.gate.gate import DescriptorDistribution, Gate
from hilum.gate.heuristics import is_blank, roughness
from hilum.gate.ood_examples import ood_examples
from hilum.gate.other_pictures import other_picture

Rows = NDArray[np.intp]

_A_QUARTER_AT = 50  # films, that count for a quarter: half as much as the films of before together
_ONE_MORE_IN = 400  # pictures may pass than before
_MARGIN = 0.95  # of the distance of the nearest picture that must not pass: other films' pictures are nearer


@dataclass(frozen=True, slots=True)
class GateFilms:
    """What a gate sees of films, and of pictures made of them that it is to stop.

    Attributes:
        described: (n, 1 + views, 512), as `describe_with_views`: the films as they are first.
        pictures: (n, kinds, 512), of each film rotated by a quarter turn and by a half, inverted, noise, text, and of
            one of the kinds of `other_picture`.
        allowed: (n, 1 + kinds) bool, whether nothing but its distance would stop a film, and each of its pictures.
    """

    described: Descriptors
    pictures: Descriptors
    allowed: NDArray[np.bool_]

    @staticmethod
    def of(gate: Gate, films: Iterable[Image8], seed: int = 0) -> GateFilms:
        """Describe films.

        Args:
            gate: that is to be extended.
            films: each (size, size) uint8, as the gate is shown films; at least one.
            seed: of the draws of views and pictures.
        """
        draws = np.random.default_rng(seed)
        described, pictures, allowed = [], [], []
        for number, film in enumerate(films):
            squares = [np.ascontiguousarray(film)]
            squares += [examples[0] for examples in ood_examples([film], seed + number).values()]
            squares.append(other_picture(film, seed + number))
            each = describe(squares)
            described.append(describe_with_views(film, draws))
            pictures.append(each[1:])
            smooth = np.array([roughness(square) <= gate.roughness and not is_blank(square) for square in squares])
            allowed.append(smooth & (gate.adults.scores(each) <= 1) if gate.adults else smooth)
        return GateFilms(np.stack(described), np.stack(pictures), np.stack(allowed))

    def passed(self, gate: Gate, rows: Rows) -> NDArray[np.bool_]:
        """Which films pass, and which of their pictures: (rows, 1 + kinds).

        Args:
            gate: the one that they were described for, or one that differs in its distribution and its limit alone.
            rows: which films.
        """
        return np.asarray(self.allowed[rows] & (self.distances(gate.distribution, rows) <= gate.distance))

    def distances(self, distribution: DescriptorDistribution, rows: Rows) -> NDArray[np.float64]:
        """The squared distances of films, and of their pictures: (rows, 1 + kinds)."""
        shown = np.concatenate([self.described[rows, :1], self.pictures[rows]], axis=1)
        return distribution.squared_distances(shown.reshape(-1, LENGTH)).reshape(shown.shape[:2])


def extend(gate: Gate, films: GateFilms, rows: Rows, patients: int, folds: Sequence[tuple[Rows, Rows]]) -> Gate:
    """A gate that has learnt from some films too.

    Args:
        gate: as it is.
        films: described for it.
        rows: those to learn from.
        patients: how many they are of.
        folds: of these rows by patient, for each fold all others and its own: what pictures of a fold's films would
            pass is measured with a distribution that has not learnt from its patients.
    """
    passed = films.passed(gate, rows)[:, 1:]
    most = int(passed.sum()) + passed.size // _ONE_MORE_IN
    distances = []
    for others, held in folds:
        wider = pooled(gate.distribution, films.described[others], share_of(len(others)))
        distances.append(films.distances(wider, held)[:, 1:][films.allowed[held, 1:]])
    nearest = np.sort(np.concatenate(distances))
    limit = _MARGIN * float(nearest[most]) if most < len(nearest) else gate.distance
    return replace(
        gate,
        films=gate.films + len(rows),
        patients=gate.patients + patients,
        distance=min(gate.distance, limit),
        distribution=pooled(gate.distribution, films.described[rows], share_of(len(rows))),
    )


def share_of(films: int) -> float:
    """How much so many films count beside those that a gate knew before: 0 for none, and always less than a half.

    >>> [round(share_of(number), 2) for number in (25, 50, 400)]
    [0.17, 0.25, 0.44]
    """
    return films / (2 * (films + _A_QUARTER_AT))


def pooled(known: DescriptorDistribution, described: Descriptors, share: float) -> DescriptorDistribution:
    """The distribution of two sets of films together.

    Args:
        known: of the first.
        described: (films, 1 + views, 512), the second.
        share: of the second, above 0 and below 1.
    """
    flat = described.reshape(-1, LENGTH).astype(np.float64)
    mean, covariance = known.moments()
    apart = flat.mean(axis=0) - mean
    both = (1 - share) * covariance + share * np.cov(flat.T, bias=True) + share * (1 - share) * np.outer(apart, apart)
    return of_moments(mean + share * apart, both, len(known.variances) // 4 + len(flat) // 4)
