"""From described films to a fitted scikit-learn pipeline, by a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hilum.classical.models.genetic import GeneticNetwork
from hilum.classical.models.reduction import OneScale, reducer
from hilum.classical.models.selection import Selection
from hilum.classical.models.templates import TemplateScores
from hilum.recipe import Classical

Numbers = NDArray[np.float32]
Steps = list[tuple[str, BaseEstimator]]

_TREES = 300  # of a forest
_ROUNDS = 200  # of boosting


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Described films to fit on.

    Attributes:
        numbers: (n, d) float32, finite.
        labels: (n,) int64 indices of classes.
        weights: (n,) float64, how much each film counts.
        folds: (n,) int64, which fold each lies in; a patient's films share one.
        validation_mask: (n,) bool, films held out for a classifier that validates while it is fitted; a patient's
            are all or none.
    """

    numbers: Numbers
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]
    folds: NDArray[np.int64]
    validation_mask: NDArray[np.bool_]

    def subset(self, films: NDArray[np.bool_]) -> TrainingSet:
        """Some of the films; `films` is (n,)."""
        return TrainingSet(
            self.numbers[films],
            self.labels[films],
            self.weights[films],
            self.folds[films],
            self.validation_mask[films],
        )

    def with_numbers(self, numbers: Numbers) -> TrainingSet:
        """The same films by other numbers."""
        return replace(self, numbers=numbers)


def fit_steps(films: TrainingSet, spec: Classical, count: int, seed: int) -> tuple[Steps, Numbers]:
    """Fit everything that comes before the classifier.

    Args:
        films: the films to fit on.
        spec: the recipe's choices.
        count: how many numbers a selection keeps.
        seed: where draws start.

    Returns:
        The fitted steps, and the films' numbers after them, (n, k).
    """
    planned: Steps = [("standardise", StandardScaler())] if spec.describe == "features" else []
    if spec.select != "none":
        planned.append(("select", Selection(spec.select, count)))
    for reduction, components in zip(spec.reduce, spec.components, strict=True):
        if reduction == "templates":
            choices = spec.templates
            matching = TemplateScores(choices.kind, choices.per_class, choices.scales, choices.reach, seed)
            planned += [(reduction, matching), (f"standardise {reduction}", StandardScaler())]
        else:
            planned += [(reduction, reducer(reduction, components, seed)), (f"scale {reduction}", OneScale())]
    numbers = films.numbers
    for _, step in planned:
        numbers = step.fit(numbers, films.labels).transform(numbers)
    return planned, numbers


def fit_classifier(
    films: TrainingSet, spec: Classical, strength: float, seed: int, *, probabilities: bool = True
) -> BaseEstimator:
    """Fit the classifier.

    Args:
        films: by their numbers after the steps before it.
        spec: the recipe's choices.
        strength: one of `spec.strengths`.
        seed: where draws start.
        probabilities: whether it has to give probabilities; a support vector machine that need not is fitted faster.

    Returns:
        An estimator with `predict_proba`, or without probabilities `decision_function`.
    """
    if spec.classifier == "genetic":
        genes = spec.genetic
        network = GeneticNetwork(
            genes.hidden, genes.population, genes.generations, genes.crossover, genes.mutation, genes.epochs,
            strength, seed,
        )  # fmt: skip
        return network.fit(films.numbers, films.labels, films.weights, films.validation_mask)
    classifier: Any
    match spec.classifier:
        case "logistic":
            classifier = LogisticRegression(C=strength, max_iter=5000)
        case "svm":
            classifier = SVC(C=strength)
            if probabilities:
                # Platt's sigmoid over margins of films whose patients the machine had not seen.
                classifier = CalibratedClassifierCV(classifier, cv=_splits(films.folds), ensemble=False)
        case "forest":
            classifier = RandomForestClassifier(_TREES, min_samples_leaf=strength, n_jobs=-1, random_state=seed)
        case "boosting":
            classifier = HistGradientBoostingClassifier(
                learning_rate=strength, max_iter=_ROUNDS, early_stopping=False, random_state=seed
            )
    classifier.fit(films.numbers, films.labels, sample_weight=films.weights)
    return _without_fitting_state(classifier)


def fit_pipeline(films: TrainingSet, spec: Classical, count: int, strength: float, seed: int) -> Pipeline:
    """Fit the whole: from described films to probabilities."""
    steps, numbers = fit_steps(films, spec, count, seed)
    return Pipeline([*steps, ("classifier", fit_classifier(films.with_numbers(numbers), spec, strength, seed))])


def scores_of(classifier: BaseEstimator, numbers: Numbers, classes: int) -> NDArray[np.float64]:
    """Scores that rank films by each class, (n, classes): probabilities, or margins where there are none."""
    if hasattr(classifier, "predict_proba"):
        return np.asarray(classifier.predict_proba(numbers))
    margins = np.asarray(classifier.decision_function(numbers))
    return np.stack([-margins, margins], axis=1) if classes == 2 else margins


def film_weights(
    labels: NDArray[np.int64], classes: Sequence[str], scheme: str | tuple[float, ...]
) -> NDArray[np.float64]:
    """How much each film counts, on average 1, by `training.class_weights`.

    `balanced` weighs a class by the share of films that are not of it, as the networks' loss does.

    Raises:
        ValueError: not one weight a class.
    """
    counts = np.bincount(labels, minlength=len(classes))
    if scheme == "balanced":
        of_class = 1 - counts / counts.sum()
    elif scheme == "none":
        of_class = np.ones(len(classes))
    else:
        of_class = np.array(scheme, dtype=np.float64)
        if len(of_class) != len(classes):
            raise ValueError(f"{len(of_class)} weights for the {len(classes)} classes {', '.join(classes)}")
    weights = of_class[labels]
    return np.asarray(weights / weights.mean())


def _without_fitting_state(classifier: Any) -> Any:
    """A fitted classifier without what only its fitting needed."""
    if isinstance(classifier, CalibratedClassifierCV):
        classifier.set_params(cv=None)  # a list of all films
    if isinstance(classifier, RandomForestClassifier):
        classifier.set_params(n_jobs=None)  # a film at a time is faster without
    vars(classifier).pop("_feature_subsample_rng", None)  # of boosting: a generator's state, which is no number
    return classifier


def _splits(folds: NDArray[np.int64]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
