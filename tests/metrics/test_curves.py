from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as reference

from hilum.metrics import auroc, ece, pr_curve, reliability, roc_curve
from hilum.metrics.counts import Bools, Floats

from .strategies import films


@settings(max_examples=30)
@given(case=films())
def test_roc_agrees_with_scikit_learn(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, weights = case
    for sample_weight in (None, weights):
        ours = roc_curve(labels, probs, sample_weight)
        theirs = reference.roc_curve(labels, probs, sample_weight=sample_weight, drop_intermediate=False)
        # scikit-learn leaves films of weight 0 out, and their scores with them: compare the curves' shapes.
        assert np.trapezoid(ours.sensitivity, ours.false_positive_rate) == pytest.approx(
            reference.auc(theirs[0], theirs[1]), abs=1e-12
        )
        if sample_weight is None:
            for mine, other in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(mine, other, atol=1e-12)


@settings(max_examples=30)
@given(case=films())
def test_pr_agrees_with_scikit_learn(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, _ = case
    ours = pr_curve(labels, probs)
    precision, recall, thresholds = reference.precision_recall_curve(labels, probs)
    np.testing.assert_allclose(ours.precision[::-1], precision[:-1], atol=1e-12)
    np.testing.assert_allclose(ours.recall[::-1], recall[:-1], atol=1e-12)
    np.testing.assert_allclose(ours.thresholds[::-1], thresholds)


@settings(max_examples=30)
@given(case=films())
def test_reliability_sums_to_the_ece(case: tuple[Bools, Floats, Floats]) -> None:
    labels, probs, weights = case
    bins = reliability(labels, probs, weights)
    assert bins.edges.shape == (16,)
    assert bins.films.sum() == weights.sum()
    assert (np.isnan(bins.mean_prob) == (bins.films == 0)).all()
    gaps = bins.films / bins.films.sum() * np.abs(bins.mean_prob - bins.frequency)
    assert np.nansum(gaps) == pytest.approx(float(ece(labels, probs, weights)), abs=1e-12)


def test_a_missing_class_leaves_its_axis_undefined() -> None:
    curve = roc_curve([True, True], [0.1, 0.9])
    assert np.isnan(curve.false_positive_rate).all()
    assert curve.sensitivity.tolist() == [0, 0.5, 1]
    assert np.isnan(pr_curve([False], [0.3]).recall).all()
    assert np.isnan(auroc([True, True], [0.1, 0.9]))


def test_no_film_gives_no_point() -> None:
    assert roc_curve([], []).thresholds.tolist() == [np.inf]
    assert pr_curve([], []).thresholds.size == 0
    assert reliability([], []).films.sum() == 0
