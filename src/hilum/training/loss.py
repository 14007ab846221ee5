"""The loss function: cross-entropy or focal loss, class weights, label smoothing, logit adjustment, mixup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.batches import Batch, partners
from hilum.errors import RecipeError
from hilum.history import Row
from hilum.models import log_probabilities
from hilum.recipe import Training
from hilum.training.class_metrics import metrics_row


@dataclass(frozen=True, slots=True)
class LossFunction:
    """The recipe's loss function.

    Attributes:
        class_weights: (classes,) float32, or None where all classes weigh the same.
        log_priors: (classes,) float32, the logarithms of the class frequencies times `training.logit_adjustment`,
            added to the logits in training only; or None.
        label_smoothing: the fraction of each label's probability that is spread evenly over the classes.
        gamma: the exponent of the focal loss; 0 is cross-entropy.
    """

    class_weights: Tensor | None
    log_priors: Tensor | None
    label_smoothing: float
    gamma: float

    def training_losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The loss of each film that the optimiser minimises: (n, outputs) logits → (n,) float32."""
        logits = adjust_logits(logits.float(), self.log_priors)
        smoothing: float | Tensor = self.label_smoothing
        if batch.blanked is not None:  # without lungs every class is as likely as any other
            smoothing = torch.where(batch.blanked, 1.0, self.label_smoothing)[:, None]
        return _mixup_losses(
            batch, lambda labels: film_losses(logits, labels, self.class_weights, smoothing, self.gamma)
        )

    def reported_losses(self, logits: Tensor, batch: Batch) -> Tensor:
        """The loss of each film that the history reports, the same for training and validation films.

        It is class-weighted cross-entropy, without label smoothing, logit adjustment or focal exponent.

        Args:
            logits: (n, outputs).
            batch: for the labels, and the mixup weights where there are any.

        Returns:
            (n,) float32.
        """
        return _mixup_losses(batch, lambda labels: film_losses(logits, labels, self.class_weights))

    def columns(self, logits: Tensor, batch: Batch) -> dict[str, Tensor]:
        """As `Objective.columns`: logits, reported losses, and the label; of a blended film the dominant one."""
        return {
            "logits": logits,
            "losses": self.reported_losses(logits, batch),
            "labels": batch.dominant_labels(),
        }

    def metrics(self, prefix: str, columns: Mapping[str, Tensor]) -> Row:
        """As `Objective.metrics`: loss, accuracy and AUROC."""
        return metrics_row(prefix, columns["logits"], columns["losses"], columns["labels"].long())

    def to(self, device: torch.device) -> LossFunction:
        """A copy of the loss function on another device."""
        weights, priors = (
            None if part is None else part.to(device) for part in (self.class_weights, self.log_priors)
        )
        return LossFunction(weights, priors, self.label_smoothing, self.gamma)


def make_loss_function(scheme: Training, labels: np.ndarray, classes: tuple[str, ...]) -> LossFunction:
    """Make the recipe's loss function for its training films.

    Args:
        scheme: the recipe's training settings.
        labels: (n,) class indices of the training films.
        classes: the class names.

    Raises:
        RecipeError: there are more or fewer class weights than classes, or logits are to be adjusted by the frequency
            of a class that has no training film.
    """
    weights: Tensor | None = None
    if scheme.class_weights == "balanced":
        weights = class_weights(labels, len(classes))
    elif isinstance(scheme.class_weights, tuple):
        if len(scheme.class_weights) != len(classes):
            raise RecipeError(
                f"training.class_weights: {len(scheme.class_weights)} weights for the {len(classes)} classes "
                f"{', '.join(classes)}; give one for each, in this order"
            )
        weights = torch.tensor(scheme.class_weights)
    log_priors: Tensor | None = None
    if scheme.logit_adjustment:
        priors = np.bincount(labels, minlength=len(classes)) / len(labels)
        if not priors.all():
            missing = ", ".join(name for name, prior in zip(classes, priors, strict=True) if not prior)
            raise RecipeError(f"training.logit_adjustment: no training film is labelled {missing}; set it to 0")
        log_priors = scheme.logit_adjustment * torch.from_numpy(np.log(priors)).float()
    gamma = scheme.focal_gamma if scheme.objective == "focal" else 0.0
    return LossFunction(weights, log_priors, scheme.label_smoothing, gamma)


def class_weights(labels: np.ndarray, classes: int) -> Tensor:
    """The `balanced` class weights: each class gets the fraction of films that are *not* of it.

    For two classes they are proportional to scikit-learn's `balanced` weights; for more they are not. With 1,342
    normal films and 3,876 with pneumonia: [3876, 1342] / 5218.

    >>> class_weights(np.array([0, 1, 1, 1]), 2)
    tensor([0.7500, 0.2500])

    Args:
        labels: (n,) class indices.
        classes: the number of classes.

    Returns:
        (classes,) float32.
    """
    counts = np.bincount(labels, minlength=classes)
    return torch.from_numpy(1 - counts / counts.sum()).float()


def film_losses(
    logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float | Tensor = 0.0, gamma: float = 0.0
) -> Tensor:
    """The class-weighted cross-entropy or focal loss of each film (torch's `reduction="none"`).

    >>> film_losses(torch.tensor([[0.0], [2.0]]), torch.tensor([1, 1]), None)
    tensor([0.6931, 0.1269])

    Args:
        logits: (n, 1) for two classes (binary cross-entropy after a sigmoid), else (n, classes) (softmax).
        labels: (n,) class indices.
        weights: (classes,), or None to weigh all classes the same.
        smoothing: the fraction of each label's probability that is spread evenly over the classes, in [0, 1)
            (Szegedy et al., CVPR 2016, section 7); (n, 1) for a fraction of each film's own.
        gamma: exponent of the focal loss, which multiplies each class's term by (1 - p)^gamma (Lin et al., ICCV 2017,
            equation 4); 0 gives cross-entropy.

    Returns:
        (n,) float32, in nats; each film's loss is multiplied by the weight of its class.
    """
    log_probs = log_probabilities(logits.float())
    classes = log_probs.shape[1]
    targets = F.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
    terms = targets * log_probs
    if gamma:
        terms = terms * (1 - log_probs.exp()) ** gamma
    per_film = -terms.sum(dim=1)
    return per_film if weights is None else per_film * weights[labels]


def adjust_logits(logits: Tensor, log_priors: Tensor | None) -> Tensor:
    """Add scaled log class frequencies to the logits, so that the network learns the logits of balanced classes.

    Source: Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.
    """
    if log_priors is None:
        return logits
    return logits + (log_priors[1] - log_priors[0] if logits.shape[1] == 1 else log_priors)


def _mixup_losses(batch: Batch, losses_of: Callable[[Tensor], Tensor]) -> Tensor:
    """The losses on the films' labels; with mixup, averaged with those on the labels of the films blended in."""
    own = losses_of(batch.labels)
    if batch.mix_weight is None:
        return own
    return batch.mix_weight * own + (1 - batch.mix_weight) * losses_of(batch.labels[partners(len(batch.labels))])
