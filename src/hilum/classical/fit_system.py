"""From a manifest and a recipe to a fitted system."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum import bundle, films
from hilum.bundle import Decisions
from hilum.classical.checks import refuse_too_few, refuse_too_much, refuse_unusable
from hilum.classical.description_store import describe_films
from hilum.classical.features.describe import names_of
from hilum.classical.hyperparameters import select_hyperparameters
from hilum.classical.models.pipeline import TrainingSet, film_weights, fit_pipeline
from hilum.classical.system import System
from hilum.errors import RecipeError, RequestError
from hilum.history import Row
from hilum.lungs import shipped_finder
from hilum.pixels import PixelCache
from hilum.recipe import Classical, Recipe
from hilum.records import Manifest

_FOLDS = 3  # where the recipe asks for none: margins become probabilities, and individuals fit, by films held out


@dataclass(frozen=True, slots=True)
class FittedSystem:
    """A fitted system, and how its choices were made.

    Attributes:
        system: fitted on the train films.
        history: a row for each choice that was tried, then rows of the fit itself.
    """

    system: System
    history: list[Row]


def check_films(
    manifest: Manifest, classes: tuple[str, ...], recipe: Recipe, memory: float | None = None
) -> tuple[Manifest, NDArray[np.int64], NDArray[np.float64]]:
    """Check that films and recipe go together, before any film is described.

    Args:
        manifest, classes, recipe, memory: as for `fit_system`.

    Returns:
        The train films, (n,) indices of their classes, and (n,) how much each counts.

    Raises:
        RequestError: they do not, or it would take more memory than there is.
    """
    spec, train = _spec_of(recipe), manifest.split("train")
    labels = films.labels_of(train, classes)
    refuse_too_much(spec, len(train), memory)
    refuse_too_few(spec, labels, len(names_of(spec)), classes)
    try:
        return train, labels, film_weights(labels, classes, recipe.training.class_weights)
    except ValueError as error:
        raise RecipeError(f"training.class_weights: {error}; give one each, in this order") from None


def fit_system(
    manifest: Manifest,
    cache: PixelCache,
    classes: tuple[str, ...],
    recipe: Recipe,
    *,
    memory: float | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> FittedSystem:
    """Describe the train films, choose by nested cross-validation over patients, and fit on all of them.

    Args:
        manifest: the films; only those of train are used.
        cache: their squares.
        classes: the positive one last.
        recipe: a recipe with `[classical]`.
        memory: bytes that it may take; None where nobody knows.
        on_row: called with each row of the history as it comes.

    Raises:
        RequestError: films and recipe do not go together, or it would take more memory than there is.
    """
    spec = _spec_of(recipe)
    train, labels, weights = check_films(manifest, classes, recipe, memory)
    folds = _fold_of(train, spec.folds if spec.folds > 1 else _FOLDS, recipe.seed)
    seen = describe_films(train, cache, spec, recipe.pixels)
    refuse_unusable(seen, train)
    training_set = TrainingSet(seen.numbers, labels, weights, folds, _fold_of(train, _FOLDS, recipe.seed + 1) == 0)
    try:
        choice = select_hyperparameters(training_set, spec, len(classes), recipe.seed, on_row)
        started = time.perf_counter()
        pipeline = fit_pipeline(training_set, spec, choice.count, choice.strength, recipe.seed)
    except ValueError as error:
        raise RequestError(f"{recipe.name} cannot be fitted on these films: {error}") from None
    history = list(choice.history)
    if evolved := getattr(pipeline[-1], "history_", None):
        history += evolved
        pipeline[-1].history_ = []
    fitted = {"seconds": time.perf_counter() - started}
    cropped = recipe.pixels.region == "lungs"
    finder = shipped_finder() if spec.uses_lungs and not cropped else None
    return FittedSystem(System(spec, pipeline, finder, cropped=cropped), [*history, fitted])


def fit_decisions(
    system: System, val: Manifest, cache: PixelCache, classes: tuple[str, ...], recipe: Recipe
) -> Decisions:
    """Choose calibration, threshold and prediction sets on validation films, and give the figures there.

    Args:
        system: fitted.
        val: the validation films, labelled as the recipe says.
        cache: their squares.
        classes: the positive one last.
        recipe: `[bundle]` and the seed.

    Raises:
        RequestError: the recipe asks for what these films cannot give.
    """
    seen = describe_films(val, cache, system.spec, recipe.pixels, lungs=system.lungs)
    probs_per_view = [system.probs_of(seen.numbers)]
    labels = films.labels_of(val, classes)
    whose = [film.patient for film in val]
    return bundle.fit_decisions(probs_per_view, labels, whose, classes, recipe, f"{len(val)} validation films")


def _spec_of(recipe: Recipe) -> Classical:
    if recipe.classical is None:
        raise RecipeError(f"{recipe.name}: has no [classical], and is trained as a network")
    return recipe.classical


def _fold_of(manifest: Manifest, number: int, seed: int) -> NDArray[np.int64]:
    """Which fold each film lies in, (n,) int64; a patient's films share one.

    Raises:
        LayoutError: a class has fewer patients than there are folds.
    """
    cut = films.folds(manifest, number, seed, "classical.folds")
    fold_of = {film.path: fold for fold, part in enumerate(cut) for film in part if film.split == "val"}
    return np.array([fold_of[film.path] for film in manifest], dtype=np.int64)
