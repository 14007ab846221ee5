"""What adapting is worth: the whole procedure, its choices among it, measured on patients that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hilum.adaptation.answers import Answers, answers
from hilum.adaptation.candidate import OUTER_FOLDS, Candidate, LabelledFilms
from hilum.adaptation.choice import Choice, brier_losses, choose, decide
from hilum.adaptation.whole import answers_of, fit_once_a_fold
from hilum.bundle.adapted import Rung
from hilum.confidence import calibrated
from hilum.metrics import auroc, clusters_of, intervals, paired_bootstrap
from hilum.metrics.counts import Bools, Floats, weighted_mean
from hilum.progress import track
from hilum.records import Figure


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The detector before and after, on the same films, which what was fitted had not seen.

    Attributes:
        before: figures of the detector as it is, with 95% intervals over patients: `brier`, `auroc`, `accuracy`, of
            two classes `sensitivity` and `specificity`, of more `sensitivity/CLASS`, and of
            these `balanced_accuracy`, their mean, and `worst_class`, the lowest.
        after: the same figures of what was chosen and fitted without a film's patient.
        gain: by how much the Brier score is lower after, with the interval of the difference over the same patients.
        worst_class_gain: by how much `worst_class` is higher after, likewise.
        rungs: what each outer fold chose; None where it kept the detector.
        alone: whether the first rung was fitted in every fold, whatever the Brier score says of it.
        choice: what is to be taken where it is better; None where that is still to be chosen on all films.
    """

    before: dict[str, Figure]
    after: dict[str, Figure]
    gain: Figure
    worst_class_gain: Figure
    rungs: tuple[Rung | None, ...]
    alone: bool = False
    choice: Choice | None = None

    @property
    def is_better(self) -> bool:
        """Whether the interval of the gain lies above zero; of the first rung alone, that of the worst class's.

        There the Brier score may not be shown to be higher, nor the classes' mean share of right answers be lower: a
        detector that cannot tell classes apart would otherwise gain by guessing.
        """
        if not self.alone:
            return _is_above_zero(self.gain)
        shown_worse = self.gain.high is not None and self.gain.high < 0
        lower = float(self.after["balanced_accuracy"]) < float(self.before["balanced_accuracy"])
        return _is_above_zero(self.worst_class_gain) and not shown_worse and not lower


def cross_validate(candidates: Sequence[Candidate], before: Answers, films: LabelledFilms) -> HeldOut:
    """Hold out a fifth of the patients at a time, choose and fit on the others, and compare on what was held out.

    The choice is made within those others (nested cross-validation: Varma & Simon, BMC Bioinformatics 7 (2006): 91),
    so that no film has a part in choosing what it is then used to measure.

    The Brier score hardly changes with a threshold that is off. Where it shows nothing to be better, the first rung
    alone is judged a second time by what its threshold is for: the share of right answers in the class that fares
    worse.

    The whole network takes minutes to fit. It is fitted once in each fold, chooses nothing, and has to be shown to be
    better than what the other rungs make of the films, besides being better than the detector as it is.

    Args:
        candidates: the one that changes least first: the first rung.
        before: what the detector says of all films as it is.
        films: all films.
    """
    everyone = np.arange(len(films.labels))
    probs, called = before.probs.copy(), before.called.copy()
    rungs: list[Rung | None] = []
    folds = films.folds(everyone, OUTER_FOLDS)
    cheaper = [candidate for candidate in candidates if candidate.rung != "whole network"]
    for others, held in track(folds, "holding out patients", len(folds)):
        choice = choose(cheaper, before.probs, films, others)
        rungs.append(choice.candidate.rung if choice.candidate else None)
        if choice.candidate is None:
            continue
        decisions = decide(choice.probs, films, others)
        given = choice.candidate.fit(others).probs(held)[0]
        after = answers(calibrated(decisions.calibration, given), decisions.operating_point.threshold)
        probs[held], called[held] = after.probs, after.called
    held_out = compare(before, Answers(probs, called), films, tuple(rungs))
    for candidate in candidates[len(cheaper) :]:
        whole = _whole_network(candidate, before, Answers(probs, called), films)
        if whole and whole.is_better:
            return whole
    if held_out.is_better:
        return held_out
    alone = _first_rung_alone(candidates[0], before, films)
    return alone if alone.is_better else held_out


def _whole_network(candidate: Candidate, before: Answers, cheaper: Answers, films: LabelledFilms) -> HeldOut | None:
    """What fitting the whole network is worth; None where it is not shown to be better than the other rungs."""
    folds = films.folds(np.arange(len(films.labels)), OUTER_FOLDS)
    choice = fit_once_a_fold(candidate, cheaper.probs, films, folds)
    if choice is None:
        return None
    after = answers_of(choice, films)
    if not compare(cheaper, after, films, ()).is_better:
        return None
    held_out = compare(before, after, films, (candidate.rung,) * len(folds))
    return replace(held_out, choice=choice)


def _first_rung_alone(candidate: Candidate, before: Answers, films: LabelledFilms) -> HeldOut:
    """What fitting the decisions is worth, and nothing else, with no choice in it."""
    everyone = np.arange(len(films.labels))
    probs, called = before.probs.copy(), before.called.copy()
    folds = films.folds(everyone, OUTER_FOLDS)
    for others, held in folds:
        fitted = candidate.fit(others)
        decisions = decide(fitted.probs(others), films, others)
        after = answers(calibrated(decisions.calibration, fitted.probs(held)[0]), decisions.operating_point.threshold)
        probs[held], called[held] = after.probs, after.called
    held_out = compare(before, Answers(probs, called), films, (candidate.rung,) * len(folds))
    return replace(held_out, alone=True, choice=Choice(candidate, [], [], []))


def compare(before: Answers, after: Answers, films: LabelledFilms, rungs: tuple[Rung | None, ...]) -> HeldOut:
    """The figures of both, and the difference, each film being worth the same."""
    clusters, seed = clusters_of(films.labels, films.patients), films.recipe.seed
    old, new = _Statistics(before, films), _Statistics(after, films)
    tested = paired_bootstrap(
        lambda weights: {"gain": old.brier(weights), "worst_class": new.worst_class(weights)},
        lambda weights: {"gain": new.brier(weights), "worst_class": old.worst_class(weights)},
        clusters,
        seed=seed,
    )
    gain, worst_class_gain = (tested[name].difference for name in ("gain", "worst_class"))
    figures = [intervals(each, clusters, seed=seed, proportions=_proportions(films)) for each in (old, new)]
    return HeldOut(figures[0], figures[1], gain, worst_class_gain, rungs)


@dataclass(frozen=True, slots=True)
class _Statistics:
    """The figures of one detector's answers, from weights (..., n) of the films."""

    given: Answers
    films: LabelledFilms

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        probs, labels = self.given.probs, self.films.labels
        ranked = range(1, 2) if len(self.films.classes) == 2 else range(len(self.films.classes))
        areas = [auroc(labels == number, probs[:, number], weights) for number in ranked]
        return {
            "brier": self.brier(weights),
            "auroc": np.asarray(np.mean(areas, axis=0)),
            "accuracy": weighted_mean(self._right, weights),
            **self._of_classes(weights),
            "balanced_accuracy": np.asarray(np.mean(list(self._of_classes(weights).values()), axis=0)),
            "worst_class": self.worst_class(weights),
        }

    def brier(self, weights: Floats) -> Floats:
        """The Brier score."""
        return weighted_mean(brier_losses(self.given.probs, self.films.labels), weights)

    def worst_class(self, weights: Floats) -> Floats:
        """The lowest share of right answers of a class: of two, the lower of sensitivity and specificity."""
        return np.asarray(np.min(list(self._of_classes(weights).values()), axis=0))

    def _of_classes(self, weights: Floats) -> dict[str, Floats]:
        return {name: weighted_mean(self._right, weights * among) for name, among in _recalls(self.films).items()}

    @property
    def _right(self) -> Floats:
        return np.asarray(self.given.called == self.films.labels, dtype=np.float64)


def _proportions(films: LabelledFilms) -> dict[str, Bools]:
    return {"accuracy": np.ones(len(films.labels), dtype=bool), **_recalls(films)}


def _recalls(films: LabelledFilms) -> dict[str, Bools]:
    """Which films each class's share of right answers is a share of."""
    names = ["specificity", "sensitivity"] if len(films.classes) == 2 else [f"sensitivity/{n}" for n in films.classes]
    return {name: np.asarray(films.labels == number) for number, name in enumerate(names)}


def _is_above_zero(gain: Figure) -> bool:
    return gain.low is not None and gain.low > 0
