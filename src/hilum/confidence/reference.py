"""A detector's scores in validation, small enough for a bundle; later scores are compared with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from hilum.confidence.prior import checked_prior
from hilum.confidence.probabilities import checked_probs
from hilum.metrics import clusters_of
from hilum.metrics.counts import Floats
from hilum.metrics.multiclass import checked_multiclass

KEPT = 200  # films of a class: then a step of its distribution is half a percent


class ScoreReference(Struct, frozen=True, forbid_unknown_fields=True):
    """The scores of validation films, by class.

    Attributes:
        prior: the share of films of each class.
        scores: for each class the probabilities of `KEPT` of its films (or of all), at evenly spaced quantiles of the
            probability of that class. With two classes a film has that of the second, with more that of each.
        patients: for each class, the effective number of independent patients (`effective`).
        chosen_on: a description of the films.
    """

    prior: tuple[float, ...]
    scores: tuple[tuple[tuple[float, ...], ...], ...]
    patients: tuple[float, ...]
    chosen_on: str = ""

    def __post_init__(self) -> None:
        classes = len(self.prior)
        checked_prior(self.prior, classes)
        if len(self.scores) != classes or len(self.patients) != classes or not all(n >= 1 for n in self.patients):
            raise ValueError("a score reference needs scores and a number of patients, 1 or more, for each class")
        width = 1 if classes == 2 else classes
        if not all(self.scores) or any(len(film) != width for of_class in self.scores for film in of_class):
            raise ValueError(f"a score reference needs films of each class, each with {width} of their probabilities")
        checked_probs(self.probs)

    @property
    def probs(self) -> Floats:
        """The films' probabilities, `(films, classes)`, those of the first class first."""
        rows = np.array([film for of_class in self.scores for film in of_class], dtype=np.float64)
        return np.concatenate([1 - rows, rows], axis=1) if rows.shape[1] == 1 else rows

    @property
    def labels(self) -> NDArray[np.intp]:
        """The class of each of these films."""
        return np.repeat(np.arange(len(self.scores)), [len(of_class) for of_class in self.scores])


def score_reference(
    labels: ArrayLike, probs: ArrayLike, patients: Sequence[str] | None = None, chosen_on: str = "validation films"
) -> ScoreReference:
    """Summarise the scores of films that the network was not trained on.

    Args:
        labels: `(n,)` int, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1, of the same kind as those to be compared:
            calibrated if those are.
        patients: `n` identifiers, `""` if unknown; None if all are.
        chosen_on: a description of the films.

    Raises:
        ValueError: a class without films, or input that does not fit.
    """
    films = checked_multiclass(labels, probs)
    classes = films.probs.shape[1]
    of_class = np.bincount(films.labels, minlength=classes)
    if not of_class.all():
        raise ValueError(
            f"a score reference needs films of each class, and there are {', '.join(map(str, of_class))}"
        )
    of_film = clusters_of(films.labels, patients).of_film
    scores, worth = [], []
    for number in range(classes):
        in_class = films.labels == number
        rising = films.probs[in_class][np.argsort(films.probs[in_class, number], kind="stable")]
        kept = min(len(rising), KEPT)
        rows = rising[((np.arange(kept) + 0.5) / kept * len(rising)).astype(np.intp)]
        scores.append(tuple(map(tuple, (rows[:, 1:] if classes == 2 else rows).tolist())))
        worth.append(effective(of_film[in_class]))
    prior = tuple((of_class / of_class.sum()).tolist())
    return ScoreReference(prior, tuple(scores), tuple(worth), f"{len(films.labels)} {chosen_on}")


def effective(of_film: NDArray[np.intp]) -> float:
    """The effective number of independent films, if all films of a patient carry the same information.

    (Σ films)² / Σ films² over patients (Kish, Survey Sampling, 1965): the number of patients if each has the same
    number of films. This is conservative: films of one patient do carry information of their own.
    """
    films = np.bincount(of_film)
    return float(np.square(films.sum()) / np.square(films).sum())
