"""How far a detector's probabilities can be relied on for some films: its prediction sets, what it could leave
unanswered, whether the scores are distributed as in validation, and predictive values at another prevalence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum import confidence
from hilum.bundle import Spec
from hilum.confidence import Conformal
from hilum.evaluation.result_parts import AtPrevalence, PredictionSetsResult, SelectiveResult, ShiftResult
from hilum.evaluation.truth import BinaryFilms, MulticlassFilms, binary_films, multiclass_films, threshold_of
from hilum.metrics import clusters_of, confusion, intervals, predictive_values
from hilum.metrics.counts import Floats, ratio
from hilum.records import Figure, Predictions

_VALUES = {"positive_predictive_value": "ppv", "negative_predictive_value": "npv"}
FEWEST = 20  # films below which nothing is said of how their scores are distributed


class ReliabilityResult(NamedTuple):
    """What is known of how far probabilities can be relied on; each is None where the films do not allow it."""

    prediction_sets: PredictionSetsResult | None
    selective: SelectiveResult | None
    shift: ShiftResult | None


def measure_reliability(
    spec: Spec, predictions: Predictions, resamples: int = 2000, seed: int = 0
) -> ReliabilityResult:
    """Measure how far a bundle's probabilities can be relied on for some films.

    Args:
        spec: of the bundle that predicted.
        predictions: films with an error are omitted, and those without a label where one is needed.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.
    """
    films = multiclass_films(predictions)
    return ReliabilityResult(
        _prediction_sets(spec, films, predictions.classes, resamples, seed),
        measure_selective(predictions, resamples, seed),
        _shift(spec, predictions, resamples, seed),
    )


def measure_selective(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> SelectiveResult | None:
    """The accuracy where only the most certain films are answered; None without a labelled film.

    Args:
        predictions: of a bundle, or of any other model.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.
    """
    films = multiclass_films(predictions)
    if not films.rows:
        return None
    answered = confidence.selective(
        films.scores.labels, films.scores.probs, predictions.threshold, films.patients, resamples=resamples, seed=seed
    )
    return SelectiveResult(answered.aurc, {f"{share:g}": figure for share, figure in answered.accuracy.items()})


def _prediction_sets(
    spec: Spec, films: MulticlassFilms, classes: tuple[str, ...], resamples: int, seed: int
) -> PredictionSetsResult | None:
    if not (films.rows and spec.conformal):
        return None
    labels, probs = films.scores.labels, films.scores.probs
    return sets_result(spec.conformal, classes, labels, probs, films.patients, resamples, seed)


def sets_result(
    conformal: Conformal,
    classes: Sequence[str],
    labels: NDArray[np.intp],
    probs: Floats,
    patients: Sequence[str],
    resamples: int,
    seed: int,
) -> PredictionSetsResult:
    """What prediction sets achieve on films with labels; as `confidence.evaluate_sets`, with the classes' names."""
    achieved = confidence.evaluate_sets(conformal, labels, probs, patients, resamples, seed)
    return PredictionSetsResult(
        promised=conformal.coverage,
        coverage=achieved.coverage,
        per_class=dict(zip(classes, achieved.per_class, strict=True)),
        size=achieved.size,
        empty=achieved.empty,
        single=achieved.single,
        several=achieved.several,
        single_accuracy=achieved.single_accuracy,
    )


def at_prevalence(predictions: Predictions, prevalence: float, resamples: int = 2000, seed: int = 0) -> AtPrevalence:
    """Predictive values where a share of films is positive, by Bayes' rule, with intervals.

    Where no film here is called wrongly, every resample has a predictive value of 1. The ends are then what the exact
    intervals of sensitivity and specificity give, both at their lower end and both at their upper.

    Args:
        predictions: of two classes; of films with labels.
        prevalence: between 0 and 1.
        resamples: of the patients; 0 gives no intervals.
        seed: where their draws start.

    Raises:
        RequestError: predictions of more than two classes.
    """
    films, threshold = binary_films(predictions), threshold_of(predictions)
    figures = intervals(
        lambda weights: _values_at(films, threshold, prevalence, weights),
        clusters_of(films.labels, films.patients),
        resamples,
        seed,
        {"sensitivity": films.labels, "specificity": ~films.labels},
    )
    found, spared = figures.pop("sensitivity"), figures.pop("specificity")
    ends = [
        predictive_values(np.array(sensitivity), np.array(specificity), prevalence)
        for sensitivity, specificity in ((found.low, spared.low), (found.high, spared.high))
        if sensitivity is not None and specificity is not None
    ]
    for name, figure in figures.items():
        if ends and figure.value in (0.0, 1.0) and figure.low is None:
            low, high = (float(getattr(end, _VALUES[name])) for end in ends)
            figures[name] = Figure(figure.value, low, high)
    return AtPrevalence(prevalence=prevalence, **{name: figures[name] for name in _VALUES})


def _values_at(films: BinaryFilms, threshold: float, prevalence: float, weights: Floats) -> dict[str, Floats]:
    tn, fp, fn, tp = confusion(films.labels, films.probs, threshold, weights)
    found, spared = ratio(tp, tp + fn), ratio(tn, tn + fp)
    values = predictive_values(found, spared, prevalence)
    return {"sensitivity": found, "specificity": spared} | {
        name: np.asarray(getattr(values, short)) for name, short in _VALUES.items()
    }


def _shift(spec: Spec, predictions: Predictions, resamples: int, seed: int) -> ShiftResult | None:
    """Whether the scores of all these films, labelled or not, are distributed as validation's."""
    rows = [row for row in predictions if not row.error]
    if spec.scores is None or len(rows) < FEWEST:
        return None
    probs, patients = np.array([row.probs for row in rows]), [row.film.patient for row in rows]
    found = confidence.prior_shift(spec.scores, probs, patients, resamples, seed)
    return ShiftResult(
        looks_like=found.looks_like,
        moved=found.moved,
        beyond_prior=found.beyond,
        prior=dict(zip(predictions.classes, found.prior, strict=True)),
        validation_prior=dict(zip(predictions.classes, spec.scores.prior, strict=True)),
        n=len(rows),
    )
