"""Which candidate suits some films best, by cross-validation over their patients.

Candidates are compared by the Brier score of their calibrated probabilities on the fold that was held out (Brier,
Monthly Weather Review 78, 1950). It is a proper score, so that ranking and calibration both count; and it is bounded,
so that among few films one that a detector is wrongly sure of does not decide alone, as by log loss it would. AUROC
would not see a calibration or a threshold that no longer holds, and accuracy changes by whole films.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hilum.adaptation.candidate import INNER_FOLDS, Candidate, Fitted, LabelledFilms, Rows
from hilum.bundle import Decisions, fit_decisions
from hilum.confidence import Calibration, best_calibration, calibrated, fit_calibration
from hilum.metrics.counts import Floats


class Choice(NamedTuple):
    """What was chosen.

    Attributes:
        candidate: None where the detector as it is does best.
        folds: the candidate fitted to each inner fold's films, and the films that this fold held out.
        probs: of these films out of fold, each (rows, classes), not calibrated: as they are, then each view.
        losses: the Brier score of each candidate, after that of the detector as it is.
    """

    candidate: Candidate | None
    folds: list[tuple[Fitted, Rows]]
    probs: list[Floats]
    losses: list[float]


def choose(candidates: Sequence[Candidate], before: Floats, films: LabelledFilms, rows: Rows) -> Choice:
    """Choose the candidate with the lowest Brier score out of fold; of equal ones, the first.

    Args:
        candidates: the one that changes least first.
        before: (n, classes) what the detector says of all films as it is, calibrated.
        films: all films.
        rows: those to choose on.
    """
    folds = films.folds(rows, INNER_FOLDS)
    best = Choice(None, [], [], [float(brier_losses(before[rows], films.labels[rows]).mean())])
    losses, lowest = best.losses, best.losses[0]
    for candidate in candidates:
        fitted = [(candidate.fit(others), held) for others, held in folds]
        probs = in_order([each.probs(held) for each, held in fitted], [held for _, held in fitted], rows)
        loss = float(cross_calibrated(probs, films, rows, folds).mean())
        losses.append(loss)
        if loss < lowest:
            best, lowest = Choice(candidate, fitted, probs, losses), loss
    return best._replace(losses=losses)


def decide(probs: Sequence[Floats], films: LabelledFilms, rows: Rows) -> Decisions:
    """Choose calibration, threshold and sets on these films' probabilities out of fold."""
    described = f"{len(rows)} films, each predicted by what was not fitted to its patient"
    return fit_decisions(probs, films.labels[rows], films.patients_of(rows), films.classes, films.recipe, described)


def brier_losses(probs: Floats, labels: Rows) -> Floats:
    """Each film's share of the Brier score, from 0 to 1: half the squared distance from its label, (n,)."""
    right = np.zeros_like(probs)
    right[np.arange(len(labels)), labels] = 1
    return np.asarray(np.square(probs - right).sum(axis=1) / 2)


def in_order(by_fold: Sequence[list[Floats]], folds: Sequence[Rows], rows: Rows) -> list[Floats]:
    """The probabilities of each film by what had not seen it, in the order of `rows`; `folds` held them out."""
    held = np.concatenate(folds)
    place = {row: number for number, row in enumerate(held.tolist())}
    order = [place[row] for row in rows.tolist()]
    return [np.concatenate([given[view] for given in by_fold])[order] for view in range(len(by_fold[0]))]


def cross_calibrated(
    probs: Sequence[Floats], films: LabelledFilms, rows: Rows, folds: Sequence[tuple[Rows, Rows]]
) -> Floats:
    """Each film's loss once it is calibrated by the other folds' films."""
    losses = np.empty(len(rows))
    for others, held in folds:
        inside, outside = np.isin(rows, others), np.isin(rows, held)
        calibration = _calibration([view[inside] for view in probs], films, rows[inside])
        losses[outside] = brier_losses(calibrated(calibration, probs[0][outside]), films.labels[rows[outside]])
    return losses


def _calibration(probs: Sequence[Floats], films: LabelledFilms, rows: Rows) -> Calibration:
    """As a bundle's decisions calibrate; none where the films are too few for that."""
    method = films.recipe.bundle.calibration
    if method == "none":
        return Calibration()
    whose = [name or f"\0{row}" for name, row in zip(films.patients_of(rows), rows, strict=True)] * len(probs)
    labels = np.tile(films.labels[rows], len(probs))
    try:
        if method == "best":
            return best_calibration(labels, np.concatenate(probs), whose, films.recipe.seed)
        return fit_calibration(labels, np.concatenate(probs), method)
    except ValueError:
        return Calibration()
