"""The rung that takes minutes to fit: each outer fold fits it once, and it has to beat what the others make of them.

Nothing is chosen within it, so that no inner folds are needed: a film's answer is of a network that has not seen its
patient, calibrated and decided by what the other folds' networks say of the other folds' films.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.adaptation.answers import Answers, answers
from hilum.adaptation.candidate import Candidate, Fitted, LabelledFilms, Rows
from hilum.adaptation.choice import Choice, brier_losses, cross_calibrated, decide, in_order
from hilum.confidence import calibrated
from hilum.metrics.counts import Floats
from hilum.progress import track

PROMISING = 2  # folds, after which it is given up if it does no better than the other rungs


def fit_once_a_fold(
    candidate: Candidate, cheaper: Floats, films: LabelledFilms, folds: Sequence[tuple[Rows, Rows]]
) -> Choice | None:
    """Fit it without each fold; None where after two folds it does no better than what there is already.

    Args:
        candidate: what is fitted.
        cheaper: (n, classes) what the other rungs make of all films held out, calibrated.
        films: all films.
        folds: of all films by patient: for each fold all others, and its own.
    """
    parts = [held for _, held in folds]
    fitted: list[tuple[Fitted, Rows]] = []
    by_fold: list[list[Floats]] = []
    for others, held in track(folds, "fitting the whole network", len(folds)):
        fitted.append((candidate.fit(others), held))
        by_fold.append(fitted[-1][0].probs(held))
        if len(fitted) == PROMISING:
            known = parts[:PROMISING]
            rows = np.concatenate(known)
            without = [(np.setdiff1d(rows, part), part) for part in known]
            losses = cross_calibrated(in_order(by_fold, known, rows), films, rows, without)
            if losses.mean() >= brier_losses(cheaper[rows], films.labels[rows]).mean():
                return None
    return Choice(candidate, fitted, in_order(by_fold, parts, np.arange(len(films.labels))), [])


def answers_of(choice: Choice, films: LabelledFilms) -> Answers:
    """What each fold's network says of the films that it has not seen."""
    everyone = np.arange(len(films.labels))
    probs, called = np.empty_like(choice.probs[0]), np.empty(len(everyone), dtype=np.intp)
    for _, held in choice.folds:
        others = np.setdiff1d(everyone, held)
        decisions = decide([view[others] for view in choice.probs], films, others)
        after = answers(calibrated(decisions.calibration, choice.probs[0][held]), decisions.operating_point.threshold)
        probs[held], called[held] = after.probs, after.called
    return Answers(probs, called)
