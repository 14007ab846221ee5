"""From answers to a look over time, detector by detector."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

import numpy as np

from hilum.monitoring.agreement import agreement
from hilum.monitoring.confidence_sequences import share_interval
from hilum.monitoring.score_bins import score_bins
from hilum.monitoring.score_evidence import best_mix, evidence_path
from hilum.monitoring.time_record import DayCount, DetectorInUse, Expected, ScorePath, SharePath
from hilum.records import NOT_JUDGED, NOT_SURE, Observation

LEAST_FILMS = 50  # before anything is said of scores
_POINTS = 40  # points on a curve; evidence holds at every look, so that any may be chosen
_REASONS = 5


def over_time(
    observations: Iterable[Observation], expected: Mapping[str, Expected] | None = None
) -> tuple[DetectorInUse, ...]:
    """Look at every detector's answers, in the order in which they were given.

    The same film counts once for a detector, with all that readers say of it. For shares and scores, of which
    intervals and evidence are to hold at every look, each patient counts once, with their first film.

    Args:
        observations: in any order.
        expected: what bundles say, by their seals.

    Returns:
        One for each detector, the one with the most recent film first.
    """
    rising = sorted(observations, key=lambda each: (each.at, each.film))
    by_seal: dict[str, list[Observation]] = {}
    for each in rising:
        by_seal.setdefault(each.seal, []).append(each)
    newest_first = sorted(by_seal.values(), key=lambda films: films[-1].at, reverse=True)
    known = expected or {}
    return tuple(_in_use(_each_once(films), known.get(films[0].seal)) for films in newest_first)


def _in_use(films: Sequence[Observation], expected: Expected | None) -> DetectorInUse:
    patients = _first_of_patients(films)
    scores, why = _scores(patients, expected)
    return DetectorInUse(
        model=films[-1].model,
        seal=films[-1].seal,
        classes=films[-1].classes,
        days=_days(films),
        not_judged=_share(
            [film.answer == NOT_JUDGED for film in patients], None if expected is None else expected.stopped
        ),
        not_sure=_share([film.answer == NOT_SURE for film in patients if film.answer != NOT_JUDGED]),
        reasons=tuple(Counter(film.reason for film in films if film.reason).most_common(_REASONS)),
        scores=scores,
        why_no_scores=why,
        agreement=(agreement(films, unaided=True), agreement(films, unaided=False)),
    )


def _each_once(films: Sequence[Observation]) -> list[Observation]:
    """Every film once, as it was first answered, with what all readers say of it."""
    first: dict[str, Observation] = {}
    for film in films:
        there = first.get(film.film)
        if there is None:
            first[film.film] = film
        elif film.readings:
            first[film.film] = _with_readings(there, film)
    return list(first.values())


def _with_readings(film: Observation, other: Observation) -> Observation:
    return replace(film, readings=film.readings + other.readings)


def _first_of_patients(films: Sequence[Observation]) -> list[Observation]:
    first: dict[str, Observation] = {}
    for film in films:
        first.setdefault(film.patient or f"film {film.film}", film)
    return list(first.values())


def _days(films: Sequence[Observation]) -> tuple[DayCount, ...]:
    counts = {day: Counter(film.answer for film in group) for day, group in groupby(films, key=lambda f: f.at.date())}
    first, last = films[0].at.date(), films[-1].at.date()
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple(
        DayCount(
            day,
            of_day.total() - of_day[NOT_SURE] - of_day[NOT_JUDGED],
            of_day[NOT_SURE],
            of_day[NOT_JUDGED],
        )
        for day in days
        for of_day in (counts.get(day, Counter()),)
    )


def _share(hits: Sequence[bool], expected: float | None = None) -> SharePath:
    at = _look_points(len(hits))
    cumulated = np.cumsum(hits)
    figures = tuple(share_interval(int(cumulated[number - 1]), number) for number in at)
    return SharePath(tuple(at), figures, expected)


def _scores(patients: Sequence[Observation], expected: Expected | None) -> tuple[ScorePath | None, str]:
    if expected is None:
        return None, "the detector's bundle was not opened here"
    if expected.scores is None:
        return None, "the detector's bundle keeps no scores of validation"
    given = [
        (film.at, film.probability)
        for film in patients
        if film.answer != NOT_JUDGED and film.probability is not None and film.prevalence is None
    ]
    if len(given) < LEAST_FILMS:
        return None, f"there are {len(given)} films of different patients with scores, and {LEAST_FILMS} are needed"
    bins = score_bins(expected.scores)
    counts = bins.counts([score for _, score in given])
    at = [number for number in _look_points(len(given)) if number >= LEAST_FILMS]
    to_decimal = 1 / math.log(10)
    return ScorePath(
        films=tuple(at),
        at=tuple(given[number - 1][0] for number in at),
        changed=tuple((evidence_path(counts, at, bins, any_mix=False) * to_decimal).tolist()),
        beyond=tuple((evidence_path(counts, at, bins, any_mix=True) * to_decimal).tolist()),
        edges=tuple(bins.edges.tolist()),
        expected=tuple(bins.expected.tolist()),
        found=tuple(counts.mean(axis=0).tolist()),
        mix=tuple(best_mix(counts.sum(axis=0), bins).tolist()),
    ), ""


def _look_points(films: int) -> list[int]:
    return sorted({round(number) for number in np.linspace(1, films, min(films, _POINTS))}) if films else []
