"""What a report on more than two classes says: its verdict, its tables and its curves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from hilum.bundle.spec import Spec
from hilum.evaluation import figures
from hilum.evaluation.mistakes import HeatOf, surest_mistakes
from hilum.evaluation.truth import MulticlassFilms, multiclass_films
from hilum.evaluation.wording import among, elsewhere, films, listed, with_interval, without_labels, without_lungs
from hilum.metrics.multiclass import OF_CLASS, OF_PAIR
from hilum.records import Predictions

MEANINGS = {
    "accuracy": ("Accuracy", "share of all films that are called what they are"),
    "auroc": ("Mean AUROC", "chance that a film of a class is scored above one of the others; 0.5 is guessing"),
    "sensitivity": ("Mean sensitivity", "share of a class's films that are found (recall); also: balanced accuracy"),
    "specificity": ("Mean specificity", "share of the other classes' films that are left alone"),
    "precision": ("Mean precision", "share of films called a class that are; depends on how common it is here"),
    "f1": ("Mean F1", "harmonic mean of precision and sensitivity"),
    "brier": ("Brier score", "squared error of the probabilities, added up over the classes; 0 is best, 2 is worst"),
    "log_loss": ("Log loss", "mean surprise at the truth, in nats; 0 is best"),
    "ece": (
        "Calibration error",
        "mean distance of how sure it is and how often it is right (ECE, 15 bins); 0 is best",
    ),
    "ece_debiased": ("Calibration error, debiased", "root mean square, less what chance adds (15 equal bins)"),
}


def context(
    spec: Spec,
    metrics: dict[str, Any],
    predictions: Predictions,
    heat_of: HeatOf | None = None,
    pictures: bool = True,
) -> dict[str, Any]:
    """What `multiclass_report.html` shows beside what every report does."""
    several = multiclass_films(predictions)
    return {
        "subject": listed(predictions.classes),
        "verdict": verdict(metrics, Counter(row.prediction for row in predictions if not row.error)),
        "weaknesses": weaknesses(metrics),
        "rows": [(name, meaning, metrics[key]) for key, (name, meaning) in MEANINGS.items()],
        "class_lines": [
            (name, films(group["n"]), [group[kind] for kind in OF_CLASS])
            for name, group in metrics["per_class"].items()
        ],
        "pair_lines": [
            (f"{b} against {a}", films(group["n"]), [group[kind] for kind in OF_PAIR])
            for (a, b), group in _pairs(metrics).items()
        ],
        "curves": _curves(several, predictions, metrics["seed"]),
        "mistakes": surest_mistakes(
            several.as_right(), spec.recipe.pixels.window, heat_of=heat_of, pictures=pictures
        ),
        "n_wrong": int((several.films.called != several.films.labels).sum()),
    }


def verdict(metrics: dict[str, Any], called: Mapping[str, int]) -> str:
    """One or two sentences: how well, on how many films of how many patients.

    Args:
        metrics: what `evaluate` gave.
        called: how many of the films that could be read are called each class, labelled or not.
    """
    if not metrics["n"]:
        return without_labels(metrics, listed([f"{called[name]:,} {name}" for name in metrics["classes"]]))
    begin = (
        f"{among(metrics)}, the detector calls {with_interval(metrics['accuracy'])} of them what they are: "
        f"{listed(metrics['classes'], 'or')}."
    )
    if metrics["auroc"]["value"] is None:
        return f"{begin} Not every class occurs among them, so there is no mean over the classes."
    return (
        f"{begin} Taken class by class, its mean AUROC is {with_interval(metrics['auroc'])}, its mean sensitivity "
        f"{with_interval(metrics['sensitivity'])} and its mean specificity {with_interval(metrics['specificity'])}."
    )


def weaknesses(metrics: dict[str, Any]) -> list[str]:
    """Where it fails: what each class is taken for, the pair that is hardest to tell apart, the worst shifts."""
    sentences = []
    for name, cells in metrics["confusion"].items():
        there, wrong = sum(cells.values()), Counter({other: n for other, n in cells.items() if n and other != name})
        if there:
            most = [f", {'most often' if len(wrong) > 1 else 'always'} {other}" for other, _ in wrong.most_common(1)]
            sentences.append(f"It calls {wrong.total():,} of {there:,} {name} films something else{''.join(most)}.")
    aurocs = {pair: group["auroc"] for pair, group in _pairs(metrics).items() if group["auroc"]["value"] is not None}
    if len(aurocs) > 1:
        hardest = min(aurocs, key=lambda pair: aurocs[pair]["value"])
        sentences.append(
            f"It tells {listed(hardest)} apart least well: between these two alone its AUROC is "
            f"{with_interval(aurocs[hardest])}."
        )
    return sentences + elsewhere(metrics, "the mean") + without_lungs(metrics)


def _pairs(metrics: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The figures of each pair by its two names, which may hold what divides them in `metrics.json`."""
    return dict(zip(combinations(metrics["classes"], 2), metrics["pairs"].values(), strict=True))


def _curves(several: MulticlassFilms, predictions: Predictions, seed: int) -> list[tuple[str, Any]]:
    """Title and drawing of what these labels allow."""
    curves, called = [], several.films.called
    for index, name in enumerate(predictions.classes):
        against = several.against_rest(index)
        if not against.one_class:
            drawing = figures.roc_figure(against, called == index, "most probable", f"roc-{index}", seed)
            curves.append((f"ROC: {name} against the rest", drawing))
    if several.rows:
        drawing = figures.reliability_figure(several.as_right(), "right")
        curves.append(("Reliability: is it right as often as it says?", drawing))
    read = [row for row in predictions if not row.error]
    if read:
        sureness = np.array([max(row.probs) for row in read])
        right = ["right" if row.prediction == row.film.label else "wrong" if row.film.label else "" for row in read]
        drawing = figures.distribution_figure(sureness, right, ("right", "wrong"), None, "what it is called")
        curves.append(("How sure it is" + (": wrong upwards, right downwards" if several.rows else ""), drawing))
    return curves
