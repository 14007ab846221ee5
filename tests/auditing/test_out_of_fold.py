"""Cross-validation by patient, against scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from hilum.auditing.out_of_fold import auroc_of_fact, cut, most_separable_class, out_of_fold

LABELS = [("A", "B", "B")[number % 3] for number in range(90)]
PATIENTS = [f"p{number // 3}" if number < 60 else "" for number in range(90)]


def test_every_film_is_held_out_once_and_no_patient_is_cut() -> None:
    folds = cut(LABELS, PATIENTS)
    assert sorted(np.concatenate(folds.held_out).tolist()) == list(range(90))
    for test in folds.held_out:
        here = {PATIENTS[film] for film in test} - {""}
        there = {PATIENTS[film] for film in set(range(90)) - set(test.tolist())}
        assert not here & there
        assert {LABELS[film] for film in test} == {"A", "B"}


@pytest.mark.parametrize(
    ("labels", "patients", "says"),
    [
        ([], [], "no labels"),
        (["A"] * 30, [""] * 30, "one class only"),
        (["A"] * 30 + ["B"] * 9, [""] * 39, "B has 9 films of 9 patients; 10 of 5 are needed"),
        (["A"] * 30 + ["B"] * 12, [""] * 30 + ["p"] * 12, "B has 12 films of 1 patient"),
    ],
)
def test_too_little_to_cut_is_said(labels: list[str], patients: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cut(labels, patients)


def test_probabilities_are_those_of_a_fit_without_the_fold() -> None:
    rng = np.random.default_rng(0)
    folds = cut(LABELS, PATIENTS)
    features = rng.normal(size=(90, 3)) + folds.labels[:, None] * [2, 0, 0]
    probs, (noise, signal) = out_of_fold(folds, features, LogisticRegression, [[1, 2], [0]])
    for test in folds.held_out:
        train = np.setdiff1d(np.arange(90), test)
        by_hand = LogisticRegression().fit(features[train], folds.labels[train]).predict_proba(features[test])
        assert probs[test] == pytest.approx(by_hand)
    name, figure = most_separable_class(folds, probs)
    assert name == "B"
    assert figure.value is not None
    assert figure.value == pytest.approx(roc_auc_score(folds.labels, probs[:, 1]))
    assert roc_auc_score(folds.labels, signal[:, 1]) < figure.value - 0.2
    assert roc_auc_score(folds.labels, noise[:, 1]) == pytest.approx(figure.value, abs=0.05)


def test_a_fact_that_one_film_alone_has_takes_no_part_where_it_is_unknown() -> None:
    folds = cut(LABELS, PATIENTS)
    features = np.random.default_rng(0).normal(size=(90, 2)) + folds.labels[:, None] * [2, 0]
    alone = np.column_stack([features, np.full(90, np.nan)])
    alone[7, 2] = 1.0

    def make() -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5, early_stopping=False, random_state=0)

    probs, _ = out_of_fold(folds, alone, make, [[2]])
    assert probs == pytest.approx(out_of_fold(folds, features, make)[0])


def test_of_several_classes_the_best_told_is_named() -> None:
    folds = cut(["A", "B", "C"] * 20, [""] * 60)
    probs = np.full((60, 3), 1 / 3)
    probs[folds.labels == 1] = [0.1, 0.8, 0.1]
    name, figure = most_separable_class(folds, probs)
    assert (name, figure.value) == ("B", 1.0)


def test_one_fact_alone() -> None:
    truth = np.array([True, False, True, False, True, False])
    column = np.array([0.1, 0.5, 0.2, 0.4, np.nan, 0.2])
    wanted = roc_auc_score(~truth, np.nan_to_num(column, nan=-1))
    assert auroc_of_fact(truth, column) == pytest.approx(wanted)
    assert auroc_of_fact(truth, np.zeros(6)) == 0.5
