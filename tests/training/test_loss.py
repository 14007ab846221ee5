"""Costs against scikit-learn, torch and the study's own weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from hilum.training import class_weights, losses

LABELS = torch.tensor([0, 1, 1, 0, 1])
LOGITS = torch.tensor([[-1.2], [0.3], [2.5], [0.8], [-0.4]])


def test_class_weights_are_the_studys() -> None:
    labels = np.repeat([0, 1], [1342, 3876])
    np.testing.assert_allclose(class_weights(labels, 2), np.array([3876, 1342]) / 5218, rtol=1e-6)


def test_binary_loss_is_scikit_learns() -> None:
    probs = torch.sigmoid(LOGITS[:, 0]).numpy()
    assert losses(LOGITS, LABELS, None).mean().item() == pytest.approx(log_loss(LABELS.numpy(), probs), rel=1e-5)


def test_weighted_loss_is_scikit_learns_with_sample_weights() -> None:
    weights = torch.tensor([0.7, 0.2])
    each = weights[LABELS].numpy()
    expected = log_loss(LABELS.numpy(), torch.sigmoid(LOGITS[:, 0]).numpy(), sample_weight=each) * each.mean()
    assert losses(LOGITS, LABELS, weights).mean().item() == pytest.approx(expected, rel=1e-5)


def test_one_logit_costs_what_two_that_differ_by_it_cost() -> None:
    two = torch.cat([torch.zeros_like(LOGITS), LOGITS], dim=1)
    weights = torch.tensor([0.7, 0.2])
    torch.testing.assert_close(losses(LOGITS, LABELS, weights, 0.1), losses(two, LABELS, weights, 0.1))


def test_smoothing_pulls_the_cheapest_answer_off_certainty() -> None:
    logits = torch.linspace(-8, 8, 1601)[:, None]
    each = losses(logits, torch.ones(1601, dtype=torch.int64), None, smoothing=0.1)
    assert torch.sigmoid(logits[each.argmin()]).item() == pytest.approx(0.95, abs=0.001)
