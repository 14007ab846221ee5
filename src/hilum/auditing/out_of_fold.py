"""Cross-validation by patient: the probabilities of a classifier on films that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.films.wording import count, say
from hilum.metrics import auroc, auroc_delong
from hilum.records import Figure

Floats = NDArray[np.float64]

FOLDS = 5
FEWEST_OF_A_CLASS = 10  # films; with fewer, the result of five folds is chance


@dataclass(frozen=True, slots=True)
class Folds:
    """Folds for cross-validation: cut by patient, with the classes spread evenly.

    Attributes:
        labels: (films,) the number of each film's class.
        classes: their names, sorted.
        patients: one a film; empty where unknown.
        held_out: for each fold, the numbers of the films that it holds out.
    """

    labels: NDArray[np.intp]
    classes: tuple[str, ...]
    patients: tuple[str, ...]
    held_out: tuple[NDArray[np.intp], ...]


def cut(labels: Sequence[str], patients: Sequence[str]) -> Folds:
    """Cut films into five folds; a film of an unknown patient is a patient of its own.

    Args:
        labels: one a film, not empty.
        patients: one a film, empty where unknown.

    Raises:
        ValueError: fewer than two classes, or too few films or patients of one; the message names it.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise ValueError(f"the films have {'one class only' if classes else 'no labels'}")
    numbers = np.array([classes.index(label) for label in labels], dtype=np.intp)
    keys: list[object] = [patient or ("film", film) for film, patient in enumerate(patients)]
    places = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    groups = np.array([places[key] for key in keys])
    for number, name in enumerate(classes):
        films = int((numbers == number).sum())
        people = len(np.unique(groups[numbers == number]))
        if films < FEWEST_OF_A_CLASS or people < FOLDS:
            raise ValueError(
                f"{say(name)} has {count(films, 'film')} of {count(people, 'patient')}; {FEWEST_OF_A_CLASS} of "
                f"{FOLDS} are needed"
            )
    folding = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    held_out = tuple(test for _, test in folding.split(numbers, numbers, groups))
    return Folds(numbers, classes, tuple(patients), held_out)


def out_of_fold(
    folds: Folds, features: Floats, make: Callable[[], Any], shuffled: Sequence[Sequence[int]] = ()
) -> tuple[Floats, list[Floats]]:
    """Train a classifier without each fold in turn, and predict that fold.

    Args:
        folds: from `cut`.
        features: (films, columns).
        make: returns a new scikit-learn classifier.
        shuffled: sets of columns; for each, the fold is predicted once more with these columns permuted
            among its films (Breiman, Random forests, 2001: permutation importance).

    Returns:
        Probabilities (films, classes), and the same for each set of shuffled columns.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    shape = len(folds.labels), len(folds.classes)
    probs, permuted = np.zeros(shape), [np.zeros(shape) for _ in shuffled]
    draw = np.random.default_rng(0)
    # Fits this small wait longer for each other's threads than they compute.
    with threadpool_limits(1):
        for test in folds.held_out:
            train = np.setdiff1d(np.arange(len(folds.labels)), test)
            # scikit-learn cannot bin a column that is unknown for every film: it is not used in this fold.
            usable = np.where(np.isnan(features[train]).all(axis=0), 0.0, features)
            model = make().fit(usable[train], folds.labels[train])
            probs[np.ix_(test, model.classes_)] = model.predict_proba(usable[test])
            for columns, into in zip(shuffled, permuted, strict=True):
                rows = usable[test].copy()
                rows[:, columns] = rows[draw.permutation(len(rows))][:, columns]
                into[np.ix_(test, model.classes_)] = model.predict_proba(rows)
    return probs, permuted


def most_separable_class(folds: Folds, probs: Floats) -> tuple[str, Figure]:
    """The class that is best separated from the others, and its AUROC with a 95% interval; of two, the last."""
    names = folds.classes[-1:] if len(folds.classes) == 2 else folds.classes
    figures = {
        name: auroc_delong(
            folds.labels == folds.classes.index(name), probs[:, folds.classes.index(name)], folds.patients
        )
        for name in names
    }
    return max(figures.items(), key=lambda item: item[1].value or 0.0)


def auroc_of_fact(is_class: NDArray[np.bool_], column: Floats) -> float:
    """The AUROC of one fact, in the better direction, 0.5 to 1; films without the fact rank below all others."""
    _, ranks = np.unique(np.nan_to_num(column, nan=-np.inf), return_inverse=True)
    area = float(auroc(is_class, ranks / max(1, ranks.max())))
    return max(area, 1 - area)
