"""Dataset shift: have scores changed since validation, and do other shares of the classes explain it? Without labels.

There are two questions about a new set of films. Are their scores from the same distribution as those of validation?
If not: is there more to it than other shares of the classes (prior shift), under which the scores within a class
would be unchanged? Another machine, or other patients of the same class, change the scores within a class.

The second question can be answered in one direction only. Scores that no mixture of the reference's classes explains
contradict prior shift. Scores that a mixture explains do not prove it: a machine on which every fifth healthy film
looks like pneumonia gives the same scores as a ward with more pneumonia. Labels of some films separate the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from hilum.confidence.prior import checked_prior, estimate_prior, likelihoods, maximised
from hilum.confidence.probabilities import checked_probs
from hilum.confidence.reference import ScoreReference, effective
from hilum.metrics import clusters_of
from hilum.metrics.counts import Floats
from hilum.records import Figure

SIGNIFICANT = 0.05
SIMULATIONS = 999


@dataclass(frozen=True, slots=True)
class ScoreShift:
    """How far scores are from those that were expected.

    Attributes:
        distance: the largest difference of the shares of films that score above the same number, 0 to 1
            (Kolmogorov–Smirnov).
        p: the p-value: the chance of such a distance, or a larger one, if nothing has changed; 0.001 or more.
        of_class: the class whose probability it is.
        at: the score where the two are farthest apart.
        expected: the share of films expected above it.
        found: the share of films found above it.
    """

    distance: float
    p: float
    of_class: int
    at: float
    expected: float
    found: float

    @property
    def shown(self) -> bool:
        """Whether the distance is significant, at the level of 0.05."""
        return self.p < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class PriorShift:
    """Whether scores have shifted, and whether other shares of the classes explain it.

    Attributes:
        moved: the distance from validation's scores.
        prior: the estimated share of each class, if only the shares have changed.
        beyond: the distance from validation's scores with its classes mixed by those shares.
    """

    moved: ScoreShift
    prior: tuple[Figure, ...]
    beyond: ScoreShift

    @property
    def looks_like(self) -> Literal["no shift", "prior shift", "other shift"]:
        """What these scores show.

        `no shift`: none is significant. `prior shift`: other shares of the classes explain it, and so might other
        changes (see the module); `correct_prior` may be used if no other change is known. `other shift`: they do not
        explain it; neither the estimated shares nor a correction by them is reliable.
        """
        if self.beyond.shown:
            return "other shift"
        return "prior shift" if self.moved.shown else "no shift"


def distribution_shift(
    reference: ScoreReference, probs: ArrayLike, patients: Sequence[str] | None = None, seed: int = 0
) -> ScoreShift:
    """Compare scores with those of validation: a two-sample Kolmogorov–Smirnov test.

    The distance is taken at the reference's scores, of more than two classes over the probabilities of each. Its
    p-value is from `SIMULATIONS` pairs of sets drawn from the reference, of the effective sizes of the reference and
    of these films (`effective`): films of one patient are not independent.

    Args:
        reference: the scores of validation.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, of the same kind.
        patients: `n` identifiers, `""` if unknown; None if all are.
        seed: of the draws.

    Raises:
        ValueError: no film, or input that does not fit.
    """
    comparison = _Comparison(reference, probs, patients, seed)
    prior = np.array(reference.prior)
    found, expected = comparison.draws(prior), comparison.draws(prior, comparison.expecting)
    return comparison.shift(prior, comparison.distances(found, expected))


def prior_shift(
    reference: ScoreReference,
    probs: ArrayLike,
    patients: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> PriorShift:
    """Answer both questions about a new set of films, without their labels.

    For the second, the simulated sets are drawn from the reference's classes mixed by the estimated shares, and the
    shares are estimated anew from each, as they were from the films (the parametric bootstrap: Efron & Tibshirani, An
    Introduction to the Bootstrap, 1993, section 6.5): fitted shares make any distance smaller.

    Args:
        reference: the scores of validation.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, of the same kind, calibrated.
        patients: `n` identifiers, `""` if unknown; None if all are.
        resamples: of the bootstrap for the shares' intervals; 0 gives none.
        seed: of the draws.

    Raises:
        ValueError: no film, or input that does not fit.
    """
    comparison = _Comparison(reference, probs, patients, seed)
    figures = estimate_prior(probs, reference.prior, patients, resamples, seed)
    prior = np.array([figure.value or 0.0 for figure in figures])
    found = comparison.draws(prior)
    before = np.array(reference.prior)
    shares = maximised(likelihoods(reference.probs, before), found, before)
    each = np.eye(prior.size)
    expected = sum(
        shares[:, [number]] * comparison.draws(each[number], reference.patients[number])
        for number in range(prior.size)
    )
    beyond = comparison.shift(prior, comparison.distances(found, np.asarray(expected)))
    return PriorShift(distribution_shift(reference, probs, patients, seed), figures, beyond)


class _Comparison:
    """Films compared with the reference, by the shares of both that are above each score of the reference."""

    def __init__(
        self, reference: ScoreReference, probs: ArrayLike, patients: Sequence[str] | None, seed: int
    ) -> None:
        self.reference, self.rows, self.labels = reference, reference.probs, reference.labels
        self.films = checked_probs(probs)
        classes = self.rows.shape[1]
        if self.films.shape[1] != classes or not len(self.films):
            raise ValueError(f"scores of {classes} classes are compared with those of films, not {self.films.shape}")
        self.columns = (1,) if classes == 2 else tuple(range(classes))
        clusters = clusters_of(np.zeros(len(self.films), dtype=bool), patients)
        self.finding = effective(clusters.of_film)
        self.expecting = 1 / float(np.sum(np.square(checked_prior(reference.prior, classes)) / reference.patients))
        self.random = np.random.default_rng(seed)

    def shares_of(self, prior: Floats) -> Floats:
        """The weight of each of the reference's films if the classes have these shares; they add up to 1."""
        return np.asarray((prior / np.bincount(self.labels))[self.labels])

    def draws(self, prior: Floats, size: float | None = None) -> Floats:
        """Sets drawn from the reference, `(SIMULATIONS, films of the reference)`: the share of each film."""
        films = max(1, round(self.finding if size is None else size))
        shares = self.shares_of(prior)
        return self.random.multinomial(films, shares / shares.sum(), SIMULATIONS) / films

    def distances(self, found: Floats, expected: Floats) -> Floats:
        """The largest distance of two sets of shares `(..., films of the reference)`, `(...)`."""
        largest = [np.abs(self._above(found - expected, column)).max(axis=-1) for column in self.columns]
        return np.asarray(np.max(largest, axis=0))

    def shift(self, prior: Floats, by_chance: Floats) -> ScoreShift:
        """The films compared with the reference mixed by these shares."""
        shifts = []
        for column in self.columns:
            places, scores = np.unique(self.rows[:, column]), np.sort(self.films[:, column])
            found = 1 - np.searchsorted(scores, places, side="right") / scores.size
            expected = self._above(self.shares_of(prior), column)
            worst = int(np.abs(found - expected).argmax())
            at, wanted, seen = (float(each[worst]) for each in (places, expected, found))
            shifts.append(ScoreShift(abs(seen - wanted), 1.0, column, at, wanted, seen))
        farthest = max(shifts, key=lambda shift: shift.distance)
        # Distances that differ only by rounding are equal.
        as_far = int((by_chance >= farthest.distance - 1e-9).sum())
        return replace(farthest, p=(1 + as_far) / (1 + SIMULATIONS))

    def _above(self, shares: Floats, column: int) -> Floats:
        """The part of shares `(..., films of the reference)` above each distinct score, in rising order."""
        scores = self.rows[:, column]
        order = np.argsort(scores, kind="stable")
        last = np.append(np.diff(scores[order]) > 0, True)
        return np.asarray(shares.sum(axis=-1, keepdims=True) - np.cumsum(shares[..., order], axis=-1)[..., last])
