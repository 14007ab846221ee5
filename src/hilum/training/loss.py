"""What a wrong answer costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.batches import Batch, partners
from hilum.errors import RecipeError
from hilum.models import log_probabilities
from hilum.recipe import Training


@dataclass(frozen=True, slots=True)
class Objective:
    """What the recipe makes each film of a batch cost.

    Attributes:
        weights: (classes,) float32, or None where all weigh alike.
        log_priors: (classes,) float32, what is added to the logits in training alone; or None.
        smoothing: `training.label_smoothing`.
        gamma: of the focal loss; 0 is cross-entropy.
    """

    weights: Tensor | None
    log_priors: Tensor | None
    smoothing: float
    gamma: float

    def costs(self, logits: Tensor, batch: Batch) -> Tensor:
        """(n, outputs) logits → (n,) float32: what the optimiser lowers."""
        logits = adjusted(logits.float(), self.log_priors)
        return _of_mixed(batch, lambda labels: losses(logits, labels, self.weights, self.smoothing, self.gamma))

    def reported(self, logits: Tensor, batch: Batch) -> Tensor:
        """(n,) float32: weighted cross-entropy and nothing more, the same for training and validation films."""
        return _of_mixed(batch, lambda labels: losses(logits, labels, self.weights))

    def to(self, device: torch.device) -> Objective:
        """The same on another device."""
        weights, priors = (None if part is None else part.to(device) for part in (self.weights, self.log_priors))
        return Objective(weights, priors, self.smoothing, self.gamma)


def make_objective(scheme: Training, labels: np.ndarray, classes: tuple[str, ...]) -> Objective:
    """The recipe's objective for the films that it learns from.

    Args:
        scheme: the learning scheme.
        labels: (n,) class indices of the training films.
        classes: their names.

    Raises:
        RecipeError: as many weights as there are classes are needed.
    """
    weights: Tensor | None = None
    if scheme.class_weights == "balanced":
        weights = class_weights(labels, len(classes))
    elif isinstance(scheme.class_weights, tuple):
        if len(scheme.class_weights) != len(classes):
            raise RecipeError(
                f"training.class_weights: {len(scheme.class_weights)} weights for the {len(classes)} classes "
                f"{', '.join(classes)}; give one each, in this order"
            )
        weights = torch.tensor(scheme.class_weights)
    priors: Tensor | None = None
    if scheme.logit_adjustment:
        shares = np.bincount(labels, minlength=len(classes)) / len(labels)
        if not shares.all():
            missing = ", ".join(name for name, share in zip(classes, shares, strict=True) if not share)
            raise RecipeError(f"training.logit_adjustment: no training film shows {missing}; set it to 0")
        priors = scheme.logit_adjustment * torch.from_numpy(np.log(shares)).float()
    gamma = scheme.focal_gamma if scheme.objective == "focal" else 0.0
    return Objective(weights, priors, scheme.label_smoothing, gamma)


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


def losses(
    logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float = 0.0, gamma: float = 0.0
) -> Tensor:
    """Weighted cross-entropy, or focal loss, of each film; not yet averaged.

    Args:
        logits: (n, 1) for two classes (binary cross-entropy behind a sigmoid), else (n, classes) (softmax).
        labels: (n,) class indices.
        weights: (classes,), or None to weigh all alike.
        smoothing: the share of each label's certainty that is spread evenly over the classes, in [0, 1)
            (Szegedy et al., CVPR 2016, section 7).
        gamma: weighs each class's part down by (1 - p)^gamma (Lin et al., ICCV 2017, equation 4); 0 does not.

    Returns:
        (n,) float32, in nats, times the weight of the film's class.
    """
    log_probs = log_probabilities(logits.float())
    classes = log_probs.shape[1]
    targets = F.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
    parts = targets * log_probs
    if gamma:
        parts = parts * (1 - log_probs.exp()) ** gamma
    each = -parts.sum(dim=1)
    return each if weights is None else each * weights[labels]


def adjusted(logits: Tensor, log_priors: Tensor | None) -> Tensor:
    """Logits with the classes' weighted log shares added; what is learnt is then the logits of balanced classes."""
    if log_priors is None:
        return logits
    return logits + (log_priors[1] - log_priors[0] if logits.shape[1] == 1 else log_priors)


def _of_mixed(batch: Batch, cost_of: Callable[[Tensor], Tensor]) -> Tensor:
    """The cost of a film that is a part itself and a part its neighbour: the same parts of both costs."""
    cost = cost_of(batch.labels)
    if batch.mix_weight is None:
        return cost
    return batch.mix_weight * cost + (1 - batch.mix_weight) * cost_of(batch.labels[partners(len(batch.labels))])
