"""A multi-layer perceptron of one hidden layer, and back-propagation for a population of them at once; numpy alone.

scikit-learn's `MLPClassifier` starts from weights of its own drawing and trains one network at a time; a genetic
algorithm asks for forty, each from its own first weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.confidence.probabilities import log_softmax

Numbers = NDArray[np.float32]

_RATE = 0.01  # Adam's; with its other constants as Kingma & Ba (ICLR 2015) have them
_MOMENTS = (0.9, 0.999)
_EPSILON = 1e-8


class MlpWeights(NamedTuple):
    """MlpWeights of a population of networks, float32: each (networks, ...)."""

    inward: Numbers  # (networks, inputs, hidden)
    hidden: Numbers  # (networks, 1, hidden)
    outward: Numbers  # (networks, hidden, classes)
    output: Numbers  # (networks, 1, classes)


@dataclass(frozen=True, slots=True)
class Examples:
    """Films to train on.

    Attributes:
        numbers: (n, inputs) float32, standardised.
        labels: (n,) indices of classes.
        weights: (n,) float32, how much each film counts, on average 1.
    """

    numbers: Numbers
    labels: NDArray[np.int64]
    weights: Numbers


def init_weights(networks: int, inputs: int, hidden: int, classes: int, draws: np.random.Generator) -> MlpWeights:
    """First weights by Glorot & Bengio (AISTATS 2010), biases 0."""

    def layer(rows: int, columns: int) -> Numbers:
        limit = np.sqrt(6 / (rows + columns))
        return draws.uniform(-limit, limit, (networks, rows, columns)).astype(np.float32)

    def bias(columns: int) -> Numbers:
        return np.zeros((networks, 1, columns), dtype=np.float32)

    return MlpWeights(layer(inputs, hidden), bias(hidden), layer(hidden, classes), bias(classes))


def train(
    weights: MlpWeights, masks: Numbers, examples: Examples, epochs: int, decay: float
) -> tuple[MlpWeights, list[NDArray[np.float64]]]:
    """Back-propagation over all films at once, by Adam.

    Args:
        weights: where the networks start.
        masks: (networks, inputs) float32, 1 where a network sees an input, else 0.
        examples: the films to train on.
        epochs: steps, each over all films.
        decay: L2 of the weights, not of the biases, as a share of half their square.

    Returns:
        The trained weights, and the loss of each network before each epoch: (networks,) in nats a film,
        without the decay.
    """
    first, second = ([np.zeros_like(part) for part in weights] for _ in range(2))
    losses = []
    for epoch in range(1, epochs + 1):
        loss, gradients = _gradients(weights, masks, examples, decay)
        losses.append(loss)
        updated = []
        for part, gradient, mean, square in zip(weights, gradients, first, second, strict=True):
            mean += (1 - _MOMENTS[0]) * (gradient - mean)
            square += (1 - _MOMENTS[1]) * (gradient**2 - square)
            step = mean / (1 - _MOMENTS[0] ** epoch) / (np.sqrt(square / (1 - _MOMENTS[1] ** epoch)) + _EPSILON)
            updated.append((part - _RATE * step).astype(np.float32))
        weights = MlpWeights(*updated)
    return weights, losses


def log_probabilities(weights: MlpWeights, masks: Numbers, numbers: Numbers) -> Numbers:
    """Logarithms of each network's probabilities of films (n, inputs): (networks, n, classes)."""
    return _forward(weights, masks, numbers)[1]


def cross_entropy(weights: MlpWeights, masks: Numbers, examples: Examples) -> NDArray[np.float64]:
    """Weighted cross-entropy of each network, (networks,) in nats a film."""
    return _loss(log_probabilities(weights, masks, examples.numbers), examples)


def _forward(weights: MlpWeights, masks: Numbers, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """The hidden layer, (networks, n, hidden), and the logarithms of the probabilities."""
    hidden = np.tanh(numbers @ (weights.inward * masks[:, :, None]) + weights.hidden)
    return hidden, log_softmax(hidden @ weights.outward + weights.output)


def _loss(log_probs: Numbers, examples: Examples) -> NDArray[np.float64]:
    costs = -log_probs[:, np.arange(len(examples.labels)), examples.labels] * examples.weights
    return np.asarray(costs.mean(axis=1, dtype=np.float64))


def _gradients(
    weights: MlpWeights, masks: Numbers, examples: Examples, decay: float
) -> tuple[NDArray[np.float64], tuple[Numbers, ...]]:
    hidden, log_probs = _forward(weights, masks, examples.numbers)
    errors = np.exp(log_probs)
    errors[:, np.arange(len(examples.labels)), examples.labels] -= 1
    errors *= examples.weights[:, None] / np.float32(len(examples.labels))
    back = (errors @ weights.outward.transpose(0, 2, 1)) * (1 - hidden**2)
    return _loss(log_probs, examples), (
        (examples.numbers.T @ back) * masks[:, :, None] + np.float32(decay) * weights.inward,
        back.sum(axis=1, keepdims=True),
        hidden.transpose(0, 2, 1) @ errors + np.float32(decay) * weights.outward,
        errors.sum(axis=1, keepdims=True),
    )
