"""Shares of several networks: those with the smallest log loss on validation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.training.ensemble_weights import TOLERANCE, fit_ensemble_weights

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def said(members: int, classes: int, films: int = 300, seed: int = 0) -> tuple[Floats, Labels]:
    """Networks of different worth, each with mistakes of its own, and what the films show."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, films)
    towards = rng.uniform(0.5, 3, (members, 1, 1)) * np.eye(classes)[labels]
    logits = 2 * rng.normal(size=(members, films, classes)) + towards
    probs = np.exp(logits)
    return probs / probs.sum(axis=2, keepdims=True), labels


def loss(shares: Floats, probs: Floats, labels: Labels) -> float:
    """Mean log loss of the mixture, term by term."""
    mixed = sum(share * probs[number] for number, share in enumerate(shares))
    return float(np.mean([-np.log(row[label]) for row, label in zip(np.asarray(mixed), labels, strict=True)]))


def every_share(members: int, steps: int) -> list[Floats]:
    """All points of a grid on the simplex."""
    cuts = itertools.product(range(steps + 1), repeat=members - 1)
    return [np.array([*cut, steps - sum(cut)]) / steps for cut in cuts if sum(cut) <= steps]


@pytest.mark.parametrize(("members", "classes", "steps"), [(2, 2, 500), (2, 3, 500), (3, 2, 40), (4, 3, 12)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_shares_on_a_grid_are_better(members: int, classes: int, steps: int, seed: int) -> None:
    probs, labels = said(members, classes, films=100, seed=seed)
    shares = fit_ensemble_weights(probs, labels)
    assert shares.shape == (members,)
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    losses = [loss(each, probs, labels) for each in every_share(members, steps)]
    assert loss(shares, probs, labels) <= min(losses) + TOLERANCE


@pytest.mark.parametrize("seed", range(5))
def test_it_ends_where_no_direction_lowers_the_loss(seed: int) -> None:
    """Karush, Kuhn and Tucker: every network's mean likelihood ratio to the mixture is 1, or less without a share."""
    probs, labels = said(4, 2, seed=seed)
    shares = fit_ensemble_weights(probs, labels)
    likelihoods = probs[:, np.arange(len(labels)), labels]
    ratios = (likelihoods / (shares @ likelihoods)).mean(axis=1)
    assert ratios.max() <= 1 + 2 * TOLERANCE
    assert ratios[shares > 0.01] == pytest.approx(1, abs=1e-4)


def test_scipy_finds_the_same() -> None:
    from scipy.optimize import minimize

    probs, labels = said(3, 3)
    found = minimize(
        loss,
        np.full(3, 1 / 3),
        args=(probs, labels),
        method="SLSQP",
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1},
        options={"ftol": 1e-12},
    )
    np.testing.assert_allclose(fit_ensemble_weights(probs, labels), found.x, atol=2e-3)
    assert loss(fit_ensemble_weights(probs, labels), probs, labels) <= found.fun + TOLERANCE


def test_networks_that_say_the_same_share_alike() -> None:
    probs, labels = said(1, 2)
    np.testing.assert_allclose(fit_ensemble_weights(np.repeat(probs, 3, axis=0), labels), 1 / 3)


def test_a_network_that_knows_nothing_gets_nothing() -> None:
    labels = np.arange(200) % 2
    knows = np.eye(2)[labels] * 0.98 + 0.01
    shares = fit_ensemble_weights(np.stack([knows, 1 - knows, np.full((200, 2), 0.5)]), labels)
    assert shares[0] > 0.999


def test_one_network_has_it_all() -> None:
    probs, labels = said(1, 3)
    assert fit_ensemble_weights(probs, labels).tolist() == [1.0]


def test_impossible_and_all_but_impossible_films_are_counted_as_far_as_they_tell() -> None:
    """A film that all networks call impossible says nothing; one of 1e-300 and 1e-310 speaks for the first."""
    probs, labels = said(2, 2, films=50)
    nothing = np.concatenate([probs, np.eye(2)[None, [0]].repeat(2, axis=0)], axis=1)
    np.testing.assert_allclose(
        fit_ensemble_weights(nothing, np.append(labels, 1)), fit_ensemble_weights(probs, labels)
    )
    tiny = np.zeros((2, 1, 2))
    tiny[:, 0, 1] = 1e-300, 1e-310
    assert fit_ensemble_weights(tiny, np.array([1]))[0] > 0.99
    np.testing.assert_allclose(fit_ensemble_weights(tiny, np.array([0])), 0.5)


@pytest.mark.parametrize(("shape", "films"), [((2, 3), 3), ((2, 3, 2), 4), ((2, 0, 2), 0)])
def test_shapes_that_do_not_go_together_are_refused(shape: tuple[int, ...], films: int) -> None:
    with pytest.raises(ValueError, match="probabilities of shape"):
        fit_ensemble_weights(np.full(shape, 0.5), np.zeros(films, dtype=np.int64))
