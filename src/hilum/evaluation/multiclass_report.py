"""What a report on more than two classes says: its verdict, its tables and its curves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from markupsafe import Markup

from hilum.evaluation import figures
from hilum.evaluation.mistakes import Mistake, Pictures, surest_mistakes
from hilum.evaluation.result_parts import PairFigures
from hilum.evaluation.results import Evaluation
from hilum.evaluation.truth import MulticlassFilms, multiclass_films
from hilum.evaluation.wording import (
    films,
    listed,
    sample,
    under_other_machines,
    with_interval,
    without_labels,
    without_lungs,
)
from hilum.metrics.multiclass import OF_CLASS, OF_PAIR
from hilum.records import Figure, Predictions

MEANINGS = {
    "accuracy": ("Accuracy", "share of all films whose predicted class is their label"),
    "auroc": ("Mean AUROC", "probability that a film of a class scores higher than one of the others; 0.5 is chance"),
    "sensitivity": ("Mean sensitivity", "share of a class's films that are found (recall); also: balanced accuracy"),
    "specificity": ("Mean specificity", "share of the other classes' films that are not called this class"),
    "precision": ("Mean precision", "share of films called a class that are; depends on how common it is here"),
    "f1": ("Mean F1", "harmonic mean of precision and sensitivity"),
    "brier": ("Brier score", "squared error of the probabilities, summed over the classes; 0 is best, 2 is worst"),
    "log_loss": ("Log loss", "mean negative logarithm of the true class's probability, in nats; 0 is best"),
    "ece": ("Calibration error", "mean distance between confidence and accuracy (ECE, 15 bins); 0 is best"),
    "ece_debiased": (
        "Calibration error, debiased",
        "root mean square, without what chance adds (15 bins of equally many films)",
    ),
}

Line = tuple[str, str, list[Figure]]


@dataclass(frozen=True, slots=True)
class MulticlassSection:
    """What `multiclass_report.html` shows in addition to what every report does.

    Attributes:
        subject: what the detector tells apart, in words.
        verdict: the figures that count, in a sentence or two.
        weaknesses: where it fails, in a few sentences.
        rows: name, meaning and figure of every line of the table.
        class_lines: name, number of films and figures of each class against the rest.
        pair_lines: the same of two classes at a time.
        matrix: by label, how many films are called each class.
        curves: title and drawing.
        mistakes: the most confident errors.
        n_wrong: how many errors there are.
    """

    subject: str
    verdict: str
    weaknesses: Sequence[str]
    rows: Sequence[tuple[str, str, Figure]]
    class_lines: Sequence[Line]
    pair_lines: Sequence[Line]
    matrix: Mapping[str, Mapping[str, int]]
    curves: Sequence[tuple[str, Markup]]
    mistakes: Sequence[Mistake]
    n_wrong: int


def multiclass_section(evaluation: Evaluation, predictions: Predictions, pictures: Pictures) -> MulticlassSection:
    """Put together what a report on more than two classes shows.

    Args:
        evaluation: of the predictions.
        predictions: the same that were evaluated.
        pictures: how the worst errors are shown.
    """
    truth, of_all = multiclass_films(predictions), evaluation.figures
    return MulticlassSection(
        subject=listed(predictions.classes),
        verdict=verdict(evaluation, Counter(row.prediction for row in predictions if not row.error)),
        weaknesses=weaknesses(evaluation),
        rows=[(name, meaning, of_all[key]) for key, (name, meaning) in MEANINGS.items()],
        class_lines=[
            (name, films(group.n), [getattr(group, kind) for kind in OF_CLASS])
            for name, group in (evaluation.per_class or {}).items()
        ],
        pair_lines=[
            (f"{b} against {a}", films(group.n), [getattr(group, kind) for kind in OF_PAIR])
            for (a, b), group in _pairs(evaluation).items()
        ],
        matrix=_matrix(evaluation),
        curves=_curves(truth, predictions, evaluation.seed),
        mistakes=surest_mistakes(truth.as_right(), pictures),
        n_wrong=int((truth.scores.called != truth.scores.labels).sum()),
    )


def verdict(evaluation: Evaluation, called: Mapping[str, int]) -> str:
    """One or two sentences: how well, on how many films of how many patients.

    Args:
        evaluation: of more than two classes.
        called: how many of the films that could be read are called each class, labelled or not.
    """
    if not evaluation.n:
        return without_labels(evaluation, listed([f"{called[name]:,} {name}" for name in evaluation.classes]))
    begin = (
        f"{sample(evaluation)}, the detector tells {listed(evaluation.classes)} apart with an accuracy of "
        f"{with_interval(evaluation.accuracy)}."
    )
    if evaluation.auroc.value is None:
        return f"{begin} Not every class occurs among them, so means over the classes are not defined."
    return (
        f"{begin} Averaged over the classes, each against the others, its AUROC is "
        f"{with_interval(evaluation.auroc)}, its sensitivity {with_interval(evaluation.sensitivity)} and its "
        f"specificity {with_interval(evaluation.specificity)}."
    )


def weaknesses(evaluation: Evaluation) -> list[str]:
    """Where it fails: what each class is mistaken for, the pair that is hardest to tell apart, the worst shifts."""
    sentences = []
    for name, cells in _matrix(evaluation).items():
        there, wrong = sum(cells.values()), Counter({other: n for other, n in cells.items() if n and other != name})
        if there:
            most = [f", {'most often' if len(wrong) > 1 else 'always'} {other}" for other, _ in wrong.most_common(1)]
            sentences.append(f"It calls {wrong.total():,} of {there:,} {name} films something else{''.join(most)}.")
    aurocs = {pair: value for pair, group in _pairs(evaluation).items() if (value := group.auroc.value) is not None}
    if len(aurocs) > 1:
        hardest = min(aurocs, key=aurocs.__getitem__)
        sentences.append(
            f"The hardest to tell apart are {listed(hardest)}: between these two alone its AUROC is "
            f"{with_interval(_pairs(evaluation)[hardest].auroc)}."
        )
    return sentences + under_other_machines(evaluation, "The mean") + without_lungs(evaluation)


def _matrix(evaluation: Evaluation) -> dict[str, dict[str, int]]:
    """By label, how many films are called each class."""
    names = evaluation.classes
    return {
        name: dict(zip(names, row, strict=True)) for name, row in zip(names, evaluation.confusion_matrix, strict=True)
    }


def _pairs(evaluation: Evaluation) -> dict[tuple[str, str], PairFigures]:
    """The figures of each pair by its two names, which may hold what divides them in `metrics.json`."""
    return dict(zip(combinations(evaluation.classes, 2), (evaluation.pairs or {}).values(), strict=True))


def _curves(truth: MulticlassFilms, predictions: Predictions, seed: int) -> list[tuple[str, Markup]]:
    """Title and drawing of what these labels allow."""
    curves, called = [], truth.scores.called
    for index, name in enumerate(predictions.classes):
        against = truth.against_rest(index)
        if not against.one_class:
            drawing = figures.roc_figure(against, called == index, "most probable", f"roc-{index}", seed)
            curves.append((f"ROC: {name} against the rest", drawing))
    if truth.rows:
        drawing = figures.reliability_figure(truth.as_right(), "right")
        curves.append(("Reliability: does confidence match accuracy?", drawing))
    read = [row for row in predictions if not row.error]
    if read:
        confidences = np.array([max(row.probs) for row in read])
        right = ["right" if row.prediction == row.film.label else "wrong" if row.film.label else "" for row in read]
        drawing = figures.distribution_figure(confidences, right, ("right", "wrong"), None, "the predicted class")
        curves.append(("Confidence" + (": wrong upwards, right downwards" if truth.rows else ""), drawing))
    return curves
