"""All figures of a detector of three classes or more at once, with intervals.

A class has figures of its own against all the others (one-vs-rest), and the detector's figure is their plain mean
(macro): a rare class counts as much as a common one. Pairs of classes say what is confused with what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.metrics.bootstrap import clusters_of, intervals
from hilum.metrics.calibration import ece, ece_debiased
from hilum.metrics.counts import Bools, Floats, confusion, ratio
from hilum.metrics.scores import auroc, surprise
from hilum.records import Figure

OF_CLASS = ("auroc", "sensitivity", "specificity", "precision", "f1")
OF_PAIR = ("auroc", "accuracy", "sensitivity", "specificity")


class MulticlassScores(NamedTuple):
    """Films of several classes with their predicted probabilities.

    Attributes:
        labels: `(n,)`, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1.
    """

    labels: NDArray[np.intp]
    probs: Floats

    @property
    def called(self) -> NDArray[np.intp]:
        """The most probable class of each film, `(n,)`; of equally probable ones the first."""
        return np.asarray(self.probs.argmax(axis=1))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Every two classes, the lower number first."""
        return list(combinations(range(self.probs.shape[1]), 2))

    def one_against_rest(self, number: int) -> tuple[Bools, Floats]:
        """Which films are of a class, and their probabilities of it, `(n,)` each."""
        return self.labels == number, self.probs[:, number]

    def one_against_other(self, a: int, b: int) -> tuple[Bools, Bools, Floats]:
        """As if there were only two classes: among which films, which are of `b`, and b / (a + b), `(n,)` each.

        A film that is given no probability of either is half of each.
        """
        score = ratio(self.probs[:, b], self.probs[:, a] + self.probs[:, b])
        return np.isin(self.labels, (a, b)), self.labels == b, np.where(np.isnan(score), 0.5, score)


@dataclass(frozen=True, slots=True)
class MulticlassFigures:
    """The figures of a detector of several classes; what these films do not define is `Figure(None)`.

    Attributes:
        overall: accuracy, balanced_accuracy, brier (the sum over classes: 0 to 2; Brier, 1950), log_loss (of the
            probability of the class that is true), ece and ece_debiased (of the probability of the class that is
            called; Guo et al., ICML 2017), and the means over the classes of auroc, sensitivity, specificity,
            precision and f1, undefined where one class's is.
        per_class: one-vs-rest, in the order of the classes: auroc, sensitivity, specificity, precision, f1.
        pairs: for classes (a, b), among their films alone, by the score b / (a + b): auroc, and at 0.5 accuracy,
            sensitivity (of b) and specificity.
    """

    overall: dict[str, Figure]
    per_class: tuple[dict[str, Figure], ...]
    pairs: dict[tuple[int, int], dict[str, Figure]]


def multiclass_metrics(
    labels: ArrayLike, probs: ArrayLike, patients: Sequence[str] | None = None, resamples: int = 2000, seed: int = 0
) -> MulticlassFigures:
    """Every figure with its 95% interval, all from one bootstrap over patients.

    Args:
        labels: `(n,)` int, the class of each film, from 0.
        probs: `(n, classes)`, from 0 to 1, each row adding up to 1; the most probable class is what a film is called.
        patients: `n` identifiers, `""` where unknown; None where all are.
        resamples: how many; 0 gives the figures without intervals.
        seed: where the draws start.

    Raises:
        ValueError: shapes, labels or probabilities that do not fit.

    >>> probs = [[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3]]
    >>> figures = multiclass_metrics([0, 1, 2], probs, resamples=0)
    >>> round(figures.overall["accuracy"].value, 4), figures.per_class[0]["sensitivity"].value
    (0.6667, 1.0)
    """
    films = checked_multiclass(labels, probs)
    figures = intervals(
        lambda weights: multiclass_figures_at(films, weights),
        clusters_of(films.labels, patients),
        resamples,
        seed,
        _proportions(films),
    )
    classes = range(films.probs.shape[1])

    def of(kinds: Iterable[str], *numbers: int) -> dict[str, Figure]:
        return {kind: figures[_key(kind, *numbers)] for kind in kinds}

    return MulticlassFigures(
        overall={key: figure for key, figure in figures.items() if " " not in key},
        per_class=tuple(of(OF_CLASS, number) for number in classes),
        pairs={pair: of(OF_PAIR, *pair) for pair in films.pairs},
    )


def checked_multiclass(labels: ArrayLike, probs: ArrayLike) -> MulticlassScores:
    """Labels and probabilities as arrays that fit.

    Raises:
        ValueError: shapes that do not fit, a label that is no class's number, probabilities that are none.
    """
    truth, scores = np.asarray(labels), np.asarray(probs, dtype=np.float64)
    if truth.ndim != 1 or scores.ndim != 2 or len(scores) != truth.size or scores.shape[1] < 2:
        raise ValueError(f"labels {truth.shape} and probs {scores.shape} must be (n,) and (n, classes)")
    if truth.size and not (
        np.issubdtype(truth.dtype, np.integer) and 0 <= truth.min() <= truth.max() < scores.shape[1]
    ):
        raise ValueError(f"labels must be whole numbers from 0 to {scores.shape[1] - 1}")
    if not np.all((scores >= 0) & (scores <= 1)) or not np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        raise ValueError("probs must lie from 0 to 1 and each row add up to 1: these are logits, or contain NaN")
    return MulticlassScores(truth.astype(np.intp), scores)


def multiclass_figures_at(films: MulticlassScores, weights: Floats) -> dict[str, Floats]:
    """The figures without intervals, each of the shape `(...)` of `weights (..., n)`; NaN is undefined.

    Those of one class are named `figure i`, those of a pair `figure i j`.
    """
    result = means_at(films, weights)
    for a, b in films.pairs:
        among, labels, score = films.one_against_other(a, b)
        labels, score, times = labels[among], score[among], weights[..., among]
        tn, fp, fn, tp = confusion(labels, score, 0.5, times)
        area = auroc(labels, score, times)
        result[_key("auroc", a, b)] = area
        # The accuracy on films of one of the two alone would be its sensitivity, or its specificity.
        result[_key("accuracy", a, b)] = np.where(np.isnan(area), np.nan, ratio(tn + tp, tn + fp + fn + tp))
        result[_key("sensitivity", a, b)] = ratio(tp, tp + fn)
        result[_key("specificity", a, b)] = ratio(tn, tn + fp)
    return result


def means_at(films: MulticlassScores, weights: Floats) -> dict[str, Floats]:
    """The same without the pairs: the figures over all classes, and those of each."""
    classes = range(films.probs.shape[1])
    matrix = confusion_matrix(films.labels, films.called, len(classes), weights)
    total = weights.sum(axis=-1)
    each: dict[str, Floats] = {}
    for number in classes:
        tp, there, called = matrix[..., number, number], matrix[..., number, :].sum(-1), matrix[..., number].sum(-1)
        # Where every film is of one side, precision and F1 would say what the films are, and not the detector.
        two_sided = (there > 0) & (there < total)
        each[_key("auroc", number)] = auroc(*films.one_against_rest(number), weights)
        each[_key("sensitivity", number)] = ratio(tp, there)
        each[_key("specificity", number)] = ratio(total - there - called + tp, total - there)
        each[_key("precision", number)] = np.where(two_sided, ratio(tp, called), np.nan)
        each[_key("f1", number)] = np.where(two_sided, ratio(2 * tp, there + called), np.nan)
    means = {kind: np.mean([each[_key(kind, number)] for number in classes], axis=0) for kind in OF_CLASS}
    misses = np.square(films.probs - np.eye(len(classes))[films.labels]).sum(axis=1)
    given = films.probs[np.arange(films.labels.size), films.labels]
    right, sureness = films.called == films.labels, films.probs.max(axis=1)
    return {
        "accuracy": ratio(np.trace(matrix, axis1=-2, axis2=-1), total),
        "balanced_accuracy": means["sensitivity"],
        **means,
        "brier": ratio(weights @ misses, total),
        "log_loss": ratio(weights @ surprise(given), total),
        "ece": ece(right, sureness, weights),
        "ece_debiased": ece_debiased(right, sureness, weights),
        **each,
    }


def confusion_matrix(labels: NDArray[np.intp], called: NDArray[np.intp], classes: int, weights: Floats) -> Floats:
    """How many films of each class (rows) are called each class (columns), `(..., classes, classes)`."""
    cell = labels * classes + called
    counts = np.stack([weights @ (cell == number).astype(np.float64) for number in range(classes**2)], axis=-1)
    return np.asarray(counts.reshape(*weights.shape[:-1], classes, classes))


def _proportions(films: MulticlassScores) -> dict[str, Bools]:
    """Which films each share among the figures is a share of."""
    result = {"accuracy": np.ones(films.labels.shape, dtype=bool)}
    for number in range(films.probs.shape[1]):
        result[_key("sensitivity", number)] = films.labels == number
        result[_key("specificity", number)] = films.labels != number
        result[_key("precision", number)] = films.called == number
    for a, b in films.pairs:
        among, labels, _ = films.one_against_other(a, b)
        result[_key("accuracy", a, b)] = among
        result[_key("sensitivity", a, b)] = among & labels
        result[_key("specificity", a, b)] = among & ~labels
    return result


def _key(kind: str, *numbers: int) -> str:
    return " ".join((kind, *map(str, numbers)))
