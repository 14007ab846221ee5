"""What is chosen on validation films: calibration, operating point and prediction sets; and the figures there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from hilum import confidence, metrics
from hilum.bundle.spec import Decisions, OperatingPoint
from hilum.confidence import Calibration, Conformal, calibrated
from hilum.errors import RecipeError, RequestError
from hilum.metrics.counts import Bools, Floats
from hilum.recipe import Recipe
from hilum.recipe.learning import BundleSettings
from hilum.records import Figure

MOST_PROMISED = 0.99  # of each class: more than some hundred films of a class cannot show


class ShiftedFilms(NamedTuple):
    """The films under the shifts of some batteries, and which of them were taken alike.

    Attributes:
        probs: by battery: probabilities before calibration, (shifts, n, classes).
        groups: (n,) int, the number of the group of acquisition that each film belongs to.
    """

    probs: Mapping[str, Floats]
    groups: np.ndarray


def check_promise(settings: BundleSettings) -> None:
    """Refuse a recipe whose prediction sets promise more than validation films can show.

    Raises:
        RecipeError: it promises more than 0.99.
    """
    if settings.coverage > MOST_PROMISED:
        raise RecipeError(
            f"bundle.coverage = {settings.coverage:g}: prediction sets promise at most {MOST_PROMISED:g} of each "
            f"class, as a hundred patients are needed to show that; set bundle.coverage={MOST_PROMISED:g} or less"
        )


def fit_decisions(
    probs_per_view: Sequence[Floats],
    labels: np.ndarray,
    patients: Sequence[str],
    classes: tuple[str, ...],
    recipe: Recipe,
    films: str,
    shifted: ShiftedFilms | None = None,
) -> Decisions:
    """Choose calibration, threshold and prediction sets, and give the figures.

    Two classes are told apart at a threshold. Clean validation films are often separated so well that any threshold
    in a wide range is as good; which one is taken then decides how the detector does on films of another machine.
    Drawn views of the films, which are harder, narrow it down; the calibration is fitted on them too. Prediction sets
    and figures are of the films as they are.

    With the films under shifts, those take the views' part, and the sets keep their promise under the worst of these
    conditions (`confidence.fit_worst_case`): the films as they are, each battery's, each group of acquisition. A
    group with too few patients of a class says nothing about that class.

    Of more classes the most probable is predicted, and there is no threshold to choose.

    Args:
        probs_per_view: probabilities of the films, each (n, classes), before calibration: first of the films as they
            are, then of each augmented view of them.
        labels: (n,) indices of classes.
        patients: whose film each is; empty where nobody knows.
        classes: the positive one last.
        recipe: `[bundle]` and the seed.
        films: which they are, in words.
        shifted: the same films under shifts.

    Returns:
        What was chosen; its figures, with 95% intervals, are those of `metrics.binary_metrics`, or those of
        `metrics.multiclass_metrics` over all classes with each class's named `figure/class`.

    Raises:
        RequestError: the recipe asks for what these films cannot give.
    """
    spec, views = recipe.bundle, len(probs_per_view) - 1
    chosen_on = films + (f" and {views} augmented views of each" if views else "")
    if shifted is not None:
        chosen_on += f", as they are and under the shifts of {', '.join(shifted.probs)}"
        probs_per_view = [*probs_per_view, *(probs for battery in shifted.probs.values() for probs in battery)]
    # Where nobody knows whose a film is, its views are still of one patient.
    whose = [patient or f"\0{number}" for number, patient in enumerate(patients)] * len(probs_per_view)
    pooled = np.tile(labels, len(probs_per_view)), np.concatenate(probs_per_view)
    calibration = _calibration(recipe, *pooled, whose, chosen_on)
    probs = calibrated(calibration, probs_per_view[0])
    if len(classes) > 2:
        point = OperatingPoint(None, "argmax", "nothing: the most probable class is predicted")
        figures = _of_several(labels, probs, patients, classes, recipe.seed)
    else:
        point = _point(spec, pooled[0] == 1, pooled[1][:, 1], calibration, chosen_on)
        assert point.threshold is not None
        figures = metrics.binary_metrics(labels == 1, probs[:, 1], point.threshold, patients, seed=recipe.seed)
    conformal = scores = None
    if np.unique(labels).size == len(classes):
        conformal = _sets(labels, probs, whose[: len(labels)], calibration, recipe, films, shifted)
        scores = replace(confidence.score_reference(labels, probs, patients), chosen_on=films)
    return Decisions(point, calibration, conformal, scores, figures)


def _sets(
    labels: np.ndarray,
    probs: Floats,
    patients: Sequence[str],
    calibration: Calibration,
    recipe: Recipe,
    films: str,
    shifted: ShiftedFilms | None,
) -> Conformal:
    """Prediction sets of calibrated probabilities; `patients` names everybody, known or not."""
    coverage = recipe.bundle.coverage
    if shifted is None:
        return replace(confidence.fit_conformal(labels, probs, patients, coverage), chosen_on=films)
    batteries = [
        calibrated(calibration, battery.reshape(-1, battery.shape[-1])).reshape(battery.shape)
        for battery in shifted.probs.values()
    ]
    conditions = confidence.conditions_under_shifts(labels, probs, patients, batteries, shifted.groups)
    tried = f"{', '.join(shifted.probs)} and {len(np.unique(shifted.groups))} groups of acquisition"
    return confidence.fit_worst_case(conditions, coverage, f"{films}: the worst of these as they are, under {tried}")


def with_controls(
    decisions: Decisions, probs: Mapping[str, Floats], labels: np.ndarray, patients: Sequence[str], seed: int
) -> Decisions:
    """Add the AUROC of the films under each control, from which the lungs were taken, to the figures.

    Args:
        decisions: as chosen on the films as they are.
        probs: by the figure's name: probabilities of the films under a control, (n, classes), before calibration.
        labels: (n,) indices of classes.
        patients: whose film each is; empty where nobody knows.
        seed: where the draws of the 95% intervals start.

    Returns:
        The decisions; with more than two classes each AUROC is the mean over the classes, one-vs-rest.
    """
    corrected = {name: calibrated(decisions.calibration, given) for name, given in probs.items()}

    def statistics(weights: Floats) -> dict[str, Floats]:
        return {name: _auroc(labels, given, weights) for name, given in corrected.items()}

    found = metrics.intervals(statistics, metrics.clusters_of(labels, patients), seed=seed)
    return replace(decisions, metrics={**decisions.metrics, **found})


def _auroc(labels: np.ndarray, probs: Floats, weights: Floats) -> Floats:
    classes = range(1 if probs.shape[1] == 2 else 0, probs.shape[1])
    return np.asarray(np.mean([metrics.auroc(labels == each, probs[:, each], weights) for each in classes], axis=0))


def _calibration(
    recipe: Recipe, labels: np.ndarray, probs: Floats, patients: Sequence[str], chosen_on: str
) -> Calibration:
    """How probabilities are corrected.

    Raises:
        RequestError: the films are too few, or ranked no better than by chance, for the method that the recipe names.
    """
    method = recipe.bundle.calibration
    if method == "none":
        return Calibration()
    try:
        if method == "best":
            fitted = confidence.best_calibration(labels, probs, patients, recipe.seed)
        else:
            fitted = confidence.fit_calibration(labels, probs, method)
    except ValueError as error:
        if method == "best":
            return Calibration(chosen_on=f"nothing: {error}")
        raise RequestError(f"bundle.calibration = {method}: {error}; set bundle.calibration=none") from None
    return replace(fitted, chosen_on=chosen_on)


def _point(
    spec: BundleSettings, positive: Bools, probs: Floats, calibration: Calibration, chosen_on: str
) -> OperatingPoint:
    """Where to decide between two classes, by the recipe's rule; `probs` are not calibrated yet."""
    match spec.operating_point:
        case "half":
            return OperatingPoint(0.5, "half", "nothing: it is fixed")
        case "youden":
            threshold, rule = metrics.youden_threshold(positive, probs), "youden"
        case "balanced":
            threshold, rule = metrics.balanced_threshold(positive, probs), "balanced"
        case "sensitivity":
            threshold = metrics.sensitivity_threshold(positive, probs, spec.operating_at)
            rule = f"sensitivity of at least {spec.operating_at:g}"
        case "specificity":
            threshold = metrics.specificity_threshold(positive, probs, spec.operating_at)
            rule = f"specificity of at least {spec.operating_at:g}"
        case "cost":
            threshold = metrics.cost_threshold(positive, probs, spec.miss_cost, 1, spec.prevalence)
            where = "" if spec.prevalence is None else f" where {spec.prevalence:.3g} of films are positive"
            rule = f"least cost, a miss being worth {spec.miss_cost:g} false alarms{where}"
    # Chosen before calibration, so that with it and without it the same films are called positive.
    return OperatingPoint(float(calibrated(calibration, [[1 - threshold, threshold]])[0, 1]), rule, chosen_on)


def _of_several(
    labels: np.ndarray, probs: Floats, patients: Sequence[str], classes: Sequence[str], seed: int
) -> dict[str, Figure]:
    several = metrics.multiclass_metrics(labels, probs, patients, seed=seed)
    of_classes = {
        f"{kind}/{name}": figure
        for name, group in zip(classes, several.per_class, strict=True)
        for kind, figure in group.items()
    }
    return {**several.overall, **of_classes}
