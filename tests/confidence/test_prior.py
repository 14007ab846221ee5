"""The prior against the likelihood it maximises, and a correction against Bayes' rule film by film."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from hilum.confidence import correct_prior, estimate_prior
from hilum.confidence.prior import likelihoods, maximised
from hilum.metrics.counts import Floats
from hilum.records import Figure

from .simulated import films, of_odds, several


def plain_steps(probs: Floats, prior: tuple[float, ...], rounds: int) -> list[float]:
    """Expectation and maximisation, film by film (Saerens, Latinne & Decaestecker 2002, equation 2.9)."""
    shares = list(prior)
    for _ in range(rounds):
        sums = [0.0] * len(prior)
        for row in probs.tolist():
            parts = [p * new / old for p, new, old in zip(row, shares, prior, strict=True)]
            sums = [total + part / sum(parts) for total, part in zip(sums, parts, strict=True)]
        shares = [total / len(probs) for total in sums]
    return shares


def value(figure: Figure) -> float:
    assert figure.value is not None
    return figure.value


def test_the_estimate_is_where_the_steps_lead() -> None:
    _, probs = films(0, 200, prior=0.2, validated=0.6)
    found = estimate_prior(probs, (0.4, 0.6), resamples=0)
    assert [value(figure) for figure in found] == pytest.approx(plain_steps(probs, (0.4, 0.6), 200), abs=1e-5)


@pytest.mark.parametrize("apart", [0.5, 1.5, 4.0])
@pytest.mark.parametrize("prior", [0.001, 0.3, 0.999])
def test_the_estimate_is_the_likeliest_prior(apart: float, prior: float) -> None:
    _, probs = films(1, 300, prior=prior, apart=apart, validated=0.6)
    said = probs / (0.4, 0.6)
    best = minimize_scalar(
        lambda share: -np.log(said @ (1 - share, share)).sum(),
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-8},
    )
    assert value(estimate_prior(probs, (0.4, 0.6), resamples=0)[1]) == pytest.approx(best.x, abs=1e-3)


def test_so_it_is_for_three_classes() -> None:
    _, probs = several(2, 400, (0.1, 0.2, 0.7), apart=1.5)
    best = minimize(
        lambda shares: -np.log(probs @ shares).sum(), np.full(3, 1 / 3), method="SLSQP", bounds=[(1e-9, 1)] * 3,
        constraints={"type": "eq", "fun": lambda shares: shares.sum() - 1}, options={"ftol": 1e-10},
    )  # fmt: skip
    found = estimate_prior(probs, (1 / 3, 1 / 3, 1 / 3), resamples=0)
    assert [value(figure) for figure in found] == pytest.approx(best.x.tolist(), abs=2e-3)


@pytest.mark.parametrize("prior", [0.05, 0.5, 0.9])
def test_a_known_prior_is_recovered(prior: float) -> None:
    found = [
        value(estimate_prior(films(s, 1000, prior, validated=0.6)[1], (0.4, 0.6), resamples=0)[1]) for s in range(10)
    ]
    assert np.mean(found) == pytest.approx(prior, abs=0.015)
    assert np.max(np.abs(np.array(found) - prior)) < 0.07


def test_its_interval_covers_it_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        figure = estimate_prior(films(seed, 200, 0.3, validated=0.6)[1], (0.4, 0.6), resamples=200)[1]
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 0.3 <= figure.high
    assert covered >= 51  # of sixty; 57 are expected, and fewer than 51 come about less than once in a hundred


def test_films_of_one_patient_make_it_no_narrower() -> None:
    _, probs = films(1, 100, 0.3, validated=0.6)
    names = [str(number) for number in range(100)]
    once = estimate_prior(probs, (0.4, 0.6), names)[1]
    copied = estimate_prior(probs.repeat(5, axis=0), (0.4, 0.6), np.repeat(names, 5).tolist())[1]
    assert copied.value == pytest.approx(once.value, abs=1e-6)
    assert value(Figure(copied.high)) - value(Figure(copied.low)) == pytest.approx(
        value(Figure(once.high)) - value(Figure(once.low)), rel=0.1
    )


def test_weights_are_copies_of_films() -> None:
    _, probs = films(3, 50)
    times = np.random.default_rng(0).integers(0, 4, (2, 3, 50))
    start = np.array([0.5, 0.5])
    found = maximised(likelihoods(probs, start), times.astype(np.float64), start)
    assert found.shape == (2, 3, 2)
    copied = probs.repeat(times[1, 2], axis=0)
    assert found[1, 2, 1] == pytest.approx(value(estimate_prior(copied, start, resamples=0)[1]), abs=1e-6)


def test_certain_films_are_counted() -> None:
    probs = np.repeat([[1.0, 0.0], [0.0, 1.0]], (30, 10), axis=0)
    assert value(estimate_prior(probs, (0.9, 0.1), resamples=0)[1]) == pytest.approx(0.25, abs=1e-6)


def test_without_a_film_there_is_no_estimate() -> None:
    assert estimate_prior(np.zeros((0, 2)), (0.5, 0.5)) == (Figure(None), Figure(None))


priors = st.floats(0.01, 0.99).map(lambda share: (1 - share, share))


@settings(max_examples=60)
@given(odds=st.lists(st.floats(-30, 30), max_size=10), old=priors, new=priors)
def test_a_correction_is_bayes_rule(odds: list[float], old: tuple[float, float], new: tuple[float, float]) -> None:
    probs = of_odds(np.array(odds))
    corrected = correct_prior(probs, old, new)
    for row, mine in zip(probs.tolist(), corrected.tolist(), strict=True):
        parts = [p * after / before for p, before, after in zip(row, old, new, strict=True)]
        assert mine == pytest.approx([part / sum(parts) for part in parts], rel=1e-9)
    assert corrected.sum(axis=1) == pytest.approx(1)
    assert (np.diff(corrected[np.argsort(odds, kind="stable"), 1]) >= 0).all()
    np.testing.assert_allclose(correct_prior(corrected, new, old), probs, atol=1e-9)


def test_a_corrected_network_is_calibrated_there() -> None:
    labels, probs = films(5, 20_000, prior=0.1, validated=0.6)
    corrected = correct_prior(probs, (0.4, 0.6), (0.9, 0.1))
    assert corrected[:, 1].mean() == pytest.approx(labels.mean(), abs=0.01)
    assert probs[:, 1].mean() > 0.2


@pytest.mark.parametrize("prior", [(1.0, 0.0), (0.5, 0.6), (0.2, 0.3, 0.5), (math.nan, 1.0), 0.5])
def test_what_is_no_prior_is_refused(prior: object) -> None:
    _, probs = films(0, 10)
    with pytest.raises(ValueError, match="a prior needs a share above 0 for each of 2 classes"):
        estimate_prior(probs, prior)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a prior needs a share above 0"):
        correct_prior(probs, (0.5, 0.5), prior)  # type: ignore[arg-type]
