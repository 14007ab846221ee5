"""Conformal prediction: the set of classes that a film may show, with a guarantee of how often it has the true one.

The guarantee is for each class on its own (Mondrian, or class-conditional, split conformal prediction: Vovk, ACML
2012; Angelopoulos & Bates, Foundations and Trends in Machine Learning 16 (2023): 494–591, sections 1 and 4): for a
film of a new patient, the set has the film's class at least as often as `coverage` says. It holds however good the
network is, as long as the new patients come from the same population as the validation patients. It is an average
over validation sets and patients, and no guarantee for one kind of patient, nor for another hospital's. If a
checkpoint was chosen on the same films, the guarantee holds only approximately.

A set with one class is an answer. With several classes, the network cannot tell them apart well enough; with none,
the film is unlike most films of every class. Neither is an answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from hilum.confidence.probabilities import checked_probs
from hilum.metrics import clusters_of, intervals
from hilum.metrics.counts import Bools, Floats, ratio
from hilum.metrics.multiclass import checked_multiclass
from hilum.records import Figure


class Conformal(Struct, frozen=True, forbid_unknown_fields=True):
    """The probabilities from which on a class is in a film's prediction set.

    Attributes:
        coverage: guaranteed for each class, above 0 and below 1.
        thresholds: one for each class, from 0 to 1; 0 if the class is in every set.
        films: the number of films of each class that they were fitted on.
        patients: the number of their patients; a film of an unknown patient counts as a patient of its own.
        chosen_on: a description of those films.
    """

    coverage: float
    thresholds: tuple[float, ...]
    films: tuple[int, ...]
    patients: tuple[int, ...]
    chosen_on: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.coverage < 1:
            raise ValueError(f"coverage must be above 0 and below 1, not {self.coverage}")
        if not all(0 <= threshold <= 1 for threshold in self.thresholds):
            raise ValueError("thresholds of prediction sets are probabilities, from 0 to 1")
        if not len(self.thresholds) == len(self.films) == len(self.patients):
            raise ValueError("prediction sets need a threshold and counts of films and patients for each class")

    @property
    def unpromised(self) -> tuple[int, ...]:
        """The classes with too few patients for a guarantee; they are in every set."""
        return tuple(
            number for number, patients in enumerate(self.patients) if patients < _needed(self.coverage, patients)
        )

    def notes(self, classes: Sequence[str]) -> list[str]:
        """What to know before relying on these sets, in sentences: which classes have too few patients.

        >>> Conformal(0.9, (0.4, 0.0), (30, 4), (30, 4)).notes(("NORMAL", "PNEUMONIA"))[0].partition(":")[0]
        'Only 4 patients labelled PNEUMONIA for prediction sets, which need 9'
        """
        return [
            f"Only {patients} patient{'s' * (patients != 1)} labelled {name} for prediction sets, which need "
            f"{_fewest(self.coverage)}: {name} is in the set of every film, and no other class is an answer."
            for name, patients in ((classes[number], self.patients[number]) for number in self.unpromised)
        ]


def fit_conformal(
    labels: ArrayLike,
    probs: ArrayLike,
    patients: Sequence[str] | None = None,
    coverage: float = 0.9,
    chosen_on: str = "validation films",
) -> Conformal:
    """Fit the thresholds on films that the network was not trained on.

    Films of one patient are not exchangeable with another's. So each of a class's K patients has one vote, shared
    among their films of the class, and the threshold is the highest that (K + 1) · coverage of the votes reach
    (hierarchical conformal prediction: Lee, Barber & Willett, 2023, arXiv:2306.06342). Unlike drawing one film of
    each patient (Dunn, Wasserman & Ramdas, JASA 118 (2023): 2491–2502) this uses every film and is deterministic.
    With one film of each patient it is the ⌈(n + 1) · coverage⌉-th smallest of n scores 1 − p, as in split conformal
    prediction.

    Only the ranking of films counts: calibrating two classes first changes thresholds but no set.

    A class of fewer than coverage / (1 − coverage) patients (9 for 0.9, 99 for 0.99) gets the threshold 0.

    Args:
        labels: `(n,)` int, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, of the same kind as those that sets will be made
            for.
        patients: `n` identifiers, `""` if unknown; None if all are.
        coverage: to guarantee, above 0 and below 1.
        chosen_on: a description of the films.

    Raises:
        ValueError: a coverage out of range, or input that does not fit.
    """
    films = checked_multiclass(labels, probs)
    of_film = clusters_of(films.labels, patients).of_film
    thresholds, counts, people = [], [], []
    for number in range(films.probs.shape[1]):
        of_class = films.labels == number
        votes, of_this_class = _votes(of_film, of_class)[of_class], films.probs[of_class, number]
        falling = np.argsort(-of_this_class)
        voters = np.unique(of_film[of_class]).size
        enough = np.cumsum(votes[falling]) >= _needed(coverage, voters)
        thresholds.append(float(of_this_class[falling][enough.argmax()]) if enough.any() else 0.0)
        counts.append(int(of_class.sum()))
        people.append(voters)
    films_chosen_on = f"{len(films.labels)} {chosen_on}"
    return Conformal(coverage, tuple(thresholds), tuple(counts), tuple(people), films_chosen_on)


def prediction_sets(conformal: Conformal, probs: ArrayLike) -> Bools:
    """The prediction set of each film.

    Args:
        conformal: fitted by `fit_conformal` on probabilities of the same kind.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1.

    Returns:
        `(n, classes)` bool, whether each class is in the film's set.

    Raises:
        ValueError: shapes or probabilities that do not fit.
    """
    rows = checked_probs(probs)
    if rows.shape[1] != len(conformal.thresholds):
        raise ValueError(f"probs of {rows.shape[1]} classes, and prediction sets of {len(conformal.thresholds)}")
    return np.asarray(rows >= np.array(conformal.thresholds))


@dataclass(frozen=True, slots=True)
class SetPerformance:
    """How prediction sets perform on films with labels, with 95% intervals; every patient counts once.

    Attributes:
        coverage: the share of films whose set has their class.
        per_class: the same among films of each class, which is what is guaranteed.
        size: the mean number of classes in a set.
        empty: the share of films with no class in their set.
        single: the share of films with one class in their set, which are answered.
        several: the share of films with more than one.
        single_accuracy: of the films with one class in their set, the share whose class it is.
    """

    coverage: Figure
    per_class: tuple[Figure, ...]
    size: Figure
    empty: Figure
    single: Figure
    several: Figure
    single_accuracy: Figure


def evaluate_sets(
    conformal: Conformal,
    labels: ArrayLike,
    probs: ArrayLike,
    patients: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> SetPerformance:
    """Evaluate prediction sets on films that neither the network nor the sets were fitted on.

    The guarantee is about a film of a new patient, so a patient with several films counts once here, too.

    Args:
        conformal: the thresholds.
        labels: `(n,)` int, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1.
        patients: `n` identifiers, `""` if unknown; None if all are.
        resamples: of the bootstrap over patients; 0 gives the figures without intervals.
        seed: of the draws.

    Raises:
        ValueError: input that does not fit.
    """
    films = checked_multiclass(labels, probs)
    inside = prediction_sets(conformal, films.probs)
    size = inside.sum(axis=1)
    kept = inside[np.arange(len(size)), films.labels]
    clusters = clusters_of(films.labels, patients)
    everyone = np.ones(len(size), dtype=bool)
    means = {
        "size": (size, everyone),
        "coverage": (kept, everyone),
        "empty": (size == 0, everyone),
        "single": (size == 1, everyone),
        "several": (size > 1, everyone),
        "single_accuracy": (kept, size == 1),
        **{str(number): (kept, films.labels == number) for number in range(inside.shape[1])},
    }

    def statistics(weights: Floats) -> Mapping[str, Floats]:
        result = {}
        for name, (values, among) in means.items():
            votes = _votes(clusters.of_film, among) * weights
            result[name] = ratio(votes @ values, votes.sum(axis=-1))
        return result

    proportions = {name: among for name, (_, among) in means.items() if name != "size"}
    figures = intervals(statistics, clusters, resamples, seed, proportions)
    per_class = tuple(figures.pop(str(number)) for number in range(inside.shape[1]))
    return SetPerformance(per_class=per_class, **figures)


def _needed(coverage: float, patients: int) -> float:
    # Slightly less, so that 0.55 · 20 votes are 11 and not 11.000000000000002.
    return (patients + 1) * coverage - 1e-9


def _fewest(coverage: float) -> int:
    """How many patients of a class a coverage needs."""
    return next(patients for patients in itertools.count(1) if patients >= _needed(coverage, patients))


def _votes(of_film: NDArray[np.intp], among: Bools) -> Floats:
    """One vote for each patient, shared evenly among the patient's films in `among`; 0 for all other films."""
    return np.where(among, 1 / np.maximum(np.bincount(of_film, among), 1)[of_film], 0.0)
