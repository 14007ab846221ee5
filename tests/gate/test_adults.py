"""Films of adults are told from those of a detector that was trained on children's, and from no other's."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from hilum import gate
from hilum.gate import Adults, Reason
from hilum.gate.adults import fit_discriminant, shipped_adults
from hilum.gate.descriptor import LENGTH, Image8
from hilum.gate.distribution import fit_distribution
from hilum.gate.fit import describe_with_views
from tests.gate.conftest import Chests


def grown(chests: list[Image8]) -> list[Image8]:
    """Stand-ins for adults' films: the same chests with the heart on the other side."""
    return [np.ascontiguousarray(film[:, ::-1]) for film in chests]


@pytest.fixture(scope="module")
def adults(chests: Chests) -> Adults:
    draws = np.random.default_rng(0)
    described = np.stack([describe_with_views(film, draws) for film in grown(chests(range(2000, 2100)))])
    return Adults(100, ("phantoms",), fit_distribution(described))


@pytest.fixture(scope="module")
def of_children(chests: Chests, adults: Adults) -> gate.Gate:
    return gate.fit_gate(chests(range(120)), [""] * 120, seed=1, adults=adults)


def test_adults_are_stopped_and_children_pass(of_children: gate.Gate, held_out: list[Image8]) -> None:
    own, theirs = (gate.check_films(of_children, films) for films in (held_out[:100], grown(held_out[:100])))
    assert own.passed.mean() >= 0.95
    assert theirs.passed.mean() <= 0.02
    assert theirs.reasons.count(Reason.ADULT) >= 0.9 * len(theirs.reasons)
    labels = np.repeat([0, 1], 100)
    assert roc_auc_score(labels, np.concatenate([own.scores, theirs.scores])) >= 0.99


def test_only_a_chest_that_is_upright_is_called_an_adults(of_children: gate.Gate, held_out: list[Image8]) -> None:
    for kind, films in gate.ood_examples(grown(held_out[:20])).items():
        assert Reason.ADULT not in gate.check_films(of_children, films).reasons, kind


def test_a_detector_that_was_trained_on_adults_stops_none(chests: Chests, adults: Adults) -> None:
    theirs = gate.fit_gate(grown(chests(range(60))), [""] * 60, seed=1, adults=adults)
    assert theirs.adults is None


def test_films_that_do_not_look_like_childrens_are_of_no_detector_for_children(
    chests: Chests, adults: Adults, of_children: gate.Gate
) -> None:
    """However clearly another hospital's adults are told from those that Hilum knows."""
    turned = [np.ascontiguousarray(np.rot90(film, 2)) for film in grown(chests(range(40)))]
    knows_children = replace(adults, children=of_children.adults)
    assert gate.fit_gate(turned, [""] * 40, adults=adults).adults is not None
    assert gate.fit_gate(turned, [""] * 40, adults=knows_children).adults is None
    assert gate.fit_gate(chests(range(40)), [""] * 40, adults=knows_children).adults is not None


def test_the_direction_is_that_of_linear_discriminant_analysis() -> None:
    draws = np.random.default_rng(0)
    own, theirs = (draws.normal(size=(200, 1, LENGTH)).astype(np.float32) for _ in range(2))
    theirs += draws.normal(size=LENGTH).astype(np.float32)
    adults = Adults(200, (), fit_distribution(theirs))
    found = fit_discriminant(own, np.arange(200) % 5, adults, 0.99)
    assert found is not None
    mean, of_adults = adults.distribution.moments()
    covariances = iter([np.cov(own[:, 0].T.astype(np.float64), bias=True), of_adults])

    class Shrunk:
        covariance_: np.ndarray

        def fit(self, centred: np.ndarray) -> None:
            plain = next(covariances)
            self.covariance_ = 0.7 * plain + 0.3 * np.diag(np.diag(plain))

    reference = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Shrunk())
    known = np.concatenate([own[:, 0], theirs[:, 0] - theirs[:, 0].mean(axis=0) + mean]).astype(np.float64)
    (expected,) = reference.fit(known, np.repeat([0, 1], 200)).coef_
    weights = np.frombuffer(found.weights, "<f4")
    assert weights @ expected / np.linalg.norm(weights) / np.linalg.norm(expected) >= 0.9999
    scores = found.scores(own[:, 0])
    assert scores.mean() == pytest.approx(0, abs=1e-4)
    assert (scores <= 1).mean() >= 0.98


def test_what_ships_holds_no_film_and_says_whose_films_it_was_made_of() -> None:
    adults = shipped_adults()
    assert adults.films == 1809 + 468
    assert len(adults.sources) == 3
    assert len(adults.distribution.axes) == 4 * 50 * LENGTH
    assert adults.children is not None
    mean, _ = adults.distribution.moments()
    assert adults.children.scores(mean[None].astype(np.float32)) > 1.5
