"""What a report on two classes says: its verdict, its table and its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from hilum.confidence import Calibration, uncalibrated
from hilum.evaluation import figures
from hilum.evaluation.mistakes import Mistake, Pictures, worst_mistakes
from hilum.evaluation.results import Evaluation
from hilum.evaluation.truth import BinaryFilms, binary_films, threshold_of
from hilum.evaluation.wording import (
    films,
    number,
    sample,
    under_other_machines,
    with_interval,
    without_labels,
    without_lungs,
)
from hilum.records import Figure, Predictions

MEANINGS = {
    "auroc": ("AUROC", "probability that a {positive} film scores higher than a {negative} film; 0.5 is chance"),
    "sensitivity": ("Sensitivity", "share of {positive} films that are found (recall)"),
    "specificity": ("Specificity", "share of {negative} films that are not called {positive}"),
    "accuracy": ("Accuracy", "share of all films whose predicted class is their label"),
    "balanced_accuracy": ("Balanced accuracy", "mean of sensitivity and specificity"),
    "precision": ("Precision", "share of films called {positive} that are; depends on how common it is here"),
    "f1": ("F1", "harmonic mean of precision and sensitivity"),
    "average_precision": ("Average precision", "area under the precision–recall curve"),
    "brier": ("Brier score", "mean squared error of the probability; 0 is best"),
    "log_loss": (
        "Log loss",
        "mean negative logarithm of the true class's probability, in nats; 0 is best, always saying 0.5 gives 0.69",
    ),
    "ece": (
        "Calibration error",
        "mean distance between probability and observed frequency (ECE, 15 bins); 0 is best",
    ),
    "ece_debiased": (
        "Calibration error, debiased",
        "root mean square, without what chance adds (15 bins of equally many films)",
    ),
}


@dataclass(frozen=True, slots=True)
class BinarySection:
    """What `binary_report.html` shows in addition to what every report does.

    Attributes:
        negative: the name of the first class.
        positive: the name of the second.
        subject: what the detector tells apart, in words.
        verdict: the figures that count, in one sentence.
        weaknesses: where it fails, in a few sentences.
        rows: name, meaning and figure of every line of the table.
        cells: tn, fp, fn and tp.
        curves: title and drawing.
        missed: the worst false negatives.
        alarms: the worst false positives.
    """

    negative: str
    positive: str
    subject: str
    verdict: str
    weaknesses: Sequence[str]
    rows: Sequence[tuple[str, str, Figure]]
    cells: tuple[int, int, int, int]
    curves: Sequence[tuple[str, Markup]]
    missed: Sequence[Mistake]
    alarms: Sequence[Mistake]


def binary_section(
    evaluation: Evaluation, predictions: Predictions, calibration: Calibration | None, pictures: Pictures
) -> BinarySection:
    """Put together what a report on two classes shows.

    Args:
        evaluation: of the predictions.
        predictions: the same that were evaluated.
        calibration: of the bundle, to draw the reliability before it too; None where it is not known.
        pictures: how the worst errors are shown.
    """
    truth, threshold = binary_films(predictions), threshold_of(predictions)
    read = [row for row in predictions if not row.error]
    probs = np.array([row.probs[-1] for row in read], dtype=np.float64)
    labels = [row.film.label for row in read]
    negative, positive = predictions.classes
    curves = _curves(truth, _before(truth, calibration), threshold, evaluation.seed)
    if read:
        sides = f": {positive} upwards, {negative} downwards" if evaluation.n else ""
        drawing = figures.distribution_figure(probs, labels, predictions.classes, threshold)
        curves.append((f"Predicted probabilities{sides}", drawing))
    missed, alarms = worst_mistakes(truth, threshold, pictures)
    return BinarySection(
        negative=negative,
        positive=positive,
        subject=f"{positive} against {negative}",
        verdict=verdict(evaluation, int((probs >= threshold).sum())),
        weaknesses=weaknesses(evaluation),
        rows=_rows(evaluation),
        cells=_cells(evaluation),
        curves=curves,
        missed=missed,
        alarms=alarms,
    )


def verdict(evaluation: Evaluation, called: int) -> str:
    """One sentence: how well, on how many films of how many patients.

    Args:
        evaluation: of two classes.
        called: how many of the films that could be read are called positive, labelled or not.
    """
    negative, positive = evaluation.classes
    threshold = f"{evaluation.threshold:.3g}"
    if not evaluation.n:
        read = films(evaluation.n_unlabelled)
        return without_labels(evaluation, f"{called:,} of {read} {positive} at its threshold of {threshold}")
    if evaluation.auroc.value is None:
        alone, known, figure = (
            (positive, "sensitivity", evaluation.sensitivity)
            if evaluation.sensitivity.value is not None
            else (negative, "specificity", evaluation.specificity)
        )
        return (
            f"{sample(evaluation)}, all labelled {alone}, the detector has a {known} of {with_interval(figure)}; "
            "without the other class there is no AUROC."
        )
    return (
        f"{sample(evaluation)}, the detector has an AUROC of {with_interval(evaluation.auroc)}, and at its threshold "
        f"of {threshold} a sensitivity of {with_interval(evaluation.sensitivity)} and a specificity of "
        f"{with_interval(evaluation.specificity)}."
    )


def weaknesses(evaluation: Evaluation) -> list[str]:
    """Where it fails: the false negatives and positives, the hardest cause, the worst shifts."""
    negative, positive = evaluation.classes
    tn, fp, fn, tp = _cells(evaluation)
    sentences = []
    if there := tp + fn:
        sentences.append(f"It misses {fn:,} of {there:,} {positive} films{_hardest(evaluation)}.")
    if there := tn + fp:
        sentences.append(f"It calls {fp:,} of {there:,} {negative} films {positive}.")
    return sentences + under_other_machines(evaluation, "At the same threshold the") + without_lungs(evaluation)


def _cells(evaluation: Evaluation) -> tuple[int, int, int, int]:
    (tn, fp), (fn, tp) = evaluation.confusion_matrix
    return tn, fp, fn, tp


def _hardest(evaluation: Evaluation) -> str:
    """The subtype that is found least often, where there are several to choose from."""
    values = {name: figure.value for name, (figure, _) in _found(evaluation).items() if figure.value is not None}
    if len(values) < 2 or max(values.values()) == min(values.values()):
        return ""
    name = min(values, key=values.__getitem__)
    return f", most often {name} (sensitivity {number(values[name])})"


def _found(evaluation: Evaluation) -> dict[str, tuple[Figure, int]]:
    """The share of each cause's films that is found, and how many films that is a share of."""
    positive = evaluation.classes[-1]
    causes = evaluation.subgroups.get("cause", {})
    return {name: (group.sensitivity, group.n_of[positive]) for name, group in causes.items()}


def _rows(evaluation: Evaluation) -> list[tuple[str, str, Figure]]:
    """Name, meaning and figure of every line of the table."""
    negative, positive = evaluation.classes
    of_all = evaluation.figures
    rows = []
    for key, (name, meaning) in MEANINGS.items():
        # Class names are put in by hand: with format() one that holds braces would break the sentence.
        words = meaning.replace("{positive}", positive).replace("{negative}", negative)
        rows.append((name, words, of_all[key]))
        if key == "auroc" and evaluation.auroc_delong is not None:
            rows.append(("… by DeLong", "the same AUROC, its interval from its variance", evaluation.auroc_delong))
        if key == "sensitivity":
            rows += [
                (f"… {cause}", f"share of its {films(n)} that are found", figure)
                for cause, (figure, n) in _found(evaluation).items()
            ]
    return rows


def _before(truth: BinaryFilms, calibration: Calibration | None) -> BinaryFilms | None:
    """The same films with their probabilities before calibration; None where there was none."""
    if calibration is None or calibration.method == "none" or not truth.rows:
        return None
    given = np.stack([1 - truth.probs, truth.probs], axis=1)
    return replace(truth, probs=uncalibrated(calibration, given)[:, 1])


def _curves(truth: BinaryFilms, before: BinaryFilms | None, threshold: float, seed: int) -> list[tuple[str, Markup]]:
    """Title and drawing of what these labels allow."""
    if not truth.rows:
        return []
    drawing = figures.reliability_figure(truth, before=before)
    curves = [("Reliability: do probabilities match observed frequencies?", drawing)]
    if truth.one_class:
        return curves
    called, decision = truth.probs >= threshold, f"threshold {threshold:.3g}"
    return [
        ("ROC: sensitivity against false-positive rate", figures.roc_figure(truth, called, decision, seed=seed)),
        ("Precision against recall", figures.pr_figure(truth, threshold)),
        *curves,
    ]
