"""The history's metrics of a classifier."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from hilum import bundle, metrics
from hilum.history import Row


def metrics_row(prefix: str, logits: Tensor, losses: Tensor, labels: Tensor) -> Row:
    """Mean loss, accuracy and AUROC (macro-averaged one-vs-rest with more than two classes).

    Where a logit is NaN or infinite, all three are NaN.

    Args:
        prefix: of the columns' names, such as `val`.
        logits: (n, outputs).
        losses: (n,), by `LossFunction.reported_losses`.
        labels: (n,) class indices.
    """
    if not logits.isfinite().all():
        return dict.fromkeys((f"{prefix}_loss", f"{prefix}_accuracy", f"{prefix}_auroc"), math.nan)
    probs, truth = bundle.probabilities(logits.numpy()), labels.numpy()
    classes = (1,) if probs.shape[1] == 2 else range(probs.shape[1])
    return {
        f"{prefix}_loss": float(losses.mean()),
        f"{prefix}_accuracy": float((probs.argmax(axis=1) == truth).mean()),
        f"{prefix}_auroc": float(np.mean([metrics.auroc(truth == label, probs[:, label]) for label in classes])),
    }
