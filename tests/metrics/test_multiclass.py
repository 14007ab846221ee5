"""Every figure of several classes against scikit-learn, a slow loop or both; weights, and what is undefined."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from sklearn import metrics as reference

from hilum import metrics
from hilum.metrics import binary_metrics, multiclass_metrics
from hilum.metrics.counts import Floats
from hilum.metrics.multiclass import (
    OF_CLASS,
    MulticlassScores,
    checked_multiclass,
    confusion_matrix,
    multiclass_figures_at,
)
from hilum.records import Figure

from .strategies import several_films

Case = tuple[NDArray[np.intp], Floats, Floats]


def at(case: Case) -> dict[str, float]:
    labels, probs, weights = case
    return {
        name: float(value) for name, value in multiclass_figures_at(MulticlassScores(labels, probs), weights).items()
    }


@settings(max_examples=30, deadline=None)
@given(case=several_films())
def test_figures_over_all_classes_are_those_of_scikit_learn(case: Case) -> None:
    labels, probs, weights = case
    called, figures = probs.argmax(axis=1), at(case)
    assert figures["accuracy"] == pytest.approx(reference.accuracy_score(labels, called, sample_weight=weights))
    balanced = reference.balanced_accuracy_score(labels, called, sample_weight=weights)
    assert figures["balanced_accuracy"] == figures["sensitivity"] == pytest.approx(balanced)
    macro = reference.roc_auc_score(labels, probs, multi_class="ovr", sample_weight=weights)
    assert figures["auroc"] == pytest.approx(macro)
    brier = reference.brier_score_loss(labels, probs, sample_weight=weights, labels=range(probs.shape[1]))
    assert figures["brier"] == pytest.approx(brier)
    log_loss = reference.log_loss(labels, probs, sample_weight=weights, labels=range(probs.shape[1]))
    assert figures["log_loss"] == pytest.approx(log_loss)


@settings(max_examples=30, deadline=None)
@given(case=several_films())
def test_figures_of_each_class_are_those_of_scikit_learn(case: Case) -> None:
    labels, probs, weights = case
    called, figures = probs.argmax(axis=1), at(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        precision, recall, f1, _ = reference.precision_recall_fscore_support(
            labels, called, labels=range(probs.shape[1]), sample_weight=weights, zero_division=np.nan
        )
    for number in range(probs.shape[1]):
        of_it = labels == number
        specificity = reference.recall_score(~of_it, called != number, sample_weight=weights)
        auroc = reference.roc_auc_score(of_it, probs[:, number], sample_weight=weights)
        expected = dict(
            zip(OF_CLASS, (auroc, recall[number], specificity, precision[number], f1[number]), strict=True)
        )
        ours = {kind: figures[f"{kind} {number}"] for kind in OF_CLASS}
        assert ours == pytest.approx(expected, nan_ok=True)
    for kind in OF_CLASS:
        each = [figures[f"{kind} {number}"] for number in range(probs.shape[1])]
        assert figures[kind] == pytest.approx(np.mean(each), nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(case=several_films())
def test_a_pair_is_judged_as_if_there_were_no_other_class(case: Case) -> None:
    labels, probs, weights = case
    figures = at(case)
    for a in range(probs.shape[1]):
        for b in range(a + 1, probs.shape[1]):
            among = [number for number in range(labels.size) if labels[number] in (a, b)]
            truth = labels[among] == b
            both = [probs[number, a] + probs[number, b] for number in among]
            score = [probs[number, b] / total if total else 0.5 for number, total in zip(among, both, strict=True)]
            found, times = [value >= 0.5 for value in score], weights[among]
            theirs = {
                "auroc": reference.roc_auc_score(truth, score, sample_weight=times),
                "accuracy": reference.accuracy_score(truth, found, sample_weight=times),
                "sensitivity": reference.recall_score(truth, found, sample_weight=times),
                "specificity": reference.recall_score(~truth, np.logical_not(found), sample_weight=times),
            }
            assert {kind: figures[f"{kind} {a} {b}"] for kind in theirs} == pytest.approx(theirs)


@settings(max_examples=30, deadline=None)
@given(case=several_films())
def test_the_confusion_matrix_is_that_of_scikit_learn(case: Case) -> None:
    labels, probs, weights = case
    called, classes = probs.argmax(axis=1), probs.shape[1]
    theirs = reference.confusion_matrix(labels, called, labels=range(classes), sample_weight=weights)
    np.testing.assert_allclose(confusion_matrix(labels, called, classes, weights), theirs)
    assert confusion_matrix(labels, called, classes, np.stack([weights] * 5)).shape == (5, classes, classes)


@settings(max_examples=30, deadline=None)
@given(case=several_films(all_classes=False))
def test_ece_is_of_the_class_that_is_called(case: Case) -> None:
    labels, probs, _ = case
    error, sure = 0.0, probs.max(axis=1)
    for b in range(15):
        inside = [i for i in range(labels.size) if b / 15 < sure[i] <= (b + 1) / 15]
        if inside:
            right = np.mean([probs[i].argmax() == labels[i] for i in inside])
            error += len(inside) / labels.size * abs(np.mean(sure[inside]) - right)
    assert at((labels, probs, np.ones(labels.size)))["ece"] == pytest.approx(error, abs=1e-12)


def test_so_is_the_debiased_one() -> None:
    draws = np.random.default_rng(4)
    labels, probs = draws.integers(0, 3, 90), draws.dirichlet((1, 1, 1), 90)
    ours = at((labels, probs, np.ones(90)))["ece_debiased"]
    assert ours == metrics.ece_debiased(probs.argmax(axis=1) == labels, probs.max(axis=1))


@settings(max_examples=30, deadline=None)
@given(case=several_films(all_classes=False))
def test_weights_are_copies(case: Case) -> None:
    labels, probs, weights = case
    times = weights.astype(int)
    copied = at((labels.repeat(times), probs.repeat(times, axis=0), np.ones(times.sum())))
    # A copy is not another film: see `ece_debiased`.
    ours = {name: value for name, value in at(case).items() if name != "ece_debiased"}
    assert ours == pytest.approx({name: copied[name] for name in ours}, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(case=several_films())
def test_a_matrix_of_weights_gives_what_its_rows_give(case: Case) -> None:
    labels, probs, weights = case
    matrix = np.stack([weights, np.ones_like(weights), weights[::-1]])
    alone = [at((labels, probs, row)) for row in matrix]
    for name, values in multiclass_figures_at(MulticlassScores(labels, probs), matrix).items():
        assert values.tolist() == pytest.approx([figures[name] for figures in alone], nan_ok=True), name


def test_two_classes_give_what_two_classes_give() -> None:
    draws = np.random.default_rng(1)
    labels, probs = draws.integers(0, 2, 80), draws.random(80)
    several = multiclass_metrics(labels, np.stack([1 - probs, probs], axis=1), resamples=100)
    binary = binary_metrics(labels == 1, probs, 0.5, resamples=100)
    for kind in OF_CLASS:
        assert several.per_class[1][kind] == binary[kind], kind
    for kind in ("auroc", "accuracy", "sensitivity", "specificity"):
        assert several.pairs[0, 1][kind] == binary[kind], kind


def test_a_film_with_no_probability_of_either_is_half_of_each() -> None:
    figures = at((np.array([0, 1]), np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), np.ones(2)))
    assert figures["auroc 0 1"] == figures["accuracy 0 1"] == 0.5


def test_a_class_that_does_not_occur_is_undefined_and_so_is_the_mean() -> None:
    draws = np.random.default_rng(2)
    labels, probs = np.arange(60) % 2, draws.dirichlet((1, 1, 1), 60)
    figures = multiclass_metrics(labels, probs, resamples=50)
    undefined = {name for name, figure in figures.overall.items() if figure.value is None}
    assert undefined == {"auroc", "sensitivity", "balanced_accuracy", "precision", "f1"}
    assert {name for name, figure in figures.per_class[2].items() if figure.value is not None} == {"specificity"}
    assert {name for name, figure in figures.pairs[0, 2].items() if figure.value is not None} == {"specificity"}
    assert all(figure.value is not None for figure in figures.per_class[0].values())
    assert all(figure.value is not None for figure in figures.pairs[0, 1].values())


def test_one_class_alone_and_no_film_at_all() -> None:
    alone = multiclass_metrics([1, 1, 1], np.eye(3), resamples=20)
    assert {name for name, figure in alone.overall.items() if figure.value is not None} == {
        "accuracy",
        "brier",
        "log_loss",
        "ece",
    }
    assert {name for name, figure in alone.per_class[1].items() if figure.value is not None} == {"sensitivity"}
    nothing = multiclass_metrics(np.zeros(0, int), np.zeros((0, 3)), resamples=20)
    assert set(nothing.overall.values()) == {Figure(None)}
    assert {figure for group in (*nothing.per_class, *nothing.pairs.values()) for figure in group.values()} == {
        Figure(None)
    }


def test_every_figure_has_its_interval_from_the_same_patients() -> None:
    draws = np.random.default_rng(3)
    labels = draws.integers(0, 3, 120)
    probs = draws.dirichlet((1, 1, 1), 120) + 0.3 * np.eye(3)[labels]
    probs /= probs.sum(axis=1, keepdims=True)
    figures = multiclass_metrics(labels, probs, [str(number // 2) for number in range(120)], resamples=200)
    for group in (figures.overall, *figures.per_class, *figures.pairs.values()):
        for name, figure in group.items():
            assert figure.value is not None
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low <= figure.value <= figure.high, name
    assert list(figures.pairs) == [(0, 1), (0, 2), (1, 2)]


def test_a_class_that_is_always_found_keeps_an_interval() -> None:
    labels = np.arange(60) % 3
    figures = multiclass_metrics(labels, np.eye(3)[labels])
    assert figures.per_class[0]["sensitivity"].low == pytest.approx(0.025 ** (1 / 20))
    assert figures.per_class[0]["specificity"].low == pytest.approx(0.025 ** (1 / 40))
    assert figures.pairs[0, 1]["accuracy"].low == pytest.approx(0.025 ** (1 / 40))
    assert figures.overall["accuracy"].low == pytest.approx(0.025 ** (1 / 60))
    assert figures.overall["sensitivity"] == Figure(1.0)  # a mean over classes is no share of films


@pytest.mark.parametrize(
    ("labels", "probs", "complaint"),
    [
        ([0, 1], [[0.5, 0.5]], "must be"),
        ([0], [0.5], "must be"),
        ([3], [[0.2, 0.3, 0.5]], "whole numbers from 0 to 2"),
        ([-1], [[0.2, 0.3, 0.5]], "whole numbers"),
        ([0.5], [[0.2, 0.3, 0.5]], "whole numbers"),
        ([0], [[2.0, -1.0, 0.0]], "logits"),
        ([0], [[0.2, 0.2, 0.2]], "add up to 1"),
        ([0], [[np.nan, 0.5, 0.5]], "NaN"),
    ],
)
def test_what_does_not_fit_is_refused(labels: list[float], probs: list[list[float]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        checked_multiclass(labels, probs)
