"""How a detector does on films as other machines would have made them: its figures under each shift of a battery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hilum.bundle.spec import Spec
from hilum.evaluation.reliability import sets_result
from hilum.evaluation.result_parts import BatteryResult, ShiftFigures, WorstShift
from hilum.evaluation.truth import FilmCounts, require_known_labels
from hilum.metrics import auroc, clusters_of, confusion, intervals
from hilum.metrics.counts import Bools, Floats, ratio
from hilum.metrics.multiclass import MulticlassScores, means_at
from hilum.records import Figure, Manifest
from hilum.shifts import Battery, drawn_in_training, probs_under_shifts
from hilum.shifts.squares import Squares

if TYPE_CHECKING:
    from hilum.lungs import LungFinder

KINDS = ("auroc", "sensitivity", "specificity", "accuracy")


class ShiftedDetector(Protocol):
    """What is evaluated here: a bundle that is loaded, such as `inference.Detector`."""

    @property
    def spec(self) -> Spec:
        """What the bundle says about itself."""

    @property
    def lungs(self) -> LungFinder | None:
        """The network that finds the lungs, where films are cropped to them."""

    def probs(self, films: Squares, lungs: Squares | None, /) -> NDArray[np.float32]:
        """From preprocessed films `(n, size, size)`, and their lungs where cropped to them, to `(n, classes)`."""


def under_shifts(
    detector: ShiftedDetector, films: Manifest, batteries: Mapping[str, Battery], resamples: int = 2000, seed: int = 0
) -> dict[str, BatteryResult]:
    """Evaluate a detector on films under every shift of some batteries, deciding as its bundle says.

    Every film is decoded once, shifted at its own resolution and then preprocessed as the bundle says. All intervals
    come from the same resampled patients. Films without a label or that cannot be read are left out and counted.

    Args:
        detector: a bundle that is loaded.
        films: with their labels.
        batteries: by the key that each one's figures get; no two share the name of a shift.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Returns:
        The result of each battery, by its key. A figure is undefined where a class is missing. With more than two
        classes AUROC, sensitivity and specificity are means over the classes, one-vs-rest.

    Raises:
        RequestError: a label that the bundle does not know.
    """
    spec = detector.spec
    films = films.labelled_by(spec.recipe.labels)
    require_known_labels(films, spec.classes)
    labelled = [film for film in films if film.label]
    shifts = {name: shift for battery in batteries.values() for name, shift in battery.shifts.items()}
    fixed = {name for battery in batteries.values() if battery.framed_as_intact for name in battery.shifts}
    read, probs = probs_under_shifts(detector.probs, labelled, spec.recipe.pixels, detector.lungs, shifts, fixed)
    probs = probs if read else np.zeros((1 + len(shifts), 0, len(spec.classes)))
    labels = np.array([spec.classes.index(film.label) for film in read], dtype=np.intp)
    threshold, patients = spec.operating_point.threshold, [film.patient for film in read]
    drawn = {name: None for recipe in spec.recipes for name in drawn_in_training(recipe.batches.augment)}
    by_shift = dict(zip(("unshifted", *shifts), probs, strict=True))
    counts = FilmCounts(len(read), len(set(patients) - {""}), len(labelled) - len(read), len(films) - len(labelled))
    result: dict[str, BatteryResult] = {}
    for key, battery in batteries.items():
        chosen = {name: by_shift[name] for name in ("unshifted", *battery.shifts)}
        figures = _figures(labels, chosen, threshold, patients, resamples, seed)
        if spec.conformal and len(labels):
            sets_of = partial(sets_result, spec.conformal, spec.classes, labels)
            figures |= {
                name: replace(figures[name], sets=sets_of(under, patients, resamples, seed))
                for name, under in chosen.items()
            }
        drawn_of_it = [name for name in drawn if name in battery.shifts]
        result[key] = _result(battery.name, counts, threshold, drawn_of_it, figures)
    return result


def _result(
    name: str,
    counts: FilmCounts,
    threshold: float | None,
    drawn_in_training: Sequence[str],
    figures: dict[str, ShiftFigures],
) -> BatteryResult:
    """The figures of one battery, with those of the unshifted films and the means over the shifts among them."""
    per_shift = dict(figures)
    unshifted, mean = per_shift.pop("unshifted"), per_shift.pop("mean")
    aurocs = {shift: value for shift, group in per_shift.items() if (value := group.auroc.value) is not None}
    worst = min(aurocs, key=aurocs.__getitem__) if aurocs else None
    lowest = per_shift[worst].auroc if worst else Figure(None)
    return BatteryResult(
        battery=name,
        **counts._asdict(),
        threshold=threshold,
        drawn_in_training=tuple(drawn_in_training),
        unshifted=unshifted,
        per_shift=per_shift,
        auroc_mean=mean.auroc,
        sensitivity_mean=mean.sensitivity,
        specificity_mean=mean.specificity,
        accuracy_mean=mean.accuracy,
        auroc_worst=WorstShift(worst, lowest.value, lowest.low, lowest.high),
    )


def _figures(
    labels: NDArray[np.intp],
    by_shift: Mapping[str, Floats],
    threshold: float | None,
    patients: list[str],
    resamples: int,
    seed: int,
) -> dict[str, ShiftFigures]:
    """The four figures under each shift, and their means over the shifts, from one bootstrap."""
    among = {"accuracy": np.ones(labels.shape, dtype=bool)}
    if threshold is not None:
        among |= {"sensitivity": labels == 1, "specificity": labels == 0}

    def four(probs: Floats, weights: Floats) -> dict[str, Floats]:
        if threshold is not None:
            return _two_at(labels == 1, probs[:, 1], threshold, weights)
        means = means_at(MulticlassScores(labels, probs), weights)
        return {kind: means[kind] for kind in KINDS}

    def statistics(weights: Floats) -> dict[str, Floats]:
        groups = {name: four(probs, weights) for name, probs in by_shift.items()}
        shifted = [group for name, group in groups.items() if name != "unshifted"]
        groups["mean"] = {kind: np.mean([group[kind] for group in shifted], axis=0) for kind in KINDS}
        return {f"{name} {kind}": value for name, group in groups.items() for kind, value in group.items()}

    proportions = {f"{name} {kind}": mask for name in by_shift for kind, mask in among.items()}
    figures = intervals(statistics, clusters_of(labels, patients), resamples, seed, proportions)
    return {
        name: ShiftFigures(**{kind: figures[f"{name} {kind}"] for kind in KINDS}, sets=None)
        for name in (*by_shift, "mean")
    }


def _two_at(labels: Bools, probs: Floats, threshold: float, weights: Floats) -> dict[str, Floats]:
    tn, fp, fn, tp = confusion(labels, probs, threshold, weights)
    return {
        "auroc": auroc(labels, probs, weights),
        "sensitivity": ratio(tp, tp + fn),
        "specificity": ratio(tn, tn + fp),
        "accuracy": ratio(tn + tp, tn + fp + fn + tp),
    }
