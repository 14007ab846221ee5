"""The operating point of a trained network, its calibration and its prediction sets, chosen on validation films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from hilum import bundle
from hilum.batches import BatchSource
from hilum.bundle import Decisions
from hilum.recipe import Recipe
from hilum.training.validation import predict_logits


def choose_operating_point(model: nn.Module, val: BatchSource, recipe: Recipe) -> Decisions:
    """Choose calibration, threshold and prediction sets on validation films, and measure the metrics there.

    `recipe.bundle.operating_views` augmented views of each film are used together with the film itself.

    Args:
        model: the trained network, on the CPU.
        val: the validation films.
        recipe: for `[bundle]` and the seed.

    Raises:
        RequestError: the recipe asks for something that these films do not allow.
    """
    return choose_out_of_fold([(model, val)], recipe)


def choose_out_of_fold(folds: Sequence[tuple[nn.Module, BatchSource]], recipe: Recipe) -> Decisions:
    """`choose_operating_point` for a cross-validation: each network predicts the films of its held-out fold."""
    sources = [val for _, val in folds]
    labels = np.concatenate([val.labels for val in sources])
    patients = [film.patient for val in sources for film in val.manifest]
    views = range(1, recipe.bundle.operating_views + 1)
    probs_per_view = [_probs(folds, None, recipe.seed), *(_probs(folds, view, recipe.seed) for view in views)]
    films = f"{len(labels)} validation films"
    if len(folds) > 1:
        films = f"{len(labels)} films, each predicted by the network that was not trained on its fold"
    return bundle.fit_decisions(probs_per_view, labels, patients, sources[0].classes, recipe, films)


def _probs(folds: Sequence[tuple[nn.Module, BatchSource]], view: int | None, seed: int) -> np.ndarray:
    """The probabilities of each film, or of its augmented view of that number: (n, classes) float64."""
    batches = [(model, val.unaugmented() if view is None else val.augmented(seed, view)) for model, val in folds]
    return bundle.probabilities(torch.cat([predict_logits(model, each) for model, each in batches]).numpy())
