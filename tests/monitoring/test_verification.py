"""Begg and Greenes' correction: the published example, their own variance, and a simulation of selective reading."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.monitoring.verification import verified_accuracies
from hilum.records import Figure

# Called positive, verified, positive, and how many: Drum & Christacopoulos' scintigraphies, as in Zhou, Obuchowski &
# McClish, Statistical Methods in Diagnostic Medicine, chapter on verification bias.
SCINTIGRAPHY = ((1, 1, 1, 231), (1, 1, 0, 32), (1, 0, 0, 166), (0, 1, 1, 27), (0, 1, 0, 54), (0, 0, 0, 140))


def rows(groups: tuple[tuple[int, int, int, int], ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.repeat([group[:3] for group in groups], [group[3] for group in groups], axis=0)
    called, verified, positive = table.T.astype(bool)
    return called, verified, positive


def test_the_published_example_is_reproduced() -> None:
    found = verified_accuracies(*rows(SCINTIGRAPHY), resamples=0)
    assert found.films == 650
    assert found.verified == 344
    assert float(found.sensitivity.seen) == pytest.approx(0.895, abs=5e-4)
    assert float(found.specificity.seen) == pytest.approx(0.628, abs=5e-4)
    assert float(found.sensitivity.corrected) == pytest.approx(0.836, abs=5e-4)
    assert float(found.specificity.corrected) == pytest.approx(0.738, abs=5e-4)


def test_its_interval_is_as_wide_as_by_their_variance() -> None:
    """Their formula for the variance of logit(sensitivity): 1/(N p (1-p)) + (1-v1)/(n1 v1) + (1-v0)/(n0 v0)."""
    found = verified_accuracies(*rows(SCINTIGRAPHY)).sensitivity.corrected
    called, ppv, missed = 429 / 650, 231 / 263, 27 / 81
    variance = 1 / (650 * called * (1 - called)) + (1 - ppv) / (263 * ppv) + (1 - missed) / (81 * missed)
    logit = np.log(float(found) / (1 - float(found)))
    low, high = 1 / (1 + np.exp(-(logit + np.array((-1.96, 1.96)) * np.sqrt(variance))))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.012)


def test_the_bounds_hold_for_every_way_in_which_the_other_films_could_be() -> None:
    called, verified, positive = rows(
        ((1, 1, 1, 6), (1, 1, 0, 2), (1, 0, 0, 3), (0, 1, 1, 2), (0, 1, 0, 5), (0, 0, 0, 2))
    )
    found = verified_accuracies(called, verified, positive, resamples=0)
    unread = np.flatnonzero(~verified)
    sensitivities, specificities = [], []
    for number in range(2 ** len(unread)):
        truth = positive.copy()
        truth[unread] = [number >> bit & 1 for bit in range(len(unread))]
        sensitivities.append(called[truth].mean())
        specificities.append((~called)[~truth].mean())
    assert (found.sensitivity.at_least, found.sensitivity.at_most) == (min(sensitivities), max(sensitivities))
    assert (found.specificity.at_least, found.specificity.at_most) == (min(specificities), max(specificities))


def test_where_suspicious_films_are_read_more_often_the_correction_finds_the_truth() -> None:
    rng = np.random.default_rng(5)
    positive = rng.random(20_000) < 0.3
    score = rng.normal(positive * 2.0)
    called, sure = score > 1, np.abs(score - 1) > 0.5
    verified = rng.random(score.size) < np.where(called, np.where(sure, 0.9, 0.6), np.where(sure, 0.05, 0.4))
    found = verified_accuracies(called, verified, positive, sure, resamples=0)
    truth = called[positive].mean()
    assert float(found.sensitivity.seen) > truth + 0.05
    assert float(found.sensitivity.corrected) == pytest.approx(truth, abs=0.02)
    assert found.sensitivity.at_least <= truth <= found.sensitivity.at_most


def test_an_answer_that_nobody_has_read_leaves_the_correction_undefined_and_the_bounds_wide() -> None:
    called, verified, positive = rows(((1, 1, 1, 10), (1, 1, 0, 2), (0, 0, 0, 8)))
    found = verified_accuracies(called, verified, positive)
    assert found.sensitivity.corrected == Figure(None)
    assert found.sensitivity.at_least == pytest.approx(10 / 18)
    assert found.sensitivity.at_most == 1


def test_no_film_has_no_accuracy() -> None:
    found = verified_accuracies([], [], [])
    assert found.sensitivity.seen == Figure(None)
    assert found.sensitivity.at_least is None


def test_where_a_finer_stratum_has_no_verified_film_the_call_alone_is_the_stratum() -> None:
    called, verified, positive = rows(SCINTIGRAPHY)
    strata = np.zeros(called.size, dtype=int)
    strata[np.flatnonzero(~verified)[:5]] = 1
    found = verified_accuracies(called, verified, positive, strata, resamples=0)
    assert float(found.sensitivity.corrected) == pytest.approx(0.836, abs=5e-4)
