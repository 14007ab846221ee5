"""What a network that outlines lungs is trained for: outlines like the given ones, and how the film lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.batches import Batch
from hilum.history import Row
from hilum.recipe import Outlines

_SMOOTHING = 20.0  # pixels added to the Dice coefficient's numerator and denominator: it is defined without lungs


@dataclass(frozen=True, slots=True)
class OutlineObjective:
    """Loss and metrics of a network that gives each pixel's logit of lung and each view's logit (`LungNetwork`).

    Attributes:
        view_weight: the weight of the view's cross-entropy in the loss.
    """

    view_weight: float

    def training_losses(self, output: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        """Mean binary cross-entropy of the pixels, plus 1 - soft Dice, plus the weighted cross-entropy of the view.

        Source: Milletari, Navab & Ahmadi, "V-Net", 3DV 2016, for the soft Dice coefficient, here with plain sums.

        Args:
            output: (n, 1, side, side) logits of lung, and (n, views) logits of the views.
            batch: with outlines; its labels are the views.

        Returns:
            (n,) float32.
        """
        assert batch.outlines is not None
        logits, views = output[0].float(), output[1].float()
        pixels = F.binary_cross_entropy_with_logits(logits, batch.outlines, reduction="none").mean(dim=(1, 2, 3))
        probs = logits.sigmoid()
        shared = (probs * batch.outlines).sum(dim=(1, 2, 3))
        both = (probs + batch.outlines).sum(dim=(1, 2, 3))
        overlap = (2 * shared + _SMOOTHING) / (both + _SMOOTHING)
        return pixels + 1 - overlap + self.view_weight * F.cross_entropy(views, batch.labels, reduction="none")

    def columns(self, output: tuple[Tensor, Tensor], batch: Batch) -> dict[str, Tensor]:
        """As `Objective.columns`: losses, Dice coefficient, whether the view is right, whether there are lungs."""
        assert batch.outlines is not None
        lungs = batch.outlines > 0.5
        return {
            "losses": self.training_losses(output, batch),
            "dice": dice(output[0] > 0, lungs),
            "right_view": (output[1].argmax(dim=1) == batch.labels).float(),
            "has_lungs": lungs.any(dim=(1, 2, 3)).float(),
        }

    def metrics(self, prefix: str, columns: Mapping[str, Tensor]) -> Row:
        """As `Objective.metrics`: loss; mean and 5th percentile of Dice where lungs are; accuracy of the view."""
        overlaps = columns["dice"][columns["has_lungs"] > 0].numpy()
        mean, low = (float(overlaps.mean()), float(np.quantile(overlaps, 0.05))) if len(overlaps) else (0.0, 0.0)
        return {
            f"{prefix}_loss": float(columns["losses"].mean()),
            f"{prefix}_dice": mean,
            f"{prefix}_dice_p05": low,
            f"{prefix}_view": float(columns["right_view"].mean()),
        }

    def to(self, device: torch.device) -> OutlineObjective:
        """Itself: it holds no tensors."""
        return self


def make_outline_objective(spec: Outlines) -> OutlineObjective:
    """The objective of a recipe's `[outlines]`."""
    return OutlineObjective(spec.view_weight)


def dice(found: Tensor, truth: Tensor) -> Tensor:
    """The Dice coefficient of each pair of masks: twice what they share, of what they have in all.

    Source: Dice, "Measures of the amount of ecologic association between species", Ecology 26(3), 1945.

    >>> dice(torch.tensor([[[[True, True, False]]]]), torch.tensor([[[[True, False, False]]]]))
    tensor([0.6667])

    Args:
        found: (n, 1, height, width) bool.
        truth: the same.

    Returns:
        (n,) float32; 1 where both are empty.
    """
    shared, both = (found & truth).sum(dim=(1, 2, 3)), found.sum(dim=(1, 2, 3)) + truth.sum(dim=(1, 2, 3))
    return torch.where(both > 0, 2 * shared / both.clamp_min(1), 1.0)
