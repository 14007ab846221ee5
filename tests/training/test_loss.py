"""Costs against scikit-learn, torch and the study's own weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from hilum.batches import Batch
from hilum.errors import RecipeError
from hilum.recipe import Training
from hilum.training import class_weights, film_losses
from hilum.training.loss import LossFunction, make_loss_function

LABELS = torch.tensor([0, 1, 1, 0, 1])
LOGITS = torch.tensor([[-1.2], [0.3], [2.5], [0.8], [-0.4]])


def test_class_weights_are_the_studys() -> None:
    labels = np.repeat([0, 1], [1342, 3876])
    np.testing.assert_allclose(class_weights(labels, 2), np.array([3876, 1342]) / 5218, rtol=1e-6)


def test_binary_loss_is_scikit_learns() -> None:
    probs = torch.sigmoid(LOGITS[:, 0]).numpy()
    assert film_losses(LOGITS, LABELS, None).mean().item() == pytest.approx(log_loss(LABELS.numpy(), probs), rel=1e-5)


def test_weighted_loss_is_scikit_learns_with_sample_weights() -> None:
    weights = torch.tensor([0.7, 0.2])
    each = weights[LABELS].numpy()
    expected = log_loss(LABELS.numpy(), torch.sigmoid(LOGITS[:, 0]).numpy(), sample_weight=each) * each.mean()
    assert film_losses(LOGITS, LABELS, weights).mean().item() == pytest.approx(expected, rel=1e-5)


def test_one_logit_costs_what_two_that_differ_by_it_cost() -> None:
    two = torch.cat([torch.zeros_like(LOGITS), LOGITS], dim=1)
    weights = torch.tensor([0.7, 0.2])
    torch.testing.assert_close(film_losses(LOGITS, LABELS, weights, 0.1), film_losses(two, LABELS, weights, 0.1))


def test_smoothing_pulls_the_cheapest_answer_off_certainty() -> None:
    logits = torch.linspace(-8, 8, 1601)[:, None]
    each = film_losses(logits, torch.ones(1601, dtype=torch.int64), None, smoothing=0.1)
    assert torch.sigmoid(logits[each.argmin()]).item() == pytest.approx(0.95, abs=0.001)


def batch(share: torch.Tensor | None = None) -> Batch:
    return Batch(LOGITS, LABELS, np.arange(5), 5, share)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_is_lins(gamma: float) -> None:
    """Equation 4 of the paper, with p the probability of what the film shows."""
    for logit, label, given in zip(LOGITS[:, 0], LABELS, film_losses(LOGITS, LABELS, None, gamma=gamma), strict=True):
        p = 1 / (1 + np.exp(-float(logit)))
        p = p if label == 1 else 1 - p
        assert float(given) == pytest.approx(-((1 - p) ** gamma) * np.log(p), rel=1e-5)


def test_focal_loss_of_one_logit_is_that_of_two() -> None:
    two = torch.cat([torch.zeros_like(LOGITS), LOGITS], dim=1)
    torch.testing.assert_close(film_losses(LOGITS, LABELS, None, 0.1, 2.0), film_losses(two, LABELS, None, 0.1, 2.0))


def test_logit_adjustment_costs_what_balanced_logits_times_the_shares_cost() -> None:
    """Menon et al., equation 10: softmax over logits plus tau times the logarithm of each class's share."""
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    labels = np.array([0, 1, 2, 2, 2, 1])
    loss_function = make_loss_function(Training(class_weights="none", logit_adjustment=0.7), labels, ("a", "b", "c"))
    given = loss_function.training_losses(logits, Batch(logits, torch.from_numpy(labels), np.arange(6), 6))
    scaled = np.exp(logits.numpy().astype(np.float64)) * (np.array([1, 2, 3]) / 6) ** 0.7
    expected = -np.log(scaled[np.arange(6), labels] / scaled.sum(axis=1))
    np.testing.assert_allclose(given.numpy(), expected, rtol=1e-5)


def test_logit_adjustment_shifts_the_one_logit_by_the_difference() -> None:
    one = make_loss_function(Training(class_weights="none", logit_adjustment=1.0), LABELS.numpy(), ("a", "b"))
    two = torch.cat([torch.zeros_like(LOGITS), LOGITS], dim=1)
    both = Batch(two, LABELS, np.arange(5), 5)
    torch.testing.assert_close(one.training_losses(LOGITS, batch()), one.training_losses(two, both))


def test_what_is_reported_is_plain_weighted_cross_entropy() -> None:
    scheme = Training(objective="focal", label_smoothing=0.2, logit_adjustment=1.0)
    loss_function = make_loss_function(scheme, LABELS.numpy(), ("a", "b"))
    weights = class_weights(LABELS.numpy(), 2)
    torch.testing.assert_close(loss_function.reported_losses(LOGITS, batch()), film_losses(LOGITS, LABELS, weights))


def test_a_mixed_film_costs_its_parts() -> None:
    share = torch.tensor([0.3, 0.6, 1.0, 0.0, 0.5])
    loss_function = LossFunction(torch.tensor([0.7, 0.2]), None, 0.1, 0.0)
    partner = LABELS[[1, 0, 3, 2, 4]]
    own, other = (film_losses(LOGITS, labels, loss_function.class_weights, 0.1) for labels in (LABELS, partner))
    torch.testing.assert_close(loss_function.training_losses(LOGITS, batch(share)), share * own + (1 - share) * other)


def test_weights_may_be_given_one_a_class() -> None:
    weights = make_loss_function(Training(class_weights=(2.0, 0.5)), LABELS.numpy(), ("a", "b")).class_weights
    assert weights is not None
    assert weights.tolist() == [2.0, 0.5]
    with pytest.raises(RecipeError, match=r"3 weights for the 2 classes a, b"):
        make_loss_function(Training(class_weights=(1.0, 1.0, 1.0)), LABELS.numpy(), ("a", "b"))


def test_a_class_that_no_film_shows_cannot_be_adjusted_for() -> None:
    with pytest.raises(RecipeError, match=r"no training film is labelled c; set it to 0"):
        make_loss_function(Training(logit_adjustment=1.0), LABELS.numpy(), ("a", "b", "c"))
