"""Which candidate is taken, and when the detector is kept, with candidates that are known through and through."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from hilum.adaptation import INNER_FOLDS, OUTER_FOLDS, LabelledFilms, Unchanged, choose, cross_validate
from hilum.adaptation.answers import Answers, answers
from hilum.adaptation.candidate import Rows
from hilum.adaptation.choice import brier_losses
from hilum.adaptation.held_out import compare
from hilum.bundle.adapted import Rung
from hilum.metrics.counts import Floats
from hilum.recipe import Recipe, parse_recipe

RECIPE = parse_recipe({"name": "tiny", "bundle": {"calibration": "best"}}, "test")
PLAIN = parse_recipe({"name": "tiny"}, "test")  # nothing is calibrated, which takes most of the time


def films_of(number: int, recipe: Recipe = RECIPE) -> LabelledFilms:
    """Films of patients with two each, half of them ill."""
    labels = np.repeat(np.arange(number // 2) % 2, 2)
    return LabelledFilms(labels, tuple(f"p{row // 2}" for row in range(number)), ("NORMAL", "ILL"), recipe)


def scores(films: LabelledFilms, apart: float, offset: float = 0.0, seed: int = 0) -> Floats:
    """Probabilities of classes `apart` deviations apart, whose log odds are off by an offset."""
    odds = np.random.default_rng(seed).normal(size=len(films.labels)) + apart * (films.labels - 0.5)
    positive = 1 / (1 + np.exp(-(apart * odds + offset)))
    return np.stack([1 - positive, positive], axis=1)


@dataclass
class Recorded:
    """A candidate that gives what it is told, and keeps who was shown to it."""

    given: Floats
    rung: Rung = "last layer"
    calls: list[tuple[Rows, Rows]] = field(default_factory=list)

    def fit(self, rows: Rows) -> Recorded._Fitted:
        return self._Fitted(self, rows)

    @dataclass
    class _Fitted:
        candidate: Recorded
        seen: Rows

        def probs(self, rows: Rows) -> list[Floats]:
            self.candidate.calls.append((self.seen, rows))
            return [self.candidate.given[rows]]


class Memory(Recorded):
    """A candidate that is right about every film that it was fitted to, and guesses about all others."""

    def fit(self, rows: Rows) -> Recorded._Fitted:
        known = np.full_like(self.given, 0.5)
        labels = np.argmax(self.given, axis=1)
        known[rows] = np.eye(2)[labels[rows]]
        return Recorded._Fitted(Recorded(known), rows)


def test_the_loss_is_the_brier_score() -> None:
    films = films_of(60)
    probs = scores(films, 2.0)
    assert brier_losses(probs, films.labels).mean() == pytest.approx(brier_score_loss(films.labels, probs[:, 1]))


def test_no_patient_is_fitted_to_and_predicted() -> None:
    films = films_of(80)
    candidate = Recorded(scores(films, 3.0))
    cross_validate([candidate], answers(scores(films, 1.0, seed=1), 0.5), films)
    assert len(candidate.calls) == OUTER_FOLDS * (INNER_FOLDS + 1)
    for seen, predicted in candidate.calls:
        assert not set(films.patients_of(seen)) & set(films.patients_of(predicted))


def test_what_is_better_on_films_that_it_has_not_seen_is_chosen() -> None:
    films = films_of(80)
    before, everyone = scores(films, 1.0), np.arange(80)
    better = Recorded(scores(films, 3.0, seed=1))
    assert choose([Unchanged([before]), better], before, films, everyone).candidate is better
    memory = Memory(np.eye(2)[films.labels])
    assert choose([memory], before, films, everyone).candidate is None


def test_probabilities_that_are_off_are_corrected_and_the_detector_replaced() -> None:
    films = films_of(100)
    off = scores(films, 2.0, offset=4.0)
    held_out = cross_validate([Unchanged([off])], answers(off, 0.5), films)
    assert held_out.is_better
    assert set(held_out.rungs) == {"decisions"}
    assert float(held_out.after["accuracy"]) > float(held_out.before["accuracy"]) + 0.1
    before = held_out.before
    assert float(before["auroc"]) == pytest.approx(roc_auc_score(films.labels, off[:, 1]))
    called = off[:, 1] >= 0.5
    assert float(before["sensitivity"]) == pytest.approx(called[films.labels == 1].mean())
    assert float(before["specificity"]) == pytest.approx((~called)[films.labels == 0].mean())
    assert float(before["worst_class"]) == pytest.approx((~called)[films.labels == 0].mean())
    gain = float(before["brier"]) - float(held_out.after["brier"])
    assert float(held_out.gain) == pytest.approx(gain)
    raised = float(held_out.after["worst_class"]) - float(before["worst_class"])
    assert float(held_out.worst_class_gain) == pytest.approx(raised)


def test_a_threshold_that_is_off_is_seen_where_the_probabilities_are_right() -> None:
    """The Brier score does not see it; the class that fares worse does, by the first rung alone."""
    films = films_of(120, PLAIN)
    right = scores(films, 2.0)
    held_out = cross_validate([Unchanged([right])], answers(right, 0.97), films)
    assert held_out.is_better
    assert held_out.alone
    assert set(held_out.rungs) == {"decisions"}
    assert not (held_out.gain.low is not None and held_out.gain.low > 0)
    sensitivity = (right[:, 1] >= 0.97)[films.labels == 1].mean()
    assert float(held_out.before["worst_class"]) == pytest.approx(sensitivity)
    assert float(held_out.after["worst_class"]) > sensitivity + 0.2
    assert held_out.worst_class_gain.low is not None
    assert held_out.worst_class_gain.low > 0


def test_guessing_is_no_gain_though_no_class_is_always_missed() -> None:
    films = films_of(120)
    blind = np.full((120, 2), 0.5)
    everyone_ill, coin = answers(blind, 0.2).called, np.arange(120) // 4 % 2
    coin[:4] = 1 - films.labels[:4]
    held_out = compare(Answers(blind, everyone_ill), Answers(blind, coin), films, ())
    assert held_out.worst_class_gain.low is not None
    assert held_out.worst_class_gain.low > 0.2
    assert not replace(held_out, alone=True).is_better


@pytest.mark.slow
def test_where_nothing_is_new_the_detector_is_kept() -> None:
    """Twenty draws of a detector that is calibrated already: what is fitted to each is not shown to be better."""
    kept = 0
    for seed in range(20):
        films = films_of(60)
        right = scores(films, 2.0, seed=seed)
        held_out = cross_validate([Unchanged([right])], answers(right, 0.5), films)
        kept += not held_out.is_better
    assert kept >= 19


def test_the_same_answers_gain_nothing() -> None:
    films = films_of(40)
    given = answers(scores(films, 2.0), 0.5)
    held_out = compare(given, given, films, ())
    assert float(held_out.gain) == 0
    assert not held_out.is_better
