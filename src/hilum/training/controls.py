"""What a trained network makes of validation films without the lungs, where its films are cropped to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from hilum import bundle
from hilum.batches import FilmBatches
from hilum.bundle import Decisions
from hilum.metrics.counts import Floats
from hilum.recipe import Recipe
from hilum.shifts import Grey
from hilum.shifts.controls import border_only, known_lungs_blanked
from hilum.training.validation import predict_logits


def with_controls(decisions: Decisions, folds: Sequence[tuple[nn.Module, FilmBatches]], recipe: Recipe) -> Decisions:
    """Add to the figures of validation those of the same films under the controls of `hilum.shifts`.

    The controls are of the square that the network is shown, with the lungs that it was cropped to: they are not
    looked for again. (`benchmarks.controls` changes the whole film, and crops it then.)

    Args:
        decisions: as chosen on these films.
        folds: a network as it is deployed, on the CPU, and validation films; of a cross-validation each network with
            the films that it was not trained on.
        recipe: says whether films are cropped to the lungs; where they are not, nothing is added.

    Returns:
        The decisions, with `auroc_lungs_blanked` and `auroc_border_only` among the metrics: 95% intervals over
        patients; with more than two classes the mean over the classes, one-vs-rest.
    """
    if recipe.pixels.region != "lungs":
        return decisions
    labels = np.concatenate([films.labels for _, films in folds])
    patients = [film.patient for _, films in folds for film in films.manifest]
    probs = {
        "auroc_lungs_blanked": _probs([(network, films.replaced(_blanked(films))) for network, films in folds]),
        "auroc_border_only": _probs([(network, films.transformed(border_only)) for network, films in folds]),
    }
    return bundle.with_controls(decisions, probs, labels, patients, recipe.seed)


def _blanked(films: FilmBatches) -> Iterator[Grey]:
    """The squares with the hull of their lungs blanked, in the manifest's order."""
    assert films.cache.lungs is not None  # the recipe asks for the region "lungs"
    for row in films.rows:
        yield known_lungs_blanked(films.cache.films[row] / np.float32(255), films.cache.lungs[row] > 0)


def _probs(folds: Sequence[tuple[nn.Module, FilmBatches]]) -> Floats:
    """The probabilities of each film, (n, classes), before calibration."""
    logits = [predict_logits(network, films.unaugmented()) for network, films in folds]
    return bundle.probabilities(torch.cat(logits).numpy())
