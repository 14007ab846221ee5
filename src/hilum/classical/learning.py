"""Learning: from a manifest and a recipe to a fitted system."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum import bundle, films
from hilum.bundle import Chosen
from hilum.classical.checks import refuse_too_few, refuse_too_much, refuse_unusable
from hilum.classical.choosing import Row, choose
from hilum.classical.describe import names_of
from hilum.classical.description_store import describe_films
from hilum.classical.pipeline import Taught, film_weights, fit_pipeline
from hilum.classical.system import System
from hilum.errors import RecipeError, RequestError
from hilum.pixels import PixelCache
from hilum.recipe import Classical, Recipe
from hilum.records import Manifest

_FOLDS = 3  # where the recipe asks for none: margins become probabilities, and individuals fit, by films held out


@dataclass(frozen=True, slots=True)
class Learnt:
    """A system that has learnt.

    Attributes:
        system: fitted on the train films.
        history: a row for each thing that was tried, and how it went.
    """

    system: System
    history: list[Row]


def check(
    manifest: Manifest, classes: tuple[str, ...], recipe: Recipe, memory: float | None = None
) -> tuple[Manifest, NDArray[np.int64], NDArray[np.float64]]:
    """Find out whether films and recipe go together, before any film is described.

    Args:
        manifest, classes, recipe, memory: as for `learn`.

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


def learn(
    manifest: Manifest,
    cache: PixelCache,
    classes: tuple[str, ...],
    recipe: Recipe,
    *,
    memory: float | None = None,
    told: Callable[[Row], None] | None = None,
) -> Learnt:
    """Describe the train films, choose by nested cross-validation over patients, and fit on all of them.

    Args:
        manifest: the films; those of val and test are not looked at.
        cache: their squares.
        classes: the positive one last.
        recipe: a recipe with `[classical]`.
        memory: bytes that it may take; None where nobody knows.
        told: is told of each row of the history as it comes.

    Raises:
        RequestError: films and recipe do not go together, or it would take more memory than there is.
    """
    spec = _spec_of(recipe)
    train, labels, weights = check(manifest, classes, recipe, memory)
    folds = _fold_of(train, spec.folds if spec.folds > 1 else _FOLDS, recipe.seed)
    seen = describe_films(train, cache, spec, recipe.pixels)
    refuse_unusable(seen, train)
    taught = Taught(seen.numbers, labels, weights, folds, _fold_of(train, _FOLDS, recipe.seed + 1) == 0)
    try:
        choice = choose(taught, spec, len(classes), recipe.seed, told)
        started = time.perf_counter()
        pipeline = fit_pipeline(taught, spec, choice.count, choice.strength, recipe.seed)
    except ValueError as error:
        raise RequestError(f"{recipe.name} cannot learn from these films: {error}") from None
    history = list(choice.history)
    if evolved := getattr(pipeline[-1], "history_", None):
        history += evolved
        pipeline[-1].history_ = []
    fitted = {"seconds": time.perf_counter() - started}
    return Learnt(System(spec, pipeline), [*history, fitted])


def choose_on(system: System, val: Manifest, cache: PixelCache, classes: tuple[str, ...], recipe: Recipe) -> Chosen:
    """Let validation films decide calibration, threshold and prediction sets, and give the figures there.

    Args:
        system: fitted.
        val: the validation films, labelled as the recipe says.
        cache: their squares.
        classes: the positive one last.
        recipe: `[bundle]` and the seed.

    Raises:
        RequestError: the recipe asks for what these films cannot give.
    """
    seen = describe_films(val, cache, system.spec, recipe.pixels)
    looks = [system.probs_of(seen.numbers)]
    labels = films.labels_of(val, classes)
    whose = [film.patient for film in val]
    return bundle.decide(looks, labels, whose, classes, recipe, f"{len(val)} validation films")


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
