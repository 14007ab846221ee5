"""What a report on two classes says: its verdict, its table and its curves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hilum.bundle.spec import Spec
from hilum.confidence import Calibration, uncalibrated
from hilum.evaluation import figures
from hilum.evaluation.mistakes import HeatOf, worst_mistakes
from hilum.evaluation.truth import BinaryFilms, binary_films, threshold_of
from hilum.evaluation.wording import among, elsewhere, films, number, with_interval, without_labels, without_lungs
from hilum.records import Predictions

MEANINGS = {
    "auroc": ("AUROC", "chance that a film of {positive} is scored above one of {negative}; 0.5 is guessing"),
    "sensitivity": ("Sensitivity", "share of {positive} films that are found (recall)"),
    "specificity": ("Specificity", "share of {negative} films that are left alone"),
    "accuracy": ("Accuracy", "share of all films that are called what they are"),
    "balanced_accuracy": ("Balanced accuracy", "mean of sensitivity and specificity"),
    "precision": ("Precision", "share of films called {positive} that are; depends on how common it is here"),
    "f1": ("F1", "harmonic mean of precision and sensitivity"),
    "average_precision": ("Average precision", "area under the precision–recall curve"),
    "brier": ("Brier score", "mean squared error of the probability; 0 is best"),
    "log_loss": ("Log loss", "mean surprise at the truth, in nats; 0 is best, 0.69 is saying 0.5 of every film"),
    "ece": ("Calibration error", "mean distance of probability and frequency (ECE, 15 bins); 0 is best"),
    "ece_debiased": ("Calibration error, debiased", "root mean square, less what chance adds (15 equal bins)"),
}


def context(
    spec: Spec,
    metrics: dict[str, Any],
    predictions: Predictions,
    heat_of: HeatOf | None = None,
    pictures: bool = True,
) -> dict[str, Any]:
    """What `binary_report.html` shows beside what every report does."""
    truth, threshold = binary_films(predictions), threshold_of(predictions)
    read = [row for row in predictions if not row.error]
    probs = np.array([row.probs[-1] for row in read], dtype=np.float64)
    labels = [row.film.label for row in read]
    negative, positive = predictions.classes
    curves = _curves(truth, _before(truth, spec.calibration), threshold, metrics["seed"])
    if read:
        sides = f": {positive} upwards, {negative} downwards" if metrics["n"] else ""
        drawing = figures.distribution_figure(probs, labels, predictions.classes, threshold)
        curves.append((f"Probabilities given{sides}", drawing))
    missed, alarms = worst_mistakes(truth, threshold, spec.recipe.pixels.window, heat_of=heat_of, pictures=pictures)
    return {
        "negative": negative,
        "positive": positive,
        "verdict": verdict(metrics, int((probs >= threshold).sum())),
        "weaknesses": weaknesses(metrics),
        "rows": _rows(metrics),
        "curves": curves,
        "missed": missed,
        "alarms": alarms,
    }


def verdict(metrics: dict[str, Any], called: int) -> str:
    """One sentence: how well, on how many films of how many patients.

    Args:
        metrics: what `evaluate` gave.
        called: how many of the films that could be read are called positive, labelled or not.
    """
    negative, positive = metrics["classes"]
    threshold = f"{metrics['threshold']:.3g}"
    if not metrics["n"]:
        read = films(metrics["n_unlabelled"])
        return without_labels(metrics, f"{called:,} of {read} {positive} at its threshold of {threshold}")
    if metrics["auroc"]["value"] is None:
        alone, known, figure = (
            (positive, "sensitivity", metrics["sensitivity"])
            if metrics["sensitivity"]["value"] is not None
            else (negative, "specificity", metrics["specificity"])
        )
        return (
            f"{among(metrics)}, all labelled {alone}, the detector has a {known} of {with_interval(figure)}; "
            "without the other class there is no AUROC."
        )
    return (
        f"{among(metrics)}, the detector has an AUROC of {with_interval(metrics['auroc'])}, and at its threshold of "
        f"{threshold} a sensitivity of {with_interval(metrics['sensitivity'])} and a specificity of "
        f"{with_interval(metrics['specificity'])}."
    )


def weaknesses(metrics: dict[str, Any]) -> list[str]:
    """Where it fails: the misses, the false alarms, the hardest cause, the worst shifts."""
    negative, positive = metrics["classes"]
    cells = metrics["confusion"]
    sentences = []
    if there := cells["tp"] + cells["fn"]:
        sentences.append(f"It misses {cells['fn']:,} of {there:,} {positive} films{_hardest(metrics)}.")
    if there := cells["tn"] + cells["fp"]:
        sentences.append(f"It calls {cells['fp']:,} of {there:,} {negative} films {positive}.")
    return sentences + elsewhere(metrics, "at the same threshold the") + without_lungs(metrics)


def _hardest(metrics: dict[str, Any]) -> str:
    """The subtype that is found least often, where there are several to choose from."""
    defined = {name: figure for name, (figure, _) in _found(metrics).items() if figure["value"] is not None}
    values = [figure["value"] for figure in defined.values()]
    if len(values) < 2 or max(values) == min(values):
        return ""
    name = min(defined, key=lambda name: defined[name]["value"])
    return f", most often {name} (sensitivity {number(defined[name]['value'])})"


def _found(metrics: dict[str, Any]) -> dict[str, tuple[dict[str, Any], int]]:
    """The share of each cause's films that is found, and how many films that is a share of."""
    positive = metrics["classes"][-1]
    causes = metrics["subgroups"].get("cause", {})
    return {name: (group["sensitivity"], group["n_of"][positive]) for name, group in causes.items()}


def _rows(metrics: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, meaning and figure of every line of the table."""
    negative, positive = metrics["classes"]
    rows = []
    for key, (name, meaning) in MEANINGS.items():
        # Class names are put in by hand: with format() one that holds braces would break the sentence.
        words = meaning.replace("{positive}", positive).replace("{negative}", negative)
        rows.append((name, words, metrics[key]))
        if key == "auroc":
            rows.append(("… by DeLong", "the same area, its interval from its variance", metrics["auroc_delong"]))
        if key == "sensitivity":
            rows += [
                (f"… {cause}", f"share of its {films(n)} found", figure)
                for cause, (figure, n) in _found(metrics).items()
            ]
    return rows


def _before(truth: BinaryFilms, calibration: Calibration) -> BinaryFilms | None:
    """The same films with what they were given before calibration; None where there was none."""
    if calibration.method == "none" or not truth.rows:
        return None
    given = np.stack([1 - truth.probs, truth.probs], axis=1)
    return replace(truth, probs=uncalibrated(calibration, given)[:, 1])


def _curves(truth: BinaryFilms, before: BinaryFilms | None, threshold: float, seed: int) -> list[tuple[str, Any]]:
    """Title and drawing of what these labels allow."""
    if not truth.rows:
        return []
    drawing = figures.reliability_figure(truth, before=before)
    curves = [("Reliability: is a probability to be taken at its word?", drawing)]
    if truth.one_class:
        return curves
    called, decision = truth.probs >= threshold, f"threshold {threshold:.3g}"
    return [
        ("ROC: sensitivity against false alarms", figures.roc_figure(truth, called, decision, seed=seed)),
        ("Precision against recall", figures.pr_figure(truth, threshold)),
        *curves,
    ]
