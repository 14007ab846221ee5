"""Where the detector decides, and how good it is there: both from validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from hilum import bundle, metrics
from hilum.batches import Source
from hilum.bundle import OperatingPoint
from hilum.recipe import Recipe
from hilum.records import Figure
from hilum.training.figures import logits_of


def choose_operating_point(model: nn.Module, val: Source, recipe: Recipe) -> tuple[OperatingPoint, dict[str, Figure]]:
    """Choose where to decide on validation, and give the figures there.

    Two classes are told apart at a threshold. Clean validation films are often separated so well that any threshold
    in a wide range is as good; which one is taken then decides how the detector does on films of another machine.
    `recipe.bundle.operating_views` augmented views of each film, which are harder, narrow it down.

    Of more classes the most probable is predicted, and there is nothing to choose.

    Args:
        model: on the CPU.
        val: the validation films.
        recipe: `bundle.operating_point`, `bundle.operating_views` and the seed.

    Returns:
        The operating point, and the figures on the validation films as they are, with 95% intervals: those of
        `metrics.binary_metrics`; or those of `metrics.several_metrics` over all classes, and each class's named
        `figure/class`.
    """
    return choose_out_of_fold([(model, val)], recipe)


def choose_out_of_fold(
    folds: Sequence[tuple[nn.Module, Source]], recipe: Recipe
) -> tuple[OperatingPoint, dict[str, Figure]]:
    """`choose_operating_point` over several networks, each judged on the films of its own fold."""
    sources = [val for _, val in folds]
    clean = _probs(folds, None, recipe.seed)
    labels = np.concatenate([val.labels for val in sources])
    patients = [film.patient for val in sources for film in val.manifest]
    classes = sources[0].classes
    if len(classes) > 2:
        several = metrics.several_metrics(labels, clean, patients, seed=recipe.seed)
        of_classes = {
            f"{kind}/{name}": figure
            for name, group in zip(classes, several.per_class, strict=True)
            for kind, figure in group.items()
        }
        point = OperatingPoint(None, "argmax", "nothing: the most probable class is predicted")
        return point, {**several.overall, **of_classes}
    positive = labels == 1
    rule, views = recipe.bundle.operating_point, recipe.bundle.operating_views
    films = f"{len(labels)} validation films"
    if len(folds) > 1:
        films = f"{len(labels)} films, each judged by the network that had not seen its fold"
    if rule == "half":
        threshold, chosen_on = 0.5, "nothing: it is fixed"
    else:
        drawn = [_probs(folds, view, recipe.seed)[:, 1] for view in range(1, views + 1)]
        threshold = metrics.youden_threshold(np.tile(positive, views + 1), np.concatenate([clean[:, 1], *drawn]))
        chosen_on = films + (f" and {views} augmented views of each" if views else "")
    figures = metrics.binary_metrics(positive, clean[:, 1], threshold, patients, seed=recipe.seed)
    return OperatingPoint(threshold, rule, chosen_on), figures


def _probs(folds: Sequence[tuple[nn.Module, Source]], view: int | None, seed: int) -> np.ndarray:
    """Probabilities of each film as it is, or in the view of that number: (n, classes) float64."""
    batches = [(model, val.plain() if view is None else val.views(seed, view)) for model, val in folds]
    return bundle.probabilities(torch.cat([logits_of(model, drawn) for model, drawn in batches]).numpy())
