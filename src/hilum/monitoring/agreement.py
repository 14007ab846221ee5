"""A detector's answers beside what readers say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.metrics import clusters_of
from hilum.metrics.bootstrap import share_of_films
from hilum.monitoring.time_record import Agreement
from hilum.monitoring.verification import RESAMPLES, Accuracies, verified_accuracies
from hilum.records import ABSTENTIONS, NOT_JUDGED, Figure, Observation

LEAST_READ = 30  # films, before sensitivity and specificity are said


def agreement(observations: Sequence[Observation], *, unaided: bool) -> Agreement:
    """How often answers and verdicts agree, and what that says of all films.

    Verdicts that were given before the answer was shown are kept apart from those that the answer may have swayed. A
    film that readers give different classes counts for neither side.

    Args:
        observations: of one detector, each film once.
        unaided: which verdicts count.
    """
    labels = [{each.label for each in film.readings if each.unaided == unaided} for film in observations]
    truth = [next(iter(names - {""})) if len(names - {""}) == 1 else "" for names in labels]
    compared = [
        (film, label)
        for film, label in zip(observations, truth, strict=True)
        if label and film.answer not in ABSTENTIONS
    ]
    return Agreement(
        unaided=unaided,
        read=sum(map(bool, labels)),
        unlabelled=sum(names == {""} for names in labels),
        disputed=sum(len(names - {""}) > 1 for names in labels),
        agreed=_agreed(compared),
        by_answer=tuple(
            (name, len(of_answer), _agreed(of_answer))
            for name in (observations[0].classes if observations else ())
            if (of_answer := [each for each in compared if each[0].answer == name])
        ),
        accuracies=None
        if sum(map(bool, truth)) < LEAST_READ
        else _accuracies(
            [(film, label) for film, label in zip(observations, truth, strict=True) if film.answer != NOT_JUDGED]
        ),
    )


def _agreed(compared: Sequence[tuple[Observation, str]]) -> Figure:
    if not compared:
        return Figure(None)
    same = np.array([film.answer == label for film, label in compared])
    clusters = clusters_of(np.zeros(len(same), dtype=np.intp), [film.patient for film, _ in compared])
    return share_of_films(same, clusters, RESAMPLES)


def _accuracies(films: Sequence[tuple[Observation, str]]) -> Accuracies:
    positive = films[0][0].classes[-1]
    return verified_accuracies(
        [film.prediction == positive for film, _ in films],
        [bool(label) for _, label in films],
        [label == positive for _, label in films],
        [film.answer in ABSTENTIONS for film, _ in films],
        [film.patient for film, _ in films],
    )
