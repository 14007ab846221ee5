"""Where the detector decides: a threshold from validation."""

from __future__ import annotations

import numpy as np
from torch import nn

from hilum import bundle, metrics
from hilum.batches import Batches
from hilum.bundle import OperatingPoint
from hilum.recipe import Recipe
from hilum.records import Figure
from hilum.training.loop import logits_of


def choose_operating_point(
    model: nn.Module, val: Batches, recipe: Recipe
) -> tuple[OperatingPoint, dict[str, Figure]]:
    """Choose the threshold on validation, and give the figures there.

    Clean validation films are often separated so well that any threshold in a wide range is as good; which one is
    taken then decides how the detector does on films of another machine. `recipe.bundle.operating_views`
    augmented views of each film, which are harder, narrow it down.

    Args:
        model: two classes, on the CPU.
        val: the validation films.
        recipe: `bundle.operating_point`, `bundle.operating_views` and the seed.

    Returns:
        The operating point, and the figures on the validation films as they are, with 95% intervals.
    """
    labels = val.labels == 1
    clean = _positive_probs(model, val, None, recipe.seed)
    rule, views = recipe.bundle.operating_point, recipe.bundle.operating_views
    films = f"{len(val)} validation films"
    if rule == "half":
        point = OperatingPoint(0.5, rule, "nothing: it is fixed")
    else:
        drawn = [_positive_probs(model, val, view, recipe.seed) for view in range(1, views + 1)]
        threshold = metrics.youden_threshold(np.tile(labels, views + 1), np.concatenate([clean, *drawn]))
        augmented = f" and {views} augmented views of each" if views else ""
        point = OperatingPoint(threshold, rule, films + augmented)
    patients = [film.patient for film in val.manifest]
    return point, metrics.binary_metrics(labels, clean, point.threshold, patients, seed=recipe.seed)


def _positive_probs(model: nn.Module, val: Batches, view: int | None, seed: int) -> np.ndarray:
    """Probability of the positive class for each film as it is, or in the view of that number."""
    batches = val.plain() if view is None else val.views(seed, view)
    return bundle.probabilities(logits_of(model, batches).numpy())[:, 1]
