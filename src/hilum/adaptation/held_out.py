"""What adapting is worth: the whole procedure, its choices among it, measured on patients that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.adaptation.candidate import OUTER_FOLDS, Candidate, LabelledFilms
from hilum.adaptation.choice import brier_losses, choose, decide
from hilum.bundle.adapted import Rung
from hilum.confidence import calibrated
from hilum.metrics import auroc, clusters_of, intervals, paired_bootstrap
from hilum.metrics.counts import Bools, Floats
from hilum.progress import track
from hilum.records import Figure


@dataclass(frozen=True, slots=True)
class Answers:
    """What a detector says of films.

    Attributes:
        probs: (n, classes), calibrated.
        called: (n,) the number of the class that each film is called.
    """

    probs: Floats
    called: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The detector before and after, on the same films, which what was fitted had not seen.

    Attributes:
        before: figures of the detector as it is, with 95% intervals over patients: `brier`, `auroc`, `accuracy`, and
            of two classes `sensitivity` and `specificity`, of more `sensitivity/CLASS`.
        after: the same figures of what was chosen and fitted without a film's patient.
        gain: by how much the Brier score is lower after, with the interval of the difference over the same patients.
        rungs: what each outer fold chose; None where it kept the detector.
    """

    before: dict[str, Figure]
    after: dict[str, Figure]
    gain: Figure
    rungs: tuple[Rung | None, ...]

    @property
    def is_better(self) -> bool:
        """Whether the interval of the gain lies above zero."""
        return self.gain.low is not None and self.gain.low > 0


def answers(probs: Floats, threshold: float | None) -> Answers:
    """What calibrated probabilities call each film: at a threshold of the last class, or the most probable one."""
    called = np.argmax(probs, axis=1) if threshold is None else (probs[:, 1] >= threshold).astype(np.intp)
    return Answers(probs, called)


def cross_validate(candidates: Sequence[Candidate], before: Answers, films: LabelledFilms) -> HeldOut:
    """Hold out a fifth of the patients at a time, choose and fit on the others, and compare on what was held out.

    The choice is made within those others (nested cross-validation: Varma & Simon, BMC Bioinformatics 7 (2006): 91),
    so that no film has a part in choosing what it is then used to measure.

    Args:
        candidates: the one that changes least first.
        before: what the detector says of all films as it is.
        films: all films.
    """
    everyone = np.arange(len(films.labels))
    probs, called = before.probs.copy(), before.called.copy()
    rungs: list[Rung | None] = []
    folds = films.folds(everyone, OUTER_FOLDS)
    for others, held in track(folds, "holding out patients", len(folds)):
        choice = choose(candidates, before.probs, films, others)
        rungs.append(choice.candidate.rung if choice.candidate else None)
        if choice.candidate is None:
            continue
        decisions = decide(choice.probs, films, others)
        given = choice.candidate.fit(others).probs(held)[0]
        after = answers(calibrated(decisions.calibration, given), decisions.operating_point.threshold)
        probs[held], called[held] = after.probs, after.called
    return compare(before, Answers(probs, called), films, tuple(rungs))


def compare(before: Answers, after: Answers, films: LabelledFilms, rungs: tuple[Rung | None, ...]) -> HeldOut:
    """The figures of both, and the difference, each film being worth the same."""
    clusters, seed = clusters_of(films.labels, films.patients), films.recipe.seed
    old, new = (brier_losses(each.probs, films.labels) for each in (before, after))
    tested = paired_bootstrap(
        lambda weights: {"gain": _mean(old, weights)},
        lambda weights: {"gain": _mean(new, weights)},
        clusters,
        seed=seed,
    )
    figures = [
        intervals(_Statistics(each, films), clusters, seed=seed, proportions=_proportions(films))
        for each in (before, after)
    ]
    return HeldOut(figures[0], figures[1], tested["gain"].difference, rungs)


@dataclass(frozen=True, slots=True)
class _Statistics:
    """The figures of one detector's answers, from weights (..., n) of the films."""

    given: Answers
    films: LabelledFilms

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        probs, labels = self.given.probs, self.films.labels
        right = (self.given.called == labels).astype(np.float64)
        ranked = range(1, 2) if len(self.films.classes) == 2 else range(len(self.films.classes))
        areas = [auroc(labels == number, probs[:, number], weights) for number in ranked]
        return {
            "brier": _mean(brier_losses(probs, labels), weights),
            "auroc": np.asarray(np.mean(areas, axis=0)),
            "accuracy": _mean(right, weights),
            **{name: _mean(right, weights * among) for name, among in _recalls(self.films).items()},
        }


def _proportions(films: LabelledFilms) -> dict[str, Bools]:
    return {"accuracy": np.ones(len(films.labels), dtype=bool), **_recalls(films)}


def _recalls(films: LabelledFilms) -> dict[str, Bools]:
    """Which films each class's share of right answers is a share of."""
    names = ["specificity", "sensitivity"] if len(films.classes) == 2 else [f"sensitivity/{n}" for n in films.classes]
    return {name: np.asarray(films.labels == number) for number, name in enumerate(names)}


def _mean(values: Floats, weights: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights * values).sum(axis=-1) / weights.sum(axis=-1))
