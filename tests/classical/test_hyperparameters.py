"""What is chosen is chosen on other patients, and judged on patients that had no say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from hilum.classical.hyperparameters import auroc_of, select_hyperparameters
from hilum.classical.models.pipeline import TrainingSet
from hilum.classical.models.selection import Selection
from tests.classical.simulated import spec_of, training_set

FILMS = training_set(films=160, numbers=8)
COUNTS, STRENGTHS = (3, 6), (0.01, 1.0)
SPEC = spec_of(select="mutual-information", selected=COUNTS, strengths=STRENGTHS, folds=4)


def by_hand(learnt: TrainingSet, judged: TrainingSet, count: int, strength: float) -> float:
    scaled = StandardScaler().fit(learnt.numbers)
    kept = Selection("mutual-information", count).fit(scaled.transform(learnt.numbers), learnt.labels)
    model = LogisticRegression(C=strength, max_iter=5000)
    model.fit(kept.transform(scaled.transform(learnt.numbers)), learnt.labels, sample_weight=learnt.weights)
    scores = model.decision_function(kept.transform(scaled.transform(judged.numbers)))
    return float(roc_auc_score(judged.labels, scores))


def test_is_nested_cross_validation_as_a_slow_loop_does_it() -> None:
    choices = [(count, strength) for count in COUNTS for strength in STRENGTHS]
    means, outer = [], []
    for choice in choices:
        means.append(np.mean([by_hand(FILMS.subset(FILMS.folds != k), FILMS.subset(FILMS.folds == k), *choice)
                              for k in range(4)]))  # fmt: skip
    for out in range(4):
        rest, held = FILMS.subset(FILMS.folds != out), FILMS.subset(FILMS.folds == out)
        inner = [
            np.mean([by_hand(rest.subset(rest.folds != k), rest.subset(rest.folds == k), *choice)
                     for k in range(4) if k != out])
            for choice in choices
        ]  # fmt: skip
        outer.append(by_hand(rest, held, *choices[int(np.argmax(inner))]))
    rows: list[dict[str, float]] = []
    chosen = select_hyperparameters(FILMS, SPEC, 2, seed=0, on_row=rows.append)
    assert (chosen.count, chosen.strength) == choices[int(np.argmax(means))]
    *tried, made = chosen.history
    assert [(row["selected"], row["strength"]) for row in tried] == choices
    np.testing.assert_allclose([row["folds_auroc"] for row in tried], means, atol=1e-9)
    assert made["nested_auroc"] == pytest.approx(np.mean(outer), abs=1e-9)
    assert choices[int(made["choice"]) - 1] == (chosen.count, chosen.strength)
    assert rows == list(chosen.history)


def test_of_one_choice_the_cross_validation_is_the_nested_one() -> None:
    choice = select_hyperparameters(FILMS, spec_of(folds=4), 2, seed=0)
    assert choice.history[0]["folds_auroc"] == choice.history[1]["nested_auroc"]
    assert "selected" not in choice.history[0]


def test_two_folds_choose_and_leave_nobody_to_judge_the_choosing() -> None:
    films = training_set(films=160, folds=2)
    choice = select_hyperparameters(films, spec_of(strengths=[0.1, 1.0], folds=2), 2, seed=0)
    assert len(choice.history) == 2
    assert all("nested_auroc" not in row for row in choice.history)


def test_without_folds_nothing_is_tried() -> None:
    choice = select_hyperparameters(
        FILMS, spec_of(select="recursive", selected=[7, 3], strengths=[2.0, 1.0], folds=0), 2, seed=0
    )
    assert (choice.count, choice.strength, choice.history) == (7, 2.0, ())


def test_the_auroc_of_several_classes_is_the_mean_of_each_against_the_rest() -> None:
    films = training_set(films=90, classes=3)
    scores = np.random.default_rng(0).dirichlet(np.ones(3), 90)
    expected = roc_auc_score(films.labels, scores, multi_class="ovr")
    assert auroc_of(scores, films.labels) == pytest.approx(expected)


@pytest.mark.parametrize("classifier", ["svm", "genetic"])
def test_every_classifier_can_be_chosen_among(classifier: str) -> None:
    few = {"generations": 1, "population": 6, "epochs": 20}
    spec = spec_of(classifier=classifier, genetic=few, strengths=[0.1, 1.0], folds=4)
    rows = select_hyperparameters(FILMS, spec, 2, seed=0).history
    assert len(rows) == 3
    assert all(0.7 < row["folds_auroc"] <= 1 for row in rows[:2])
