"""A last layer that is fitted again, starting from what it was and kept near it."""

from __future__ import annotations

import numpy as np

from hilum.confidence.probabilities import log_softmax
from hilum.metrics.counts import Floats

PENALTIES = (1.0, 0.1, 0.01, 0.001)  # of what the layer's change does to a usual film's logit, squared


def fit_last_layer(
    features: Floats, labels: np.ndarray, counts: Floats, start: tuple[Floats, Floats], penalty: float
) -> tuple[Floats, Floats]:
    """Minimise the mean log loss plus a penalty on how far the weights have moved (L2-SP: Li et al., ICML 2018).

    The penalty is `penalty` / 2 times the squared change of the weights, in units of the features' mean squared
    length: a change that moves a usual film's logit by 1 costs no more than half the penalty. Biases are free.

    Args:
        features: (n, d) what the layer takes.
        labels: (n,) the number of each film's class.
        counts: (n,) how much each film counts.
        start: weights (outputs, d) and biases (outputs,) to start from; of one output, the logit of the second class.
        penalty: above 0.

    Returns:
        The weights and biases.
    """
    from scipy.optimize import minimize

    weights, biases = (np.asarray(each, dtype=np.float64) for each in start)
    outputs = len(biases)
    shares = counts / counts.sum()
    scale = penalty * float(np.square(features).sum(axis=1).mean())
    right = np.zeros((len(labels), max(2, outputs)))
    right[np.arange(len(labels)), labels] = 1

    def loss(flat: Floats) -> tuple[float, Floats]:
        change, bias = flat[: weights.size].reshape(weights.shape), flat[weights.size :]
        logits = features @ (weights + change).T + bias
        if outputs == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        log_rows = log_softmax(logits)
        gaps = ((np.exp(log_rows) - right) * shares[:, None])[:, -outputs:]
        gradient = np.concatenate([(gaps.T @ features + scale * change).ravel(), gaps.sum(axis=0)])
        value = -(shares[:, None] * right * log_rows).sum() + scale / 2 * np.square(change).sum()
        return float(value), gradient

    first = np.concatenate([np.zeros(weights.size), biases])
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-6}).x
    return weights + found[: weights.size].reshape(weights.shape), found[weights.size :]
