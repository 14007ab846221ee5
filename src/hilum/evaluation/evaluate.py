"""From predictions to `metrics.json`: the figures, their intervals, and what could not be computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hilum.evaluation.truth import Judged, judged
from hilum.files import write_text
from hilum.metrics import binary_metrics, clusters_of, confusion, intervals
from hilum.metrics.counts import Floats, ratio
from hilum.records import Figure, Predictions

FEW_FILMS = 30  # of a class; below it a single film moves sensitivity or specificity by more than 3 points


def evaluate(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Judge predictions by the labels of their films.

    Args:
        predictions: of a detector of two classes; films without a label or with an error are counted, not judged.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Returns:
        What `metrics.json` holds, ready for JSON: each figure of `metrics.binary_metrics` as
        `{"value", "low", "high"}` with null for what is not defined; `n` films judged, of which `patients` known
        patients, `n_failed` (unreadable) and `n_unlabelled` beside them; `confusion`; `threshold`; `classes`, the
        positive one last; `per_subtype`, the sensitivity for each cause of a positive film with its `n`;
        `resamples` and `seed`; and `notes`, sentences on what is missing or weak.

    Raises:
        RequestError: a label that the bundle does not know, or more than two classes.
    """
    films = judged(predictions)
    threshold = predictions.threshold
    figures = binary_metrics(films.labels, films.probs, threshold, films.patients, resamples, seed)
    subtypes = _per_subtype(films, threshold, resamples, seed)
    cells = confusion(films.labels, films.probs, threshold)
    n_failed = len(predictions.failed)
    return {
        **{name: as_json(figure) for name, figure in figures.items()},
        "n": len(films.rows),
        "patients": len({patient for patient in films.patients if patient}),
        "n_failed": n_failed,
        "n_unlabelled": len(predictions) - n_failed - len(films.rows),
        "confusion": {name: int(count) for name, count in zip(("tn", "fp", "fn", "tp"), cells, strict=True)},
        "threshold": threshold,
        "classes": list(predictions.classes),
        "per_subtype": subtypes,
        "resamples": resamples,
        "seed": seed,
        "notes": _notes(predictions, films, figures, resamples),
    }


def write_metrics(metrics: dict[str, Any], path: Path) -> None:
    """Write `metrics.json`; what is not defined is null, never NaN."""
    write_text(path, json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def as_json(figure: Figure) -> dict[str, float | None]:
    """A figure as `metrics.json` holds it."""
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def _per_subtype(films: Judged, threshold: float, resamples: int, seed: int) -> dict[str, dict[str, float | None]]:
    subtypes = np.array([row.film.subtype for row in films.rows], dtype=object)
    members = {
        str(name): films.labels & (subtypes == name) for name in sorted(set(subtypes[films.labels])) if str(name)
    }
    found = films.probs >= threshold

    def sensitivities(weights: Floats) -> dict[str, Floats]:
        return {name: ratio(weights @ (member & found), weights @ member) for name, member in members.items()}

    clusters = clusters_of(films.labels, films.patients)
    figures = intervals(sensitivities, clusters, resamples, seed, proportions=members)
    return {name: {**as_json(figure), "n": int(members[name].sum())} for name, figure in figures.items()}


def _notes(predictions: Predictions, films: Judged, figures: dict[str, Figure], resamples: int) -> list[str]:
    n, n_failed = len(films.rows), len(predictions.failed)
    notes = []
    if n_failed:
        notes.append(f"{_films(n_failed)} could not be read, and no figure counts {_them(n_failed)}.")
    if unlabelled := len(predictions) - n_failed - n:
        notes.append(f"{_films(unlabelled)} without a label: no figure counts {_them(unlabelled)}.")
    if not n:
        return [*notes, "No film has both a label and a prediction, so no figure can be computed."]
    negative, positive = predictions.classes
    if films.one_class:
        there, missing, lost = (
            (positive, negative, "specificity") if films.labels.all() else (negative, positive, "sensitivity")
        )
        notes.append(
            f"Every film is labelled {there} and none {missing}: AUROC, average precision, precision, F1 and {lost} "
            "are not defined."
        )
    for name, count in ((negative, int((~films.labels).sum())), (positive, int(films.labels.sum()))):
        if 0 < count < FEW_FILMS:
            notes.append(
                f"Only {_films(count)} labelled {name}: each weighs {1 / count:.0%} of what is said of {name}."
            )
    unknown = sum(not patient for patient in films.patients)
    if unknown:
        whose = "No patient is known" if unknown == n else f"The patient of {_films(unknown)} is not known"
        notes.append(
            f"{whose}: each such film counts as a patient of its own, and where patients have several films the "
            "intervals are too narrow."
        )
    if figures["precision"].value is None and not films.one_class:
        notes.append(f"No film is called {positive} at this threshold: precision is not defined.")
    auroc = figures["auroc"]
    lowest = auroc.value if auroc.low is None else auroc.low
    if lowest is not None and lowest <= 0.5:
        notes.append(
            "These films do not show the detector to be better than chance: its AUROC may be as low as "
            f"{lowest:.2f}, and guessing gives 0.50."
        )
    bare = [name for name, figure in figures.items() if figure.value is not None and figure.low is None]
    if resamples and bare:
        notes.append(
            f"No interval for {', '.join(bare)}: the resamples of these films all agree, or leave it undefined. "
            "That is for want of films or of errors, not certainty."
        )
    return notes


def _films(count: int) -> str:
    return f"{count:,} film{'s' if count != 1 else ''}"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"
