"""Every figure against scikit-learn, a slow loop or both; ties, weights and what is undefined."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from hilum import metrics
from hilum.metrics import binary_metrics
from hilum.metrics.binary import figures_at
from hilum.metrics.counts import Bools, Floats

from .strategies import films

THRESHOLD = 0.5


RANKING: dict[str, tuple[Callable[..., Floats], Callable[..., float]]] = {
    "auroc": (metrics.auroc, reference.roc_auc_score),
    "average_precision": (metrics.average_precision, reference.average_precision_score),
    "brier": (metrics.brier, reference.brier_score_loss),
    "log_loss": (metrics.log_loss, reference.log_loss),
}
DECIDING: dict[str, tuple[Callable[..., Floats], Callable[..., float]]] = {
    "accuracy": (metrics.accuracy, reference.accuracy_score),
    "sensitivity": (metrics.sensitivity, lambda *a, **k: reference.recall_score(*a, zero_division=np.nan, **k)),
    "recall": (metrics.recall, lambda *a, **k: reference.recall_score(*a, zero_division=np.nan, **k)),
    "specificity": (
        metrics.specificity,
        lambda *a, **k: reference.recall_score(*a, pos_label=False, zero_division=np.nan, **k),
    ),
    "balanced_accuracy": (metrics.balanced_accuracy, reference.balanced_accuracy_score),
    "precision": (metrics.precision, lambda *a, **k: reference.precision_score(*a, zero_division=np.nan, **k)),
    "f1": (metrics.f1, lambda *a, **k: reference.f1_score(*a, zero_division=np.nan, **k)),
}


@pytest.mark.parametrize("name", RANKING)
@settings(max_examples=30)
@given(case=films())
def test_figures_of_scores_agree_with_scikit_learn(name: str, case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, weights = case
    ours, theirs = RANKING[name]
    assert float(ours(labels, probs)) == pytest.approx(theirs(labels, probs), abs=1e-12)
    assert float(ours(labels, probs, weights)) == pytest.approx(
        theirs(labels, probs, sample_weight=weights), abs=1e-12
    )


@pytest.mark.parametrize("name", DECIDING)
@settings(max_examples=30)
@given(case=films(), threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_figures_of_decisions_agree_with_scikit_learn(
    name: str, case: tuple[Bools, Floats, Floats], threshold: float
) -> None:
    labels, probs, weights = case
    ours, theirs = DECIDING[name]
    called = probs >= threshold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert float(ours(labels, probs, threshold)) == pytest.approx(theirs(labels, called), abs=1e-12, nan_ok=True)
        assert float(ours(labels, probs, threshold, weights)) == pytest.approx(
            theirs(labels, called, sample_weight=weights), abs=1e-12, nan_ok=True
        )


@settings(max_examples=40)
@given(case=films())
def test_auroc_is_the_chance_that_a_positive_film_is_scored_higher(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, weights = case
    won = pairs = 0.0
    for positive in np.flatnonzero(labels):
        for negative in np.flatnonzero(~labels):
            times = weights[positive] * weights[negative]
            pairs += times
            won += times * (np.sign(probs[positive] - probs[negative]) + 1) / 2
    assert float(metrics.auroc(labels, probs, weights)) == pytest.approx(won / pairs, abs=1e-12)


@settings(max_examples=40)
@given(case=films())
def test_a_matrix_of_weights_gives_what_its_rows_give(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, weights = case
    matrix = np.stack([weights, np.ones_like(weights), weights[::-1]])
    together = figures_at(labels, probs, THRESHOLD, matrix)
    for name, values in together.items():
        function = getattr(metrics, name)
        arguments = (labels, probs) if name in {*RANKING, "ece", "ece_debiased"} else (labels, probs, THRESHOLD)
        assert values.shape == (3,)
        for row, value in zip(matrix, values, strict=True):
            assert float(function(*arguments, row)) == pytest.approx(float(value), abs=1e-12, nan_ok=True)
        assert function(*arguments, matrix[None]).shape == (1, 3)


@settings(max_examples=40)
@given(case=films())
def test_weights_are_copies(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, weights = case
    times = weights.astype(int)
    copied = figures_at(labels.repeat(times), probs.repeat(times), THRESHOLD, np.ones(times.sum()))
    for name, value in figures_at(labels, probs, THRESHOLD, weights).items():
        if name == "ece_debiased":
            continue  # a copy is not another film
        assert float(value) == pytest.approx(float(copied[name]), abs=1e-9, nan_ok=True), name


def test_one_class_leaves_what_compares_two_undefined() -> None:
    for labels in ([True, True], [False, False]):
        assert math.isnan(metrics.auroc(labels, [0.2, 0.8]))
        assert math.isnan(metrics.average_precision(labels, [0.2, 0.8]))
        assert math.isnan(metrics.balanced_accuracy(labels, [0.2, 0.8], THRESHOLD))
    assert math.isnan(metrics.sensitivity([False], [0.2], THRESHOLD))
    assert math.isnan(metrics.specificity([True], [0.2], THRESHOLD))
    assert math.isnan(metrics.precision([True, False], [0.2, 0.2], THRESHOLD))
    assert math.isnan(metrics.f1([False], [0.2], THRESHOLD))


def test_being_sure_and_wrong_costs_much_but_not_everything() -> None:
    assert float(metrics.log_loss([True, False], [0.5, 0.5])) == pytest.approx(math.log(2))
    assert float(metrics.log_loss([True, False], [0.0, 1.0])) == pytest.approx(-math.log(np.finfo(float).eps))
    assert float(metrics.log_loss([True, True], [0.5, 1.0])) == pytest.approx(math.log(2) / 2)


def test_no_film_leaves_everything_undefined() -> None:
    for name, figure in binary_metrics([], [], THRESHOLD).items():
        assert figure.value is figure.low is figure.high is None, name
    for value in figures_at(np.zeros(0, bool), np.zeros(0), THRESHOLD, np.ones((4, 0))).values():
        assert value.shape == (4,)
        assert np.isnan(value).all()
