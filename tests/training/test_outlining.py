"""The objective of a network that outlines lungs, against the formulas in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum.batches import Batch
from hilum.training.outlining import OutlineObjective, dice


def batch_of(n: int = 4, side: int = 8) -> tuple[tuple[torch.Tensor, torch.Tensor], Batch]:
    torch.manual_seed(3)
    outlines = (torch.rand(n, 1, side, side) > 0.6).float()
    outlines[-1] = 0
    labels = torch.tensor([0, 1, 2, 4])
    batch = Batch(torch.rand(n, 1, side, side), labels, np.arange(n), n, outlines=outlines)
    return (torch.randn(n, 1, side, side), torch.randn(n, 5)), batch


def test_the_loss_is_cross_entropy_and_dice_and_a_fifth_of_the_views() -> None:
    (logits, views), batch = batch_of()
    given = OutlineObjective(0.2).training_losses((logits, views), batch).numpy()
    assert batch.outlines is not None
    truth, probs = batch.outlines.numpy().astype(float), 1 / (1 + np.exp(-logits.numpy().astype(float)))
    entropy = -(truth * np.log(probs) + (1 - truth) * np.log(1 - probs)).mean(axis=(1, 2, 3))
    overlap = (2 * (truth * probs).sum(axis=(1, 2, 3)) + 20) / (truth.sum((1, 2, 3)) + probs.sum((1, 2, 3)) + 20)
    softmax = np.exp(views.numpy().astype(float))
    of_label = (softmax / softmax.sum(axis=1, keepdims=True))[np.arange(4), batch.labels.numpy()]
    np.testing.assert_allclose(given, entropy + 1 - overlap - 0.2 * np.log(of_label), rtol=1e-5)


def test_dice_is_counted_where_there_are_lungs_and_the_view_everywhere() -> None:
    output, batch = batch_of()
    objective = OutlineObjective(0.2)
    row = objective.metrics("val", objective.columns(output, batch))
    assert batch.outlines is not None
    found, truth = (output[0] > 0).numpy(), batch.outlines.numpy() > 0.5
    each = [2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in zip(found[:3], truth[:3], strict=True)]
    assert row["val_dice"] == pytest.approx(np.mean(each), rel=1e-6)
    assert row["val_dice_p05"] == pytest.approx(np.quantile(each, 0.05), rel=1e-6)
    assert row["val_view"] == pytest.approx((output[1].argmax(1) == batch.labels).float().mean().item())


def test_two_empty_masks_agree() -> None:
    empty = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    assert dice(empty, empty).item() == 1
    assert dice(~empty, empty).item() == 0
