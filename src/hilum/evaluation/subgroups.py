"""The figures among some of the films: of one cause, one sex, one age, one projection, one site, one size.

A mean can hide a group that is served badly. Groups are those that the films' source names; where it names none, or
only one, there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hilum.evaluation.answering import answered_figures
from hilum.evaluation.result_parts import Subgroup
from hilum.evaluation.truth import binary_films, multiclass_films, require_known_labels, threshold_of
from hilum.metrics import binary_metrics, multiclass_metrics
from hilum.metrics.counts import Bools
from hilum.records import Figure, Prediction, Predictions
from hilum.records.ages import years_of

AGE_BANDS = (("under 5 years", 5), ("5–17 years", 18), ("18–39 years", 40), ("40–64 years", 65), ("65 and over", 1e9))
SIZE_BANDS = (("under 0.25 megapixels", 0.25), ("0.25–1 megapixels", 1), ("1–4 megapixels", 4), ("over 4", 1e9))


def subgroups(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> dict[str, dict[str, Subgroup]]:
    """Every figure among the films of each group.

    Args:
        predictions: films without a label are left out; those with an error count for what is answered alone.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Returns:
        By `cause`, `sex`, `age`, `projection`, `site` and `size`, as far as more than one group of it is known, by
        group. Of two classes, a cause's films are compared with all films of the other class; of more, no cause is a
        group.

    Raises:
        RequestError: a label that the bundle does not know.
    """
    require_known_labels((row.film for row in predictions), predictions.classes)
    rows = [row for row in predictions if row.film.label]
    read = np.array([not row.error for row in rows], dtype=bool)
    result: dict[str, dict[str, Subgroup]] = {}
    for kind, group_of in _KINDS.items():
        names = [group_of(row) for row in rows]
        known = {name for name, readable in zip(names, read, strict=True) if readable and name}
        members = {name: np.array([each == name for each in names]) for name in sorted(known, key=_rank)}
        if kind == "cause":
            members = _against_the_other_class(members, rows, read, predictions.classes)
        if len(members) > 1:
            result[kind] = {
                name: subgroup_of(predictions, rows, member, resamples, seed) for name, member in members.items()
            }
    return result


def _against_the_other_class(
    members: dict[str, Bools], rows: Sequence[Prediction], read: Bools, classes: tuple[str, ...]
) -> dict[str, Bools]:
    """The causes of positive films, each with every negative film; none with more than two classes."""
    if len(classes) > 2:
        return {}
    negative = np.array([row.film.label == classes[0] for row in rows], dtype=bool)
    return {name: member | negative for name, member in members.items() if (member & ~negative & read).any()}


def subgroup_of(
    predictions: Predictions, rows: Sequence[Prediction], member: Bools, resamples: int, seed: int
) -> Subgroup:
    """The figures of some of the labelled rows; those with an error count for what is answered alone."""
    everyone = tuple(row for row, belongs in zip(rows, member, strict=True) if belongs)
    chosen = replace(predictions, rows=tuple(row for row in everyone if not row.error))
    figures: dict[str, Figure]
    if len(predictions.classes) == 2:
        films = binary_films(chosen)
        figures = binary_metrics(films.labels, films.probs, threshold_of(chosen), films.patients, resamples, seed)
    else:
        several = multiclass_films(chosen)
        figures = multiclass_metrics(
            several.scores.labels, several.scores.probs, several.patients, resamples, seed
        ).overall
    patients = {row.film.patient for row in chosen if row.film.patient}
    of_all: dict[str, Any] = dict(figures)
    return Subgroup(
        n=len(chosen),
        n_of={name: sum(row.film.label == name for row in chosen) for name in predictions.classes},
        patients=len(patients),
        answered=answered_figures(replace(predictions, rows=everyone), resamples, seed),
        **of_all,
    )


def age_band(age: str) -> str:
    """The band of an age as sources write it: `58`, `058Y`, `7 months`; empty where it says none."""
    years = years_of(age)
    return "" if years is None else _band(years, AGE_BANDS)


def size_band(shape: tuple[int, int]) -> str:
    """The band of a film's number of pixels; empty where it is not known."""
    return _band(shape[0] * shape[1] / 1e6, SIZE_BANDS) if all(shape) else ""


def _band(value: float, bands: Sequence[tuple[str, float]]) -> str:
    return next(name for name, end in bands if value < end)


def _rank(name: str) -> tuple[int, str]:
    """Bands in their order, everything else by name."""
    bands = [band for band, _ in (*AGE_BANDS, *SIZE_BANDS)]
    return (bands.index(name) if name in bands else -1, name)


_KINDS: dict[str, Callable[[Prediction], str]] = {
    "cause": lambda row: row.film.subtype,
    "sex": lambda row: row.film.sex,
    "age": lambda row: age_band(row.film.age),
    "projection": lambda row: row.film.view,
    "site": lambda row: row.film.site,
    "size": lambda row: size_band(row.shape),
}
