"""How far a detector can be taken at its word on some films: its prediction sets, what it could leave unanswered,
whether these films are like those that it was validated on, and what a call is worth where the finding is rarer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from hilum import confidence
from hilum.bundle import Spec
from hilum.evaluation.truth import BinaryFilms, binary_films, multiclass_films, threshold_of
from hilum.metrics import clusters_of, confusion, intervals, predictive_values
from hilum.metrics.counts import Floats, ratio
from hilum.records import Figure, Predictions

_VALUES = {"positive_predictive_value": "ppv", "negative_predictive_value": "npv"}
FEWEST = 20  # films below which nothing is said of how their scores are distributed


def measure_reliability(spec: Spec, predictions: Predictions, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """What of a detector's certainty its films bear out.

    Args:
        spec: of the bundle that predicted.
        predictions: films with an error are left out, and those without a label where one is needed.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Returns:
        For `metrics.json`, null where it cannot be said: `prediction_sets`: `coverage` promised and achieved, by
        class too, and the mean `size` with the shares of `empty`, `single` and `several`; `selective`: `aurc` and the
        `accuracy` by the share of films answered; `shift`, without any label: whether the scores of these films have
        `moved` from validation's, what that `looks_like`, and the shares of the classes (`prior`) that it would take.
    """
    several = multiclass_films(predictions)
    labels, probs, patients = several.films.labels, several.films.probs, several.patients
    sets = left = None
    if several.rows and spec.conformal:
        achieved = confidence.evaluate_sets(spec.conformal, labels, probs, patients, resamples, seed)
        per_class = dict(zip(predictions.classes, map(asdict, achieved.per_class), strict=True))
        sets = {"promised": spec.conformal.coverage, **asdict(achieved), "per_class": per_class}
    if several.rows:
        answered = confidence.selective(
            labels, probs, predictions.threshold, patients, resamples=resamples, seed=seed
        )
        shares = {f"{share:g}": asdict(figure) for share, figure in answered.accuracy.items()}
        left = {"aurc": asdict(answered.aurc), "accuracy": shares}
    return {"prediction_sets": sets, "selective": left, "shift": _shift(spec, predictions, resamples, seed)}


def at_prevalence(
    predictions: Predictions, prevalence: float, resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """What a call is worth where a share of films is positive: predictive values, by Bayes' rule, with intervals.

    Where no film here is called wrongly, every resample says that a call is certain. The ends are then what the exact
    intervals of sensitivity and specificity give, both at their lower end and both at their upper.

    Args:
        predictions: of two classes; of films with labels.
        prevalence: between 0 and 1.
        resamples: of the patients; 0 gives no intervals.
        seed: where their draws start.

    Returns:
        `prevalence`, and `positive_predictive_value` and `negative_predictive_value` as figures.

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
    return {"prevalence": prevalence, **{name: asdict(figure) for name, figure in figures.items()}}


def _values_at(films: BinaryFilms, threshold: float, prevalence: float, weights: Floats) -> dict[str, Floats]:
    tn, fp, fn, tp = confusion(films.labels, films.probs, threshold, weights)
    found, spared = ratio(tp, tp + fn), ratio(tn, tn + fp)
    values = predictive_values(found, spared, prevalence)
    return {"sensitivity": found, "specificity": spared} | {
        name: np.asarray(getattr(values, short)) for name, short in _VALUES.items()
    }


def _shift(spec: Spec, predictions: Predictions, resamples: int, seed: int) -> dict[str, Any] | None:
    """Whether these films are scored as validation's were; labelled or not, all of them."""
    rows = [row for row in predictions if not row.error]
    if spec.scores is None or len(rows) < FEWEST:
        return None
    probs, patients = np.array([row.probs for row in rows]), [row.film.patient for row in rows]
    found = confidence.prior_shift(spec.scores, probs, patients, resamples, seed)
    return {
        "looks_like": found.looks_like,
        "moved": asdict(found.moved),
        "beyond_prior": asdict(found.beyond),
        "prior": dict(zip(predictions.classes, map(asdict, found.prior), strict=True)),
        "validation_prior": dict(zip(predictions.classes, spec.scores.prior, strict=True)),
        "n": len(rows),
    }
