"""Prediction sets whose promise is to hold under shifts: the thresholds of the worst condition that was tried.

Split conformal prediction promises coverage for films of the same population as those that it was fitted on. Under a
known family of shifts, a threshold that covers under each of them covers under every mixture of them too (robust
conformal prediction over a finite family: Cauchois, Gupta, Ali & Duchi, JASA 119 (2024): 3033–3044; Gendler, Weng,
Daniel & Romano, ICLR 2022). Of what was not tried nothing is promised. Two things are done for it: a battery's films
count together, so that its promise is one about shifts of its kind on average, and films as they are and those of
each battery are covered at half the risk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hilum.confidence.conformal import Conformal, fit_conformal
from hilum.metrics.counts import Floats

_HALF = 0.5  # of the risk: what was not tried takes the other half


class Condition(NamedTuple):
    """Films under one condition, on which the promise is to hold.

    Attributes:
        labels: (n,) int, the class of each film, from 0.
        probs: (n, classes), each row adding up to 1.
        patients: n identifiers, as for `fit_conformal`.
        risk: the share of a class's films that its set may miss, as a part of what was promised; 1 or less.
    """

    labels: NDArray[np.intp]
    probs: Floats
    patients: Sequence[str]
    risk: float = 1.0


def conditions_under_shifts(
    labels: NDArray[np.intp],
    probs: Floats,
    patients: Sequence[str],
    batteries: Iterable[Floats],
    groups: NDArray[np.intp],
) -> list[Condition]:
    """The conditions under which a detector's sets are to keep their promise.

    They are the films as they are and each battery's shifts together, at half the risk, since the other half is left
    for what was not tried; and each group of acquisition, as its films are.

    Args:
        labels: (n,) int, the class of each film, from 0.
        probs: (n, classes), of the films as they are.
        patients: n identifiers, none of them empty: a film's versions are all of one patient.
        batteries: for each battery (shifts, n, classes).
        groups: (n,) int, the number of the group of acquisition that each film belongs to.
    """
    conditions = [Condition(labels, probs, patients, _HALF)]
    for battery in batteries:
        shifts, pooled = len(battery), battery.reshape(-1, battery.shape[-1])
        conditions.append(Condition(np.tile(labels, shifts), pooled, list(patients) * shifts, _HALF))
    for group in np.unique(groups):
        inside = np.flatnonzero(groups == group).tolist()
        conditions.append(Condition(labels[inside], probs[inside], [patients[film] for film in inside]))
    return conditions


def fit_worst_case(conditions: Sequence[Condition], coverage: float = 0.9, chosen_on: str = "") -> Conformal:
    """Fit prediction sets that keep their promise under each of several conditions: the lowest thresholds of all.

    Args:
        conditions: the first is that of the films as they are, whose counts the result names. A condition with too
            few patients of a class for its risk says nothing about that class; the first then counts at the full
            risk.
        coverage: to promise for each class, above 0 and below 1.
        chosen_on: a description of the films and conditions.

    Raises:
        ValueError: no condition, a coverage or a risk out of range, or input that does not fit.
    """
    if not conditions:
        raise ValueError("prediction sets are fitted under one condition or more")
    if not all(0 < condition.risk <= 1 for condition in conditions):
        raise ValueError("the risk of a condition is a part of what was promised: above 0 and at most 1")
    first = conditions[0]
    plain = fit_conformal(first.labels, first.probs, first.patients, coverage)
    fits = [_fit(condition, coverage) for condition in conditions]
    thresholds = []
    for number, threshold in enumerate(plain.thresholds):
        known = [fit.thresholds[number] for fit in fits if number not in fit.unpromised]
        thresholds.append(min([threshold, *known]))
    return replace(plain, thresholds=tuple(thresholds), chosen_on=chosen_on)


def _fit(condition: Condition, coverage: float) -> Conformal:
    at = 1 - condition.risk * (1 - coverage)
    return fit_conformal(condition.labels, condition.probs, condition.patients, at)
