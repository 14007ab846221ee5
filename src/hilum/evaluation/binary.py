"""The figures of a detector of two classes."""

from __future__ import annotations

from typing import Any

from hilum.evaluation import notes
from hilum.evaluation.answering import measure_answered
from hilum.evaluation.results import Evaluation
from hilum.evaluation.subgroups import subgroups
from hilum.evaluation.truth import BinaryFilms, binary_films, count_films, threshold_of
from hilum.metrics import auroc_delong, binary_metrics, confusion
from hilum.records import Figure, Predictions


def evaluate_binary(predictions: Predictions, resamples: int, seed: int) -> Evaluation:
    """The figures of `metrics.binary_metrics`, the confusion matrix, DeLong's AUROC, the subgroups and the notes.

    Args:
        predictions: of two classes, the last one positive, with a threshold.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Raises:
        RequestError: a label that is neither class, or predictions without a threshold.
    """
    films, threshold = binary_films(predictions), threshold_of(predictions)
    figures = binary_metrics(films.labels, films.probs, threshold, films.patients, resamples, seed)
    cells = confusion(films.labels, films.probs, threshold)
    of_all: dict[str, Any] = dict(figures)
    return Evaluation(
        **of_all,
        **count_films(predictions)._asdict(),
        confusion={name: int(count) for name, count in zip(("tn", "fp", "fn", "tp"), cells, strict=True)},
        threshold=threshold,
        auroc_delong=auroc_delong(films.labels, films.probs, films.patients),
        classes=predictions.classes,
        subgroups=subgroups(predictions, resamples, seed),
        answered=measure_answered(predictions, resamples, seed),
        resamples=resamples,
        seed=seed,
        notes=tuple(_notes(predictions, films, figures, resamples)),
    )


def _notes(predictions: Predictions, films: BinaryFilms, figures: dict[str, Figure], resamples: int) -> list[str]:
    found = notes.on_counting(predictions, len(films.rows))
    if not films.rows:
        return found
    negative, positive = predictions.classes
    if films.one_class:
        there, missing, lost = (
            (positive, negative, "specificity") if films.labels.all() else (negative, positive, "sensitivity")
        )
        found.append(
            f"Every film is labelled {there} and none {missing}: AUROC, average precision, precision, F1 and {lost} "
            "are not defined."
        )
    found += notes.on_few({negative: int((~films.labels).sum()), positive: int(films.labels.sum())})
    found += notes.on_patients(films.patients)
    if figures["precision"].value is None and not films.one_class:
        found.append(f"No film is called {positive} at this threshold: precision is not defined.")
    found += notes.on_chance(figures["auroc"])
    return found + (notes.on_intervals(figures) if resamples else [])
