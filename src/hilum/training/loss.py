"""What a wrong answer costs."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def class_weights(labels: np.ndarray, classes: int) -> Tensor:
    """Weigh each class by the share of films that are *not* of it.

    For the study's 1,342 normal films and 3,876 with pneumonia: [3876, 1342] / 5218.

    Args:
        labels: (n,) class indices.
        classes: how many classes there are.

    Returns:
        (classes,) float32.
    """
    counts = np.bincount(labels, minlength=classes)
    return torch.from_numpy(1 - counts / counts.sum()).float()


def losses(logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float = 0.0) -> Tensor:
    """Weighted cross-entropy of each film, not yet averaged.

    Args:
        logits: (n, 1) for two classes (binary cross-entropy behind a sigmoid), else (n, classes) (softmax).
        labels: (n,) class indices.
        weights: (classes,), or None to weigh all alike.
        smoothing: the share of each label's certainty that is spread evenly over the classes, in [0, 1)
            (Szegedy et al., CVPR 2016, section 7).

    Returns:
        (n,) float32, in nats, times the weight of the film's class.
    """
    logits = logits.float()
    if logits.shape[1] == 1:
        targets = labels.float() * (1 - smoothing) + smoothing / 2
        each = F.binary_cross_entropy_with_logits(logits[:, 0], targets, reduction="none")
    else:
        each = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    return each if weights is None else each * weights[labels]
