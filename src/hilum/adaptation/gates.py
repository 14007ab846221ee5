"""What a gate gains where it learns from a hospital's films too, measured on patients that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hilum.adaptation.candidate import INNER_FOLDS, OUTER_FOLDS, LabelledFilms, Rows
from hilum.bundle.adapted import GateChange
from hilum.gate import Gate
from hilum.gate.extend import GateFilms, extend
from hilum.metrics import clusters_of, mcnemar_test, paired_bootstrap
from hilum.metrics.bootstrap import share_of_films
from hilum.metrics.counts import Floats, weighted_mean
from hilum.metrics.paired import SIGNIFICANT
from hilum.records import Figure

TOLERATED = 0.01  # of the pictures that are to be stopped: so much more of them may pass, at the interval's upper end


@dataclass(frozen=True, slots=True)
class GateHeldOut:
    """A gate before and after, on films held out in turn, and on pictures made of them that it is to stop.

    Attributes:
        change: shares that pass, with 95% intervals over patients.
        p: of McNemar's test over patients (`mcnemar_test`), of films that pass before and after.
        opened: by how much more of the pictures pass after, with its interval.
    """

    change: GateChange
    p: float | None
    opened: Figure

    @property
    def is_better(self) -> bool:
        """Whether more films are shown to pass, and pictures of other kinds not to."""
        opened = self.opened
        closed = float(opened) <= 0 or (opened.high is not None and opened.high <= TOLERATED)
        return self.p is not None and self.p < SIGNIFICANT and float(self.change.gain) > 0 and closed


def cross_validate_gate(gate: Gate, seen: GateFilms, films: LabelledFilms) -> GateHeldOut:
    """Hold out a fifth of the patients at a time, extend the gate by the others, and show it what was held out."""
    everyone = np.arange(len(films.labels))
    before = seen.passed(gate, everyone)
    after = before.copy()
    if not before[:, 0].all():  # else there is nothing to gain
        for others, held in films.folds(everyone, OUTER_FOLDS):
            after[held] = seen.passed(extended(gate, seen, films, others), held)
    tested = mcnemar_test(after[:, 0], before[:, 0], films.patients)
    clusters = clusters_of(films.labels, films.patients)
    change = GateChange(
        before=share_of_films(before[:, 0], clusters, seed=films.recipe.seed),
        after=share_of_films(after[:, 0], clusters, seed=films.recipe.seed),
        gain=tested.difference,
        pictures_before=float(before[:, 1:].mean()),
        pictures_after=float(after[:, 1:].mean()),
    )
    return GateHeldOut(change, tested.p, _opened(before[:, 1:].mean(axis=1), after[:, 1:].mean(axis=1), films))


def extended(gate: Gate, seen: GateFilms, films: LabelledFilms, rows: Rows) -> Gate:
    """The gate, having learnt from these films too."""
    patients = len(set(films.patients_of(rows)) - {""})
    return extend(gate, seen, rows, patients, films.folds(rows, INNER_FOLDS))


def _opened(before: Floats, after: Floats, films: LabelledFilms) -> Figure:
    """By how much more of its pictures pass after, a film, with the interval over patients."""
    tested = paired_bootstrap(
        lambda weights: {"opened": weighted_mean(after, weights)},
        lambda weights: {"opened": weighted_mean(before, weights)},
        clusters_of(films.labels, films.patients),
        seed=films.recipe.seed,
    )
    return tested["opened"].difference
