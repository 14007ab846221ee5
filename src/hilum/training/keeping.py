"""Which checkpoint is kept, and when a run stops early."""

from __future__ import annotations

import math

import numpy as np

from hilum.errors import RecipeError
from hilum.history import Row
from hilum.recipe import Training
from hilum.training.state import Progress

# The column of the history that is monitored, and whether less of it is better.
MONITORED = {
    "loss": ("val_loss", True),
    "accuracy": ("val_accuracy", False),
    "auroc": ("val_auroc", False),
    "views_loss": ("val_views_loss", True),
    "views_auroc": ("val_views_auroc", False),
    "shifted_loss": ("val_shifted_loss", True),
    "shifted_auroc": ("val_shifted_auroc", False),
}


def check_monitor(scheme: Training, val_labels: np.ndarray) -> None:
    """Refuse to go by a figure that validation will not have.

    Raises:
        RecipeError: AUROC where all validation films are of one class.
    """
    if scheme.monitor.endswith("auroc") and len(np.unique(val_labels)) < 2:
        raise RecipeError(
            f"training.monitor = {scheme.monitor}: all {len(val_labels)} validation films are of one class, "
            "for which there is no AUROC; monitor the loss"
        )


def cost_of(row: Row, scheme: Training) -> float:
    """The monitored figure of an epoch, turned round where more is better."""
    column, less_is_better = MONITORED[scheme.monitor]
    return row[column] if less_is_better else -row[column]


def is_kept(run: Progress, cost: float, scheme: Training) -> bool:
    """Whether the epoch that just ended replaces what was kept so far."""
    if scheme.keep == "last":
        return True
    if run.epoch == scheme.epochs and not run.kept_epoch:
        return True  # a figure that was never a number keeps something all the same
    return run.epoch >= scheme.min_epochs and math.isfinite(cost) and cost < run.kept_cost


def stops_early(run: Progress, scheme: Training) -> bool:
    """Whether the best epoch lies too far back."""
    patience = scheme.early_stopping
    return bool(patience and run.kept_epoch and run.epoch - run.kept_epoch >= patience)
