"""A last layer that is fitted again, beside scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hilum.adaptation.last_layer import fit_last_layer

DRAWS = np.random.default_rng(0)
FEATURES = DRAWS.normal(size=(80, 6))
LABELS = (FEATURES[:, 0] + DRAWS.normal(size=80) > 0).astype(np.intp)
COUNTS = np.where(LABELS == 1, 2.0, 1.0)


@pytest.mark.parametrize("penalty", [1.0, 0.01])
def test_from_nothing_it_is_ridge_logistic_regression(penalty: float) -> None:
    weights, biases = fit_last_layer(FEATURES, LABELS, COUNTS, (np.zeros((1, 6)), np.zeros(1)), penalty)
    strength = penalty * float(np.square(FEATURES).sum(axis=1).mean()) * COUNTS.sum()
    reference = LogisticRegression(C=1 / strength, tol=1e-10, max_iter=5000).fit(FEATURES, LABELS, COUNTS)
    np.testing.assert_allclose(weights, reference.coef_, atol=1e-4)
    np.testing.assert_allclose(biases, reference.intercept_, atol=1e-4)


def test_of_three_classes_it_is_softmax_regression() -> None:
    labels = np.digitize(FEATURES[:, 0], [-0.5, 0.5])
    given = fit_last_layer(FEATURES, labels, np.ones(80), (np.zeros((3, 6)), np.zeros(3)), 0.1)
    strength = 0.1 * float(np.square(FEATURES).sum(axis=1).mean()) * 80
    reference = LogisticRegression(C=1 / strength, tol=1e-10, max_iter=5000).fit(FEATURES, labels)
    logits = FEATURES @ given[0].T + given[1]
    found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, reference.predict_proba(FEATURES), atol=1e-4)


def test_a_large_penalty_keeps_the_weights_and_only_the_bias_moves() -> None:
    start = DRAWS.normal(size=(1, 6)), np.array([-4.0])
    weights, biases = fit_last_layer(FEATURES, LABELS, COUNTS, start, 1e6)
    np.testing.assert_allclose(weights, start[0], atol=1e-4)
    assert biases[0] > -2
