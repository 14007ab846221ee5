"""What the films are labelled, which predictions are compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hilum.errors import RequestError
from hilum.metrics.counts import Bools, Floats
from hilum.metrics.multiclass import MulticlassScores
from hilum.records import Film, Prediction, Predictions


@dataclass(frozen=True, slots=True)
class BinaryFilms:
    """The films of two classes that have both a label and a probability, in order.

    Attributes:
        rows: their predictions.
        labels: `(n,)`, true for the positive class.
        probs: `(n,)`, probability of the positive class.
        patients: one identifier a film, `""` where unknown.
    """

    rows: tuple[Prediction, ...]
    labels: Bools
    probs: Floats
    patients: tuple[str, ...]

    @property
    def one_class(self) -> bool:
        """Whether a class is missing, so that nothing can be compared with it."""
        return bool(self.labels.all() or not self.labels.any())


@dataclass(frozen=True, slots=True)
class MulticlassFilms:
    """The films of more classes that have both a label and probabilities, in order.

    Attributes:
        rows: their predictions.
        scores: their classes, and the probabilities of each.
        patients: one identifier a film, `""` where unknown.
    """

    rows: tuple[Prediction, ...]
    scores: MulticlassScores
    patients: tuple[str, ...]

    def against_rest(self, number: int) -> BinaryFilms:
        """The same films as if that class were positive and all the others negative."""
        return BinaryFilms(self.rows, *self.scores.one_against_rest(number), self.patients)

    def as_right(self) -> BinaryFilms:
        """The same films, positive where the class that they are called is theirs, with the probability of that."""
        right = self.scores.called == self.scores.labels
        return BinaryFilms(self.rows, right, self.scores.probs.max(axis=1), self.patients)


def binary_films(predictions: Predictions) -> BinaryFilms:
    """The rows of two classes that have both a label and a probability.

    Raises:
        RequestError: a label is neither of the classes.
    """
    rows = _labelled_and_read(predictions)
    positive = predictions.classes[-1]
    return BinaryFilms(
        rows,
        np.array([row.film.label == positive for row in rows], dtype=bool),
        np.array([row.probs[-1] for row in rows], dtype=np.float64),
        tuple(row.film.patient for row in rows),
    )


def multiclass_films(predictions: Predictions) -> MulticlassFilms:
    """The rows of any number of classes that have both a label and probabilities.

    Raises:
        RequestError: a label is none of the classes.
    """
    rows, classes = _labelled_and_read(predictions), predictions.classes
    labels = np.array([classes.index(row.film.label) for row in rows], dtype=np.intp)
    probs = np.array([row.probs for row in rows], dtype=np.float64).reshape(len(rows), len(classes))
    return MulticlassFilms(rows, MulticlassScores(labels, probs), tuple(row.film.patient for row in rows))


class FilmCounts(NamedTuple):
    """How many films were asked for: with a label and a prediction, of known patients, failed, without a label."""

    n: int
    patients: int
    n_failed: int
    n_unlabelled: int


def count_films(predictions: Predictions) -> FilmCounts:
    """Count the films that figures are of, and those that they are not of."""
    rows, failed = [row for row in predictions if row.film.label and not row.error], len(predictions.failed)
    patients = {row.film.patient for row in rows if row.film.patient}
    return FilmCounts(len(rows), len(patients), failed, len(predictions) - failed - len(rows))


def threshold_of(predictions: Predictions) -> float:
    """Where a detector of two classes decides.

    Raises:
        RequestError: these predictions do not say.
    """
    if predictions.threshold is None:
        raise RequestError("two classes are told apart at a threshold, and these predictions have none")
    return predictions.threshold


def require_known_labels(films: Iterable[Film], classes: tuple[str, ...]) -> None:
    """Refuse labels that are none of the detector's classes: of two, such a film would count as negative.

    Raises:
        RequestError: a label is none of the classes; the line names both.
    """
    unknown = Counter(film.label for film in films if film.label and film.label not in classes)
    if unknown:
        named = ", ".join(f"'{label}' ({count} film{'s' * (count != 1)})" for label, count in unknown.most_common(5))
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        columns = "labels" if len(classes) == 2 else "labels (or subtypes)"
        alike = [label for label in unknown if classes[-1].casefold() in label.casefold()] or [max(unknown)]
        example = f"--class '{classes[-1]}={','.join(alike[:5])}'"
        raise RequestError(
            f"the bundle knows {', '.join(classes[:-1])} and {classes[-1]}, and these films are labelled "
            f"{named}{more}; say what these {columns} mean, as in {example}, or name "
            "the films' classes with --classes of hilum evaluate, which leaves the others out"
        )


def _labelled_and_read(predictions: Predictions) -> tuple[Prediction, ...]:
    require_known_labels((row.film for row in predictions), predictions.classes)
    return tuple(row for row in predictions if row.film.label and not row.error)
