"""The figures of a detector of two classes, as `metrics.json` holds them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hilum.evaluation import notes
from hilum.evaluation.truth import BinaryFilms, binary_films, threshold_of
from hilum.metrics import auroc_delong, binary_metrics, confusion
from hilum.records import Figure, Predictions


def evaluate_binary(
    predictions: Predictions, resamples: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The figures of `metrics.binary_metrics`; confusion, threshold and classes; and notes.

    Raises:
        RequestError: a label that the bundle does not know.
    """
    films, threshold = binary_films(predictions), threshold_of(predictions)
    figures = binary_metrics(films.labels, films.probs, threshold, films.patients, resamples, seed)
    cells = confusion(films.labels, films.probs, threshold)
    rest = {
        "confusion": {name: int(count) for name, count in zip(("tn", "fp", "fn", "tp"), cells, strict=True)},
        "threshold": threshold,
        "auroc_delong": asdict(auroc_delong(films.labels, films.probs, films.patients)),
        "classes": list(predictions.classes),
    }
    return (
        {name: asdict(figure) for name, figure in figures.items()},
        rest,
        _notes(predictions, films, figures, resamples),
    )


def _notes(predictions: Predictions, films: BinaryFilms, figures: dict[str, Figure], resamples: int) -> list[str]:
    said = notes.on_counting(predictions, len(films.rows))
    if not films.rows:
        return said
    negative, positive = predictions.classes
    if films.one_class:
        there, missing, lost = (
            (positive, negative, "specificity") if films.labels.all() else (negative, positive, "sensitivity")
        )
        said.append(
            f"Every film is labelled {there} and none {missing}: AUROC, average precision, precision, F1 and {lost} "
            "are not defined."
        )
    said += notes.on_few({negative: int((~films.labels).sum()), positive: int(films.labels.sum())})
    said += notes.on_patients(films.patients)
    if figures["precision"].value is None and not films.one_class:
        said.append(f"No film is called {positive} at this threshold: precision is not defined.")
    said += notes.on_chance(figures["auroc"])
    return said + (notes.on_intervals(figures) if resamples else [])
