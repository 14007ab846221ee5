"""The figures among films that were taken alike, with what prediction sets achieve and what abstaining costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from msgspec.structs import asdict

from hilum.bundle import Spec
from hilum.evaluation.acquisition_parts import AcquisitionGroup, AcquisitionResult
from hilum.evaluation.reliability import sets_result
from hilum.evaluation.subgroups import subgroup_of
from hilum.evaluation.truth import multiclass_films, require_known_labels
from hilum.metrics.counts import Bools
from hilum.records import Prediction, Predictions


def measure_acquisition(
    spec: Spec,
    predictions: Predictions,
    group_of: Mapping[str, int],
    descriptions: Sequence[str],
    fewest: int,
    note: str = "",
    resamples: int = 2000,
    seed: int = 0,
) -> AcquisitionResult:
    """Measure a detector on each group of films that were taken alike.

    Args:
        spec: of the bundle that predicted.
        predictions: films without a label, with an error or without a group are left out.
        group_of: the number of each film's group, from 0, by its path.
        descriptions: what sets the films of each group apart, in words.
        fewest: films of each class that every group holds.
        note: why there are no groups, or fewer than were looked for.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Raises:
        RequestError: a label that is none of the classes.
    """
    require_known_labels((row.film for row in predictions), predictions.classes)
    rows = [row for row in predictions if row.film.label and not row.error]
    numbers = np.array([group_of.get(row.film.path, -1) for row in rows], dtype=np.intp)
    groups = {
        f"group {number + 1}": _group(spec, predictions, rows, numbers == number, described, resamples, seed)
        for number, described in enumerate(descriptions)
    }
    return AcquisitionResult(fewest=fewest, groups=groups, note=note)


def _group(
    spec: Spec,
    predictions: Predictions,
    rows: Sequence[Prediction],
    member: Bools,
    described: str,
    resamples: int,
    seed: int,
) -> AcquisitionGroup:
    figures: dict[str, Any] = asdict(subgroup_of(predictions, rows, member, resamples, seed))
    sets = None
    if spec.conformal:
        chosen = tuple(row for row, belongs in zip(rows, member, strict=True) if belongs)
        films = multiclass_films(replace(predictions, rows=chosen))
        labels, probs = films.scores.labels, films.scores.probs
        sets = sets_result(spec.conformal, predictions.classes, labels, probs, films.patients, resamples, seed)
    return AcquisitionGroup(described=described, sets=sets, **figures)
