"""What films and a recipe have to have before anything is fitted: refused by name, in one line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilum.classical.features.describe import Described
from hilum.classical.models.reduction import LANDMARKS, NEIGHBOURS
from hilum.errors import RecipeError, RequestError
from hilum.films.wording import count
from hilum.recipe import Classical
from hilum.records import Manifest

_PASSING = 3  # matrices of all films by all films that are there at once
_FLOAT = 8  # bytes


def refuse_unusable(described: Described, films: Manifest) -> None:
    """Raise RequestError where films' numbers are not finite, or all the same."""
    finite = np.isfinite(described.numbers)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise RequestError(
            f"{films.films[row].path}: {described.names[column]} is NaN or infinite; look at the film, and remove it "
            "from the manifest or that kind of feature from classical.families"
        )
    if not np.ptp(described.numbers, axis=0).any():
        raise RequestError(
            f"all {len(films)} training films give the same {count(len(described.names), 'number')}: there is "
            "nothing to fit on films of one grey value"
        )


def refuse_too_few(spec: Classical, labels: NDArray[np.int64], numbers: int, classes: Sequence[str]) -> None:
    """Raise RecipeError where a step asks for more than films or numbers give.

    Args:
        spec: the recipe's choices.
        labels: (n,) of the training films.
        numbers: how many a film is described by.
        classes: their names.
    """
    # Cross-validation fits on less than all: without one fold, or without two where it is nested.
    out = 0 if spec.folds < 2 else 2 if spec.folds > 2 and len(spec.selected) * len(spec.strengths) > 1 else 1
    kept = (spec.folds - out) / spec.folds if out else 1.0
    films, fewer = int(kept * len(labels)), " in cross-validation" if out else ""
    left = numbers
    if spec.select in ("mutual-information", "recursive"):
        if max(spec.selected) > numbers:
            raise RecipeError(
                f"classical.selected: {max(spec.selected)} numbers cannot be kept of {numbers}; take fewer"
            )
        left = min(spec.selected)
    for reduction, components in zip(spec.reduce, spec.components, strict=True):
        if reduction == "templates":
            _refuse_templates(spec, labels, kept, classes)
            left = 1 << 30  # scores are many; what reduces them further counts for itself
        most = {
            "pca": min(films, left),
            "kernel-pca": films,
            "isomap": min(films, LANDMARKS) - 1,
        }.get(reduction, components)
        if components > most:
            raise RecipeError(
                f"classical.components: {reduction} cannot leave {components} numbers of {count(films, 'film')}"
                f"{fewer}{f' with {left} numbers' if most == left else ''}; take at most {most}"
            )
        if reduction == "isomap" and films <= NEIGHBOURS:
            raise RecipeError(
                f"classical.reduce: isomap measures along {NEIGHBOURS} neighbours, and there are "
                f"{count(films, 'film')}{fewer}; take pca or kernel-pca"
            )
        left = components or (len(classes) - 1 if reduction == "lda" else left)
    if spec.classifier == "forest" and max(spec.strengths) >= 0.5:
        raise RecipeError(
            "classical.strengths: of a forest the smallest share of the films in a leaf, below 0.5; "
            "set classical.strengths=[0.001, 0.005]"
        )


def _refuse_templates(spec: Classical, labels: NDArray[np.int64], kept: float, classes: Sequence[str]) -> None:
    if spec.templates.kind == "mean":
        return
    for number, name in enumerate(classes):
        own = int(kept * np.sum(labels == number))
        if own < spec.templates.per_class:
            raise RecipeError(
                f"classical.templates.per_class: {spec.templates.per_class} medoids of {name}, and there are "
                f"{count(own, 'film')}{' in cross-validation' if kept < 1 else ''}; take at most {max(own, 1)}, or "
                "kind = mean"
            )


def refuse_too_much(spec: Classical, films: int, memory: float | None) -> None:
    """Raise RequestError where comparing every film with every other takes more memory than there is.

    Args:
        spec: the recipe's choices.
        films: how many there are to learn from.
        memory: bytes; None where nobody knows.
    """
    if memory is None or "kernel-pca" not in spec.reduce:
        return
    needed = _PASSING * _FLOAT * films**2
    if needed > memory:
        raise RequestError(
            f"kernel-pca compares each of {films:,} films with every other, which takes {needed / 1e9:.1f} GB, and "
            f"there are {memory / 1e9:.1f} GB; take pca or isomap (classical.reduce), fewer films, or more --memory"
        )
