"""The figures of a detector of more than two classes, as `metrics.json` holds them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from hilum.evaluation import notes
from hilum.evaluation.truth import MulticlassFilms, multiclass_films
from hilum.evaluation.wording import listed
from hilum.metrics import MulticlassFigures, multiclass_metrics
from hilum.metrics.multiclass import confusion_matrix
from hilum.records import Figure, Predictions


def evaluate_multiclass(
    predictions: Predictions, resamples: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The figures over all classes; confusion, classes and the figures of each class and each pair; and notes.

    Raises:
        RequestError: a label that the bundle does not know.
    """
    several, classes = multiclass_films(predictions), predictions.classes
    films = several.films
    figures = multiclass_metrics(films.labels, films.probs, several.patients, resamples, seed)
    cells = confusion_matrix(films.labels, films.called, len(classes), np.ones(len(several.rows))).astype(int)
    n_of = dict(zip(classes, cells.sum(axis=1).tolist(), strict=True))
    rest = {
        "confusion": {
            name: dict(zip(classes, row, strict=True)) for name, row in zip(classes, cells.tolist(), strict=True)
        },
        "threshold": None,
        "classes": list(classes),
        "per_class": {
            name: {**_as_json(group), "n": n_of[name]} for name, group in zip(classes, figures.per_class, strict=True)
        },
        "pairs": {
            f"{classes[a]}|{classes[b]}": {**_as_json(group), "n": n_of[classes[a]] + n_of[classes[b]]}
            for (a, b), group in figures.pairs.items()
        },
    }
    return _as_json(figures.overall), rest, _notes(predictions, several, figures, n_of, resamples)


def _as_json(figures: dict[str, Figure]) -> dict[str, Any]:
    return {name: asdict(figure) for name, figure in figures.items()}


def _notes(
    predictions: Predictions,
    several: MulticlassFilms,
    figures: MulticlassFigures,
    n_of: dict[str, int],
    resamples: int,
) -> list[str]:
    said = notes.on_counting(predictions, len(several.rows))
    if not several.rows:
        return said
    classes = predictions.classes
    missing = [name for name in classes if not n_of[name]]
    if len(missing) == len(classes) - 1:
        (alone,) = set(classes) - set(missing)
        said.append(
            f"Every film is labelled {alone}: what compares classes (AUROC, precision, F1) is not defined, and "
            "neither is any mean over the classes."
        )
    elif missing:
        said.append(
            f"No film is labelled {listed(missing, 'or')}: what needs such films is not defined, and neither are the "
            "means over the classes of AUROC, sensitivity, precision and F1."
        )
    said += notes.on_few(n_of)
    said += notes.on_patients(several.patients)
    called = set(several.films.called.tolist())
    silent = [name for number, name in enumerate(classes) if number not in called and n_of[name]]
    if silent and len(missing) < len(classes) - 1:
        said.append(f"No film is called {listed(silent, 'or')}: precision is not defined there, nor on average.")
    said += notes.on_chance(figures.overall["auroc"])
    lowest = {pair: notes.lowest_of(group["auroc"]) for pair, group in figures.pairs.items()}
    guessed = [
        f"{classes[a]} and {classes[b]} (AUROC as low as {low:.2f})"
        for (a, b), low in lowest.items()
        if low is not None and low <= 0.5
    ]
    if guessed:
        said.append(f"These films do not show these to be told apart better than by guessing: {', '.join(guessed)}.")
    return said + (notes.on_intervals(figures.overall) if resamples else [])
