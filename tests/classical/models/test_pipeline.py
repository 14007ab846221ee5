"""What a recipe asks for is a scikit-learn pipeline that anyone could put together by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hilum.classical.models.pipeline import film_weights, fit_classifier, fit_pipeline, scores_of
from hilum.classical.models.reduction import OneScale
from tests.classical.simulated import spec_of, training_set

FILMS, NEW = training_set(seed=0), training_set(films=50, seed=1)


@pytest.mark.parametrize(
    ("classifier", "strength", "by_hand"),
    [
        ("logistic", 0.3, LogisticRegression(C=0.3, max_iter=5000)),
        ("forest", 0.02, RandomForestClassifier(300, min_samples_leaf=0.02, random_state=3)),
        ("boosting", 0.1, HistGradientBoostingClassifier(learning_rate=0.1, max_iter=200, early_stopping=False,
                                                         random_state=3)),
    ],
)  # fmt: skip
def test_features_are_standardised_and_classified(classifier: str, strength: float, by_hand: Any) -> None:
    fitted = fit_pipeline(FILMS, spec_of(classifier=classifier), 5, strength, seed=3)
    scaled = StandardScaler().fit(FILMS.numbers)
    by_hand.fit(scaled.transform(FILMS.numbers), FILMS.labels, sample_weight=FILMS.weights)
    expected = by_hand.predict_proba(scaled.transform(NEW.numbers))
    np.testing.assert_allclose(fitted.predict_proba(NEW.numbers), expected, atol=1e-6)


def test_margins_become_probabilities_by_films_of_other_patients() -> None:
    fitted = fit_pipeline(FILMS, spec_of(classifier="svm"), 5, 2.0, seed=3)
    scaled = StandardScaler().fit(FILMS.numbers)
    splits = [(np.flatnonzero(FILMS.folds != fold), np.flatnonzero(FILMS.folds == fold)) for fold in range(4)]
    by_hand = CalibratedClassifierCV(SVC(C=2.0), cv=splits, ensemble=False)
    by_hand.fit(scaled.transform(FILMS.numbers), FILMS.labels, sample_weight=FILMS.weights)
    expected = by_hand.predict_proba(scaled.transform(NEW.numbers))
    np.testing.assert_allclose(fitted.predict_proba(NEW.numbers), expected, atol=1e-6)
    margins = fit_classifier(FILMS, spec_of(classifier="svm"), 2.0, seed=3, probabilities=False)
    assert scores_of(margins, NEW.numbers, 2).shape == (50, 2)


def test_reductions_come_one_after_the_other() -> None:
    spec = spec_of(describe="grey", reduce=["pca", "lda"], components=[6, 0], classifier="logistic")
    fitted = fit_pipeline(FILMS, spec, 5, 1.0, seed=3)
    assert [name for name, _ in fitted.steps] == ["pca", "scale pca", "lda", "scale lda", "classifier"]
    by_hand = make_pipeline(PCA(6, random_state=3), OneScale()).fit(FILMS.numbers)
    np.testing.assert_allclose(fitted[:2].transform(NEW.numbers), by_hand.transform(NEW.numbers), atol=1e-5)


@pytest.mark.parametrize("select", ["mutual-information", "recursive", "l1"])
def test_a_selection_comes_behind_the_standardising(select: str) -> None:
    fitted = fit_pipeline(FILMS, spec_of(select=select), 4, 1.0, seed=3)
    assert [name for name, _ in fitted.steps] == ["standardise", "select", "classifier"]
    assert fitted["select"].mask_[:2].all()


@pytest.mark.parametrize("classifier", ["logistic", "svm", "forest", "boosting", "genetic"])
def test_of_three_classes_probabilities_add_up_to_one(classifier: str) -> None:
    three, new = training_set(classes=3), training_set(films=30, classes=3, seed=1)
    few = {"generations": 2, "population": 6, "epochs": 30}
    fitted = fit_pipeline(three, spec_of(classifier=classifier, genetic=few), 5, 0.1, seed=3)
    probs = fitted.predict_proba(new.numbers)
    assert probs.shape == (30, 3)
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=1e-6)
    assert (probs.argmax(axis=1) == new.labels).mean() > 0.5


def test_classes_weigh_as_in_the_networks_loss() -> None:
    """The study's 1,342 normal films and 3,876 with pneumonia: [3876, 1342] / 5218."""
    labels = np.repeat([0, 1], [1342, 3876])
    weights = film_weights(labels, ("NORMAL", "PNEUMONIA"), "balanced")
    assert weights[0] / weights[-1] == pytest.approx(3876 / 1342)
    assert weights.mean() == pytest.approx(1)
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum())
    assert np.ptp(film_weights(labels, ("NORMAL", "PNEUMONIA"), "none")) == 0
    assert film_weights(labels, ("NORMAL", "PNEUMONIA"), (3.0, 1.0))[0] / weights.mean() > 1
    with pytest.raises(ValueError, match="3 weights for the 2 classes NORMAL, PNEUMONIA"):
        film_weights(labels, ("NORMAL", "PNEUMONIA"), (1.0, 1.0, 1.0))
