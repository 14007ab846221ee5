"""Back-propagation in numpy is torch's, for a whole population at once."""

from __future__ import annotations

import numpy as np
import torch

from hilum.classical.models.perceptron import (
    Examples,
    MlpWeights,
    cross_entropy,
    init_weights,
    log_probabilities,
    train,
)
from tests.classical.simulated import training_set

DECAY = 0.01


def examples() -> Examples:
    films = training_set(films=60, numbers=5, classes=3)
    return Examples(films.numbers, films.labels, films.weights.astype(np.float32))


def by_torch(
    start: MlpWeights, mask: np.ndarray, films: Examples, epochs: int
) -> tuple[list[np.ndarray], list[float]]:
    parts = [torch.tensor(part, requires_grad=True) for part in start]
    adam = torch.optim.Adam(parts, lr=0.01)
    losses = []
    for _ in range(epochs):
        inward, hidden, outward, output = parts
        logits = torch.tanh((torch.tensor(films.numbers * mask) @ inward) + hidden) @ outward + output
        costs = torch.nn.functional.cross_entropy(logits, torch.tensor(films.labels), reduction="none")
        loss = (costs * torch.tensor(films.weights)).mean()
        losses.append(loss.item())
        decayed = loss + DECAY / 2 * (inward.square().sum() + outward.square().sum())
        for part, gradient in zip(parts, torch.autograd.grad(decayed, parts), strict=True):
            part.grad = gradient
        adam.step()
    return [part.detach().numpy() for part in parts], losses


def test_a_population_learns_what_torch_learns_one_by_one() -> None:
    films = examples()
    start = init_weights(3, 5, 4, 3, np.random.default_rng(0))
    masks = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0, 1, 1, 0, 1]], dtype=np.float32)
    trained, losses = train(start, masks, films, epochs=30, decay=DECAY)
    for number in range(3):
        expected, costs = by_torch(MlpWeights(*(part[number] for part in start)), masks[number], films, 30)
        np.testing.assert_allclose([loss[number] for loss in losses], costs, rtol=1e-4)
        for ours, theirs in zip(trained, expected, strict=True):
            np.testing.assert_allclose(ours[number], theirs, atol=2e-4)


def test_probabilities_add_up_to_one_however_large_the_numbers() -> None:
    start = init_weights(2, 5, 4, 3, np.random.default_rng(0))
    wild = MlpWeights(*(1e4 * part for part in start))
    said = log_probabilities(wild, np.ones((2, 5), dtype=np.float32), 1e4 * examples().numbers)
    np.testing.assert_allclose(np.exp(said.astype(np.float64)).sum(axis=2), 1, atol=1e-5)


def test_an_input_that_is_masked_is_not_seen() -> None:
    films = examples()
    start, mask = init_weights(1, 5, 4, 3, np.random.default_rng(0)), np.array([[1, 1, 0, 1, 1]], dtype=np.float32)
    changed = films.numbers.copy()
    changed[:, 2] = 100
    np.testing.assert_array_equal(
        cross_entropy(start, mask, films), cross_entropy(start, mask, Examples(changed, films.labels, films.weights))
    )
