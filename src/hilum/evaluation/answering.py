"""What a detector answers, and what its answers are worth: coverage beside the figures of those films alone.

A detector that may abstain has two figures of each kind: among all films, and among those that it answers (selective
classification: El-Yaniv & Wiener, JMLR 11 (2010): 1605–1641). Neither is enough without the share that it answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.answered_parts import AnsweredFigures, AnsweredResult
from hilum.evaluation.truth import require_known_labels, threshold_of
from hilum.metrics import clusters_of, intervals
from hilum.metrics.binary import COMPARING, figures_at, proportions_at
from hilum.metrics.counts import Bools, Floats, confusion, ratio
from hilum.metrics.multiclass import MulticlassScores, means_at
from hilum.records import ABSTENTIONS, Figure, Predictions

_BRIEF = ("accuracy", "sensitivity", "specificity")
_OF_CLASS = "coverage of "


class _Answered(NamedTuple):
    """All films in order, `(n, …)`; -1 stands for no label and for no answer.

    Attributes:
        labels: the number of the class that each is labelled with.
        answers: the number of the class that is the answer.
        probs: `(n, classes)`; equal where the film could not be read.
        patients: whose film each is.
    """

    labels: NDArray[np.intp]
    answers: NDArray[np.intp]
    probs: Floats
    patients: tuple[str, ...]

    @property
    def counted(self) -> Bools:
        """Which films have both a label and an answer: those that the figures are of."""
        return np.asarray((self.labels >= 0) & (self.answers >= 0))

    @property
    def by_answer(self) -> MulticlassScores:
        """The labels, and a probability of 1 for the answer; films that are not counted are of the first class."""
        answers, labels = np.maximum(self.answers, 0), np.maximum(self.labels, 0)
        return MulticlassScores(labels, np.eye(self.probs.shape[1])[answers])


def measure_answered(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> AnsweredResult | None:
    """Measure which films are answered, and every figure among them.

    Intervals are from resamples of the patients of all films, so that they hold the chance in what is answered.

    Args:
        predictions: with their answers.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Returns:
        None where there is no film, or one has no answer, as in tables of Hilum 0.2.0 and earlier.

    Raises:
        RequestError: a label that is none of the classes; two classes without a threshold.
    """
    films = _answered(predictions)
    if films is None:
        return None
    figures = _figures(films, predictions, resamples, seed, brief=False)
    per_class = {name: figures.pop(_OF_CLASS + name) for name in predictions.classes}
    of_all: dict[str, Any] = dict(figures)
    counts = Counter(row.answer for row in predictions)
    abstained = Counter(row.why for row in predictions if not row.answered and not row.error)
    return AnsweredResult(
        n=len(predictions),
        n_answered=int((films.answers >= 0).sum()),
        answers={name: counts[name] for name in (*predictions.classes, *ABSTENTIONS)},
        reasons=dict(abstained.most_common()),
        coverage_per_class=per_class,
        **of_all,
    )


def answered_figures(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> AnsweredFigures | None:
    """The few figures of `AnsweredFigures` alone; the arguments are those of `measure_answered`."""
    films = _answered(predictions)
    if films is None:
        return None
    figures: dict[str, Any] = dict(_figures(films, predictions, resamples, seed, brief=True))
    return AnsweredFigures(n=len(predictions), n_answered=int((films.answers >= 0).sum()), **figures)


def _answered(predictions: Predictions) -> _Answered | None:
    rows, classes = predictions.rows, predictions.classes
    if not rows or not all(row.answer for row in rows):
        return None
    require_known_labels((row.film for row in rows), classes)
    numbers = {name: number for number, name in enumerate(classes)}
    even = (1 / len(classes),) * len(classes)
    return _Answered(
        np.array([numbers.get(row.film.label, -1) for row in rows], dtype=np.intp),
        np.array([numbers[row.answer] if row.answered else -1 for row in rows], dtype=np.intp),
        np.array([row.probs or even for row in rows], dtype=np.float64),
        tuple(row.film.patient for row in rows),
    )


def _figures(
    films: _Answered, predictions: Predictions, resamples: int, seed: int, *, brief: bool
) -> dict[str, Figure]:
    """Coverage and performance, from one bootstrap; `brief` leaves out all but the fields of `AnsweredFigures`."""
    classes, counted = predictions.classes, films.counted
    threshold = threshold_of(predictions) if len(classes) == 2 else None
    shares = _shares(films, () if brief else classes)

    def statistics(weights: Floats) -> dict[str, Floats]:
        covered = {name: ratio(weights @ part, weights @ whole) for name, (part, whole) in shares.items()}
        among = weights * counted
        return covered | (_brief_at(films, among) if brief else _all_at(films, threshold, among))

    proportions = {name: whole > 0 for name, (_, whole) in shares.items()} | {"accuracy": counted}
    if threshold is not None:
        among = proportions_at(films.labels == 1, films.probs[:, 1], threshold)
        proportions |= {name: of & counted for name, of in among.items()}
    figures = intervals(statistics, clusters_of(films.labels, films.patients), resamples, seed, proportions)
    if threshold is not None and np.unique(films.labels[counted]).size < 2:
        figures |= {name: Figure(None) for name in COMPARING if name in figures}
    return figures


def _shares(films: _Answered, classes: Sequence[str]) -> dict[str, tuple[Floats, Floats]]:
    """What is a share of what, as how often each film counts: coverage, coverage of each class, right and wrong."""
    labelled, right = films.labels >= 0, films.counted & (films.labels == films.answers)
    masks: dict[str, tuple[Bools, Bools]] = {
        "coverage": (films.answers >= 0, np.ones_like(labelled)),
        "right": (right, labelled),
        "wrong": (films.counted & ~right, labelled),
    }
    for number, name in enumerate(classes):
        of_class = films.labels == number
        masks[_OF_CLASS + name] = films.counted & of_class, of_class
    return {name: (part.astype(np.float64), whole.astype(np.float64)) for name, (part, whole) in masks.items()}


def _brief_at(films: _Answered, weights: Floats) -> dict[str, Floats]:
    """`_BRIEF` among the films that `weights` count, by their answers."""
    called = films.by_answer
    if films.probs.shape[1] > 2:
        means = means_at(called, weights)
        return {kind: means[kind] for kind in _BRIEF}
    tn, fp, fn, tp = confusion(called.labels == 1, called.probs[:, 1], 0.5, weights)
    shares = (ratio(tn + tp, tn + fp + fn + tp), ratio(tp, tp + fn), ratio(tn, tn + fp))
    return dict(zip(_BRIEF, shares, strict=True))


def _all_at(films: _Answered, threshold: float | None, weights: Floats) -> dict[str, Floats]:
    """Every figure of all films, among those that `weights` count."""
    if threshold is not None:
        return figures_at(films.labels == 1, films.probs[:, 1], threshold, weights)
    called = films.by_answer
    by_prob = means_at(MulticlassScores(called.labels, films.probs), weights)
    # What is counted by classes is counted by the answers, which need not be the most probable class.
    by_answer = means_at(called, weights)
    kinds = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "f1")
    figures = {name: figure for name, figure in by_prob.items() if " " not in name}
    return figures | {kind: by_answer[kind] for kind in kinds}
