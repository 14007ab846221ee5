"""A gate that learns from another hospital's films too: their moments pooled, and nothing else let through."""

from __future__ import annotations

import numpy as np
import pytest

from hilum import gate
from hilum.gate.descriptor import LENGTH, Image8
from hilum.gate.distribution import of_moments
from hilum.gate.extend import GateFilms, extend, pooled, share_of
from tests.gate.conftest import Chests

DRAWS = np.random.default_rng(0)


def circled(film: Image8) -> Image8:
    """A film as a round collimator leaves it."""
    middle = (len(film) - 1) / 2
    y, x = np.ogrid[: len(film), : len(film)]
    return np.where(np.hypot(y - middle, x - middle) < 0.88 * middle, film, 0).astype(np.uint8)


@pytest.fixture(scope="module")
def hospital(chests: Chests) -> list[Image8]:
    return [circled(film) for film in chests(range(2000, 2040))]


@pytest.fixture(scope="module")
def seen(fitted: gate.Gate, hospital: list[Image8]) -> GateFilms:
    return GateFilms.of(fitted, hospital, seed=1)


def test_moments_are_those_of_both_sets_of_films() -> None:
    """Beside numpy's weighted mean and covariance over all points of both sets."""
    axes = np.linalg.qr(DRAWS.normal(size=(LENGTH, LENGTH)))[0].T
    variances = np.full(LENGTH, 0.01)
    variances[:10] = np.arange(20, 10, -1)
    mean = DRAWS.normal(size=LENGTH)
    away = np.sqrt(LENGTH * variances)[:, None] * axes
    first = np.concatenate([mean + away, mean - away])  # 1,024 points of just this mean and covariance
    known = of_moments(first.mean(axis=0), np.cov(first.T, bias=True), 45)
    second = DRAWS.normal(size=(8, 3, LENGTH)).astype(np.float32)
    found_mean, found = pooled(known, second, 0.2).moments()
    points = np.concatenate([first, second.reshape(-1, LENGTH)])
    weights = np.repeat([0.8 / len(first), 0.2 / 24], [len(first), 24])
    np.testing.assert_allclose(found_mean, np.average(points, axis=0, weights=weights), atol=1e-5)
    np.testing.assert_allclose(found, np.cov(points.T, aweights=weights, ddof=0), atol=2e-4)


def test_few_films_count_and_many_do_not_count_for_more_than_those_before() -> None:
    shares = [share_of(number) for number in (1, 25, 100, 10_000)]
    assert shares == sorted(shares)
    assert shares[1] > 0.1
    assert shares[-1] < 0.5


def test_what_passes_is_what_checking_lets_pass(fitted: gate.Gate, hospital: list[Image8], seen: GateFilms) -> None:
    passed = seen.passed(fitted, np.arange(40))
    assert passed[:, 0].tolist() == gate.check_films(fitted, hospital).passed.tolist()
    rotated = [np.rot90(film, 2) for film in hospital]
    assert passed[:, 2].tolist() == gate.check_films(fitted, rotated).passed.tolist()


def test_a_hospital_that_it_has_learnt_from_passes_and_other_pictures_do_not(
    fitted: gate.Gate, hospital: list[Image8], held_out: list[Image8], seen: GateFilms
) -> None:
    learnt, others = np.arange(25), np.arange(25, 40)
    folds = [(learnt[learnt % 3 != fold], learnt[learnt % 3 == fold]) for fold in range(3)]
    new = extend(fitted, seen, learnt, 25, folds)
    assert seen.passed(fitted, others)[:, 0].mean() < 0.5
    assert seen.passed(new, others)[:, 0].mean() > 0.9
    assert seen.passed(new, others)[:, 1:].mean() <= seen.passed(fitted, others)[:, 1:].mean() + 0.01
    assert gate.check_films(new, held_out).passed.mean() > gate.check_films(fitted, held_out).passed.mean() - 0.05
    assert (new.films, new.patients) == (fitted.films + 25, fitted.patients + 25)
    assert new.distance <= fitted.distance
    assert (new.roughness, new.turn, new.adults) == (fitted.roughness, fitted.turn, fitted.adults)
