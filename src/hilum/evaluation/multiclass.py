"""The figures of a detector of more than two classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilum.evaluation import notes
from hilum.evaluation.answering import measure_answered
from hilum.evaluation.result_parts import ClassFigures, PairFigures
from hilum.evaluation.results import Evaluation
from hilum.evaluation.subgroups import subgroups
from hilum.evaluation.truth import MulticlassFilms, count_films, multiclass_films
from hilum.evaluation.wording import listed
from hilum.metrics import MulticlassFigures, multiclass_metrics
from hilum.metrics.multiclass import confusion_matrix
from hilum.records import Predictions


def evaluate_multiclass(predictions: Predictions, resamples: int, seed: int) -> Evaluation:
    """The figures over all classes, those of each class and each pair, the confusion matrix, subgroups and notes.

    Args:
        predictions: of three classes or more.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Raises:
        RequestError: a label that is none of the classes.
    """
    films, classes = multiclass_films(predictions), predictions.classes
    scores = films.scores
    figures = multiclass_metrics(scores.labels, scores.probs, films.patients, resamples, seed)
    cells = confusion_matrix(scores.labels, scores.called, len(classes), np.ones(len(films.rows))).astype(int)
    n_of = dict(zip(classes, cells.sum(axis=1).tolist(), strict=True))
    overall: dict[str, Any] = dict(figures.overall)
    per_class: list[dict[str, Any]] = list(map(dict, figures.per_class))
    pairs: dict[tuple[int, int], dict[str, Any]] = {pair: dict(group) for pair, group in figures.pairs.items()}
    return Evaluation(
        **overall,
        **count_films(predictions)._asdict(),
        confusion={
            name: dict(zip(classes, row, strict=True)) for name, row in zip(classes, cells.tolist(), strict=True)
        },
        threshold=None,
        classes=classes,
        per_class={name: ClassFigures(**group, n=n_of[name]) for name, group in zip(classes, per_class, strict=True)},
        pairs={
            f"{classes[a]}|{classes[b]}": PairFigures(**group, n=n_of[classes[a]] + n_of[classes[b]])
            for (a, b), group in pairs.items()
        },
        subgroups=subgroups(predictions, resamples, seed),
        answered=measure_answered(predictions, resamples, seed),
        resamples=resamples,
        seed=seed,
        notes=tuple(_notes(predictions, films, figures, n_of, resamples)),
    )


def _notes(
    predictions: Predictions,
    films: MulticlassFilms,
    figures: MulticlassFigures,
    n_of: dict[str, int],
    resamples: int,
) -> list[str]:
    found = notes.on_counting(predictions, len(films.rows))
    if not films.rows:
        return found
    classes = predictions.classes
    missing = [name for name in classes if not n_of[name]]
    if len(missing) == len(classes) - 1:
        (alone,) = set(classes) - set(missing)
        found.append(
            f"Every film is labelled {alone}: what compares classes (AUROC, precision, F1) is not defined, and "
            "neither is any mean over the classes."
        )
    elif missing:
        found.append(
            f"No film is labelled {listed(missing, 'or')}: what needs such films is not defined, and neither are the "
            "means over the classes of AUROC, sensitivity, precision and F1."
        )
    found += notes.on_few(n_of)
    found += notes.on_patients(films.patients)
    called = set(films.scores.called.tolist())
    silent = [name for number, name in enumerate(classes) if number not in called and n_of[name]]
    if silent and len(missing) < len(classes) - 1:
        found.append(f"No film is called {listed(silent, 'or')}: precision is not defined there, nor on average.")
    found += notes.on_chance(figures.overall["auroc"])
    lowest = {pair: notes.lowest_of(group["auroc"]) for pair, group in figures.pairs.items()}
    guessed = [
        f"{classes[a]} and {classes[b]} (AUROC as low as {low:.2f})"
        for (a, b), low in lowest.items()
        if low is not None and low <= 0.5
    ]
    if guessed:
        found.append(f"These films do not show that it separates these better than chance: {', '.join(guessed)}.")
    return found + (notes.on_intervals(figures.overall) if resamples else [])
