"""What validation films decide of a network that has learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from hilum import bundle
from hilum.batches import Source
from hilum.bundle import Chosen
from hilum.recipe import Recipe
from hilum.training.figures import logits_of


def choose(model: nn.Module, val: Source, recipe: Recipe) -> Chosen:
    """Choose calibration, threshold and prediction sets on validation, and give the figures there: `bundle.decide`.

    `recipe.bundle.operating_views` augmented views of each film join the film itself.

    Args:
        model: on the CPU.
        val: the validation films.
        recipe: `[bundle]` and the seed.

    Raises:
        RequestError: the recipe asks for what these films cannot give.
    """
    return choose_out_of_fold([(model, val)], recipe)


def choose_out_of_fold(folds: Sequence[tuple[nn.Module, Source]], recipe: Recipe) -> Chosen:
    """`choose` over several networks, each judged on the films of its own fold."""
    sources = [val for _, val in folds]
    labels = np.concatenate([val.labels for val in sources])
    patients = [film.patient for val in sources for film in val.manifest]
    views = range(1, recipe.bundle.operating_views + 1)
    looks = [_probs(folds, None, recipe.seed), *(_probs(folds, view, recipe.seed) for view in views)]
    films = f"{len(labels)} validation films"
    if len(folds) > 1:
        films = f"{len(labels)} films, each judged by the network that had not seen its fold"
    return bundle.decide(looks, labels, patients, sources[0].classes, recipe, films)


def _probs(folds: Sequence[tuple[nn.Module, Source]], view: int | None, seed: int) -> np.ndarray:
    """Probabilities of each film as it is, or in the view of that number: (n, classes) float64."""
    batches = [(model, val.unaugmented() if view is None else val.augmented(seed, view)) for model, val in folds]
    return bundle.probabilities(torch.cat([logits_of(model, drawn) for model, drawn in batches]).numpy())
