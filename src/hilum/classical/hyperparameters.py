"""The count and the strength by nested cross-validation over patients, and how good this way of choosing them is.

Every two folds are held out together once. What was fitted without folds a and b is scored on a for the choice that
is made without b, and on b for the one made without a: half the fits that an inner cross-validation in each outer
fold takes.
Varma & Simon (BMC Bioinformatics 7, 2006) show why the figure that chose must not be the figure that is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from hilum.classical.models.pipeline import TrainingSet, fit_classifier, fit_steps, scores_of
from hilum.history import Row
from hilum.recipe import Classical


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The hyperparameters that cross-validation chose.

    Attributes:
        count: how many numbers a selection keeps.
        strength: the classifier's.
        history: a row for each choice that was tried (`choice`, its number; `selected` where there is a selection;
            `strength`; `folds_auroc`, the mean over the folds of the AUROC there of what was fitted without it;
            `seconds`), and one for the choice that was made: `choice` and `nested_auroc`, the same of what would have
            been chosen and fitted without the fold. Empty where nothing was tried.
    """

    count: int
    strength: float
    history: tuple[Row, ...] = ()


def select_hyperparameters(
    films: TrainingSet, spec: Classical, classes: int, seed: int, on_row: Callable[[Row], None] | None = None
) -> Hyperparameters:
    """Try the recipe's counts and strengths.

    Args:
        films: the training films; those of validation are not among them.
        spec: the recipe's choices.
        classes: how many there are.
        seed: where draws start.
        on_row: called with each row of the history as it comes.
    """
    counts = spec.selected if spec.select not in ("none", "l1") else spec.selected[:1]
    choices = list(product(counts, spec.strengths))
    if spec.folds < 2:
        return Hyperparameters(*choices[0])
    folds = range(spec.folds)
    singles = np.zeros((len(choices), spec.folds))
    # pairs[choice, a, b]: the AUROC on fold a of what was fitted without a and b.
    pairs = np.full((len(choices), spec.folds, spec.folds), np.nan)
    nested = len(choices) > 1 and spec.folds > 2
    rows: list[Row] = []
    for count in counts:
        seconds = dict.fromkeys(spec.strengths, 0.0)
        for held_out in (*((fold,) for fold in folds), *(combinations(folds, 2) if nested else ())):
            for strength, figures, took in _score_held_out(films, held_out, spec, count, classes, seed):
                place = choices.index((count, strength))
                seconds[strength] += took
                for fold, figure in zip(held_out, figures, strict=True):
                    if len(held_out) == 1:
                        singles[place, fold] = figure
                    else:
                        pairs[place, fold, sum(held_out) - fold] = figure
        for strength in spec.strengths:
            place = choices.index((count, strength))
            row = {"choice": float(place + 1)}
            row |= {"selected": float(count)} if len(counts) > 1 or spec.select not in ("none", "l1") else {}
            row |= {"strength": strength, "folds_auroc": float(singles[place].mean()), "seconds": seconds[strength]}
            rows.append(row)
            if on_row:
                on_row(row)
    best = int(singles.mean(axis=1).argmax())
    if len(choices) == 1 or nested:
        without = np.nanmean(pairs, axis=1).argmax(axis=0) if nested else np.zeros(spec.folds, dtype=int)
        made = {"choice": float(best + 1), "nested_auroc": float(singles[without, list(folds)].mean())}
        rows.append(made)
        if on_row:
            on_row(made)
    return Hyperparameters(*choices[best], tuple(rows))


def _score_held_out(
    films: TrainingSet, held_out: tuple[int, ...], spec: Classical, count: int, classes: int, seed: int
) -> Iterable[tuple[float, list[float], float]]:
    """For each strength the AUROC on each fold that is held out, and the seconds that it took."""
    started = time.perf_counter()
    fitted_on = films.subset(~np.isin(films.folds, held_out))
    steps, numbers = fit_steps(fitted_on, spec, count, seed)
    fitted_on = fitted_on.with_numbers(numbers)
    parts = [films.subset(films.folds == fold) for fold in held_out]
    for number, part in enumerate(parts):
        seen = part.numbers
        for _, step in steps:
            seen = step.transform(seen)
        parts[number] = part.with_numbers(seen)
    for strength in spec.strengths:
        classifier = fit_classifier(fitted_on, spec, strength, seed, probabilities=False)
        figures = [auroc_of(scores_of(classifier, part.numbers, classes), part.labels) for part in parts]
        yield strength, figures, time.perf_counter() - started
        started = time.perf_counter()  # the steps before it count for the first strength


def auroc_of(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Of two classes the AUROC, of more the mean over the classes of each against the rest; scores: (n, classes)."""
    classes = (1,) if scores.shape[1] == 2 else range(scores.shape[1])
    return float(np.mean([roc_auc_score(labels == label, scores[:, label]) for label in classes]))
