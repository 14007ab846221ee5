"""Which epoch's weights are kept, by which validation metric, and when a run stops early."""

from __future__ import annotations

import math

import numpy as np

from hilum.errors import RecipeError
from hilum.history import Row
from hilum.recipe import Training
from hilum.training.checkpoint import Progress

# For each `training.monitor`: the column of the history, and whether a lower value is better. "views" are augmented
# copies of the validation films, "shifted" the films under simulated acquisition shifts.
MONITORED = {
    "loss": ("val_loss", True),
    "accuracy": ("val_accuracy", False),
    "auroc": ("val_auroc", False),
    "dice": ("val_dice", False),
    "views_dice": ("val_views_dice", False),
    "views_loss": ("val_views_loss", True),
    "views_auroc": ("val_views_auroc", False),
    "shifted_loss": ("val_shifted_loss", True),
    "shifted_auroc": ("val_shifted_auroc", False),
}


def check_monitor(scheme: Training, val_labels: np.ndarray) -> None:
    """Check that the monitored metric is defined on these validation films.

    Args:
        scheme: the recipe's training settings.
        val_labels: (n,) labels of the validation films.

    Raises:
        RecipeError: AUROC is monitored and all validation films are of one class.
    """
    if scheme.monitor.endswith("auroc") and len(np.unique(val_labels)) < 2:
        raise RecipeError(
            f"training.monitor = {scheme.monitor}: all {len(val_labels)} validation films are of one class, "
            "for which there is no AUROC; monitor the loss"
        )


def monitored_value(row: Row, scheme: Training) -> float:
    """The monitored metric of an epoch, negated where higher is better, so that a lower value is always better.

    >>> monitored_value({"val_auroc": 0.98}, Training(monitor="auroc"))
    -0.98
    """
    column, lower_is_better = MONITORED[scheme.monitor]
    return row[column] if lower_is_better else -row[column]


def should_keep(progress: Progress, value: float, scheme: Training) -> bool:
    """Whether the weights of the epoch that just ended replace the ones kept so far.

    Args:
        progress: the run's progress, which already counts that epoch.
        value: that epoch's `monitored_value`.
        scheme: the recipe's training settings.
    """
    if scheme.keep == "last":
        return True
    if progress.epoch == scheme.epochs and not progress.kept_epoch:
        return True  # the monitored value was never finite: keep the last epoch's weights
    return progress.epoch >= scheme.min_epochs and math.isfinite(value) and value < progress.kept_value


def stops_early(progress: Progress, scheme: Training) -> bool:
    """Whether `training.early_stopping` epochs (the patience) have passed since the one that is kept."""
    patience = scheme.early_stopping
    return bool(patience and progress.kept_epoch and progress.epoch - progress.kept_epoch >= patience)
