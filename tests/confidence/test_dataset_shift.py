"""ScoreShift without labels: against scipy's test, over repeated draws, and what it can and cannot tell apart."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from scipy.stats import ks_2samp

from hilum.confidence import ScoreReference, calibrated, distribution_shift, prior_shift, score_reference
from hilum.confidence.recalibration import Calibration
from hilum.confidence.reference import effective
from hilum.metrics.counts import Floats

from .simulated import films, odds_of, of_odds, several

VALIDATED = 0.6


@pytest.fixture(scope="module")
def reference() -> ScoreReference:
    return score_reference(*films(100, 500, VALIDATED))


def elsewhere(seed: int, n: int, prior: float) -> Floats:
    """What the network says of films of a place where only the shares are others."""
    return films(seed, n, prior, validated=VALIDATED)[1]


def duller(probs: Floats) -> Floats:
    """A machine under which the network is only half as certain."""
    return of_odds(0.5 * odds_of(probs))


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_and_its_p_are_those_of_scipy(seed: int) -> None:
    labels, probs = films(seed, 150, VALIDATED)
    new = elsewhere(seed + 50, 120, VALIDATED + 0.03 * seed)
    found = distribution_shift(score_reference(labels, probs), new)
    theirs = ks_2samp(probs[:, 1], new[:, 1], method="asymp")
    # It is taken at the reference's scores alone: what lies between two of them is not seen.
    assert theirs.statistic - 1 / 150 - 1e-9 <= found.distance <= theirs.statistic + 1e-9
    assert found.p == pytest.approx(theirs.pvalue, abs=0.12)
    above = [(scores[:, 1] > found.at).mean() for scores in (probs, new)]
    assert [found.expected, found.found] == pytest.approx(above)
    assert found.of_class == 1


def test_films_of_the_same_place_are_seldom_said_to_have_moved() -> None:
    shown = beyond = 0
    for seed in range(30):
        validation = score_reference(*films(seed, 250, VALIDATED))
        found = prior_shift(validation, elsewhere(1000 + seed, 150, VALIDATED), resamples=0)
        shown, beyond = shown + found.moved.shown, beyond + found.beyond.shown
    assert shown <= 5  # of thirty, one in twenty: more than 5 come about less than once in a hundred
    assert beyond <= 5


def test_other_shares_alone_look_like_prior_shift() -> None:
    moved = beyond = 0
    for seed in range(20):
        validation = score_reference(*films(seed, 300, VALIDATED))
        found = prior_shift(validation, elsewhere(1000 + seed, 200, 0.2), resamples=0)
        assert found.prior[1].value == pytest.approx(0.2, abs=0.12)
        moved, beyond = moved + found.moved.shown, beyond + found.beyond.shown
    assert moved == 20
    assert beyond <= 4  # of twenty, one in twenty: more than 4 come about less than once in a hundred


def test_another_machine_looks_like_another_shift(reference: ScoreReference) -> None:
    for seed in range(10):
        found = prior_shift(reference, duller(elsewhere(seed, 250, 0.3)), resamples=0)
        assert found.moved.shown
        assert found.looks_like == "other shift"


def test_of_a_good_network_a_hundred_films_show_it() -> None:
    """They do because the simulated sets have their shares estimated too: fitted shares make distances smaller."""
    validation = score_reference(*films(100, 2000, VALIDATED, apart=4.5))
    for seed in range(20):
        probs = films(seed, 100, 0.4, apart=4.5, validated=VALIDATED)[1]
        assert prior_shift(validation, of_odds(0.8 * odds_of(probs)), resamples=0).looks_like == "other shift"


def test_a_machine_that_makes_healthy_films_look_ill_cannot_be_told_from_more_illness(
    reference: ScoreReference,
) -> None:
    """The limit that the documentation states: without labels both are the same scores."""
    ill = films(7, 400, 0.999, validated=VALIDATED)[1]
    healthy = films(8, 600, 0.001, validated=VALIDATED)[1]
    found = prior_shift(reference, np.concatenate([ill[:100], healthy[:300], ill[100:250]]), resamples=0)
    assert found.looks_like == "prior shift"


def test_what_it_says_for_a_person(reference: ScoreReference) -> None:
    same = prior_shift(reference, elsewhere(1, 300, VALIDATED), resamples=100)
    assert same.looks_like == "no shift"
    low, high = same.prior[1].low, same.prior[1].high
    assert low is not None
    assert high is not None
    assert low <= VALIDATED <= high
    fewer = prior_shift(reference, elsewhere(1, 300, 0.1), resamples=100)
    assert fewer.looks_like == "prior shift"
    assert fewer.moved.found < fewer.moved.expected
    assert fewer.moved.distance == pytest.approx(abs(fewer.moved.found - fewer.moved.expected))
    assert fewer.moved.p == 0.001


def test_copies_of_films_prove_nothing_more(reference: ScoreReference) -> None:
    probs, names = elsewhere(3, 60, 0.45), [str(number) for number in range(60)]
    once = distribution_shift(reference, probs, names)
    copied = distribution_shift(reference, probs.repeat(20, axis=0), np.repeat(names, 20).tolist())
    assert copied == once
    assert distribution_shift(reference, probs.repeat(20, axis=0)).p < once.p


def test_copies_of_the_reference_prove_nothing_more_either() -> None:
    labels, probs = films(3, 60, VALIDATED)
    copied = score_reference(
        labels.repeat(3), probs.repeat(3, axis=0), np.repeat([str(number) for number in range(60)], 3).tolist()
    )
    assert copied.patients == pytest.approx(score_reference(labels, probs).patients)
    new = elsewhere(4, 80, 0.4)
    once = distribution_shift(score_reference(labels, probs), new)
    assert distribution_shift(copied, new).distance == pytest.approx(once.distance)
    assert distribution_shift(copied, new).p == pytest.approx(once.p, abs=0.05)


@pytest.mark.parametrize("films_of", [[1, 1, 1, 1], [3, 3], [5], [1, 2, 9]])
def test_the_effective_number_of_patients(films_of: list[int]) -> None:
    owner = np.repeat(np.arange(len(films_of)), films_of)
    assert effective(owner) == pytest.approx(sum(films_of) ** 2 / sum(k**2 for k in films_of))


def test_calibrating_changes_no_distance(reference: ScoreReference) -> None:
    labels, probs = films(100, 500, VALIDATED)
    platt, new = Calibration("platt", slope=0.6, offset=1.0), elsewhere(9, 200, 0.4)
    before = distribution_shift(reference, new)
    after = distribution_shift(score_reference(labels, calibrated(platt, probs)), calibrated(platt, new))
    assert after.distance == pytest.approx(before.distance)
    assert after.p == before.p


def test_three_classes() -> None:
    even = (1 / 3, 1 / 3, 1 / 3)
    validation = score_reference(*several(0, 600, even))
    assert prior_shift(validation, several(1, 300, even)[1], resamples=0).looks_like == "no shift"
    fewer = prior_shift(validation, several(2, 300, (0.7, 0.2, 0.1))[1], resamples=0)
    assert fewer.looks_like == "prior shift"
    assert [figure.value for figure in fewer.prior] == pytest.approx([0.7, 0.2, 0.1], abs=0.08)
    blurred = np.sqrt(several(3, 300, even)[1])
    assert prior_shift(validation, blurred / blurred.sum(axis=1, keepdims=True), resamples=0).looks_like == (
        "other shift"
    )


def test_a_reference_keeps_every_film_or_two_hundred_of_a_class() -> None:
    labels, probs = films(0, 2000, 0.05)
    kept = score_reference(labels, probs)
    few, many = probs[labels == 1, 1], probs[labels == 0, 1]
    assert [score for (score,) in kept.scores[1]] == sorted(few)
    assert len(kept.scores[0]) == 200
    thinned = np.array(kept.scores[0])[:, 0]
    assert ks_2samp(thinned, many).statistic <= 1 / 200  # the same distribution, to half a step
    assert kept.prior == pytest.approx((1 - labels.mean(), labels.mean()))
    assert kept.chosen_on == "2000 validation films"


def test_a_record_is_small_and_reads_back(reference: ScoreReference) -> None:
    json = msgspec.json.encode(reference)
    assert len(json) < 12_000
    assert msgspec.json.decode(json, type=ScoreReference) == reference


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"prior": (0.5, 0.6)}, "a prior"),
        ({"prior": (0.2, 0.3, 0.5)}, "for each class"),
        ({"patients": (3.0, 0.0)}, "1 or more"),
        ({"scores": (((0.1,),), ())}, "films of each class"),
        ({"scores": (((0.1,),), ((0.1, 0.9),))}, "1 of their probabilities"),
        ({"scores": (((0.1,),), ((7.0,),))}, "from 0 to 1"),
    ],
)
def test_a_damaged_record_is_refused(changes: dict[str, object], why: str) -> None:
    whole = {"prior": (0.5, 0.5), "scores": (((0.1,),), ((0.9,),)), "patients": (1.0, 1.0)}
    assert msgspec.convert(whole, ScoreReference).labels.tolist() == [0, 1]
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(whole | changes, ScoreReference)


def test_what_does_not_fit_is_refused(reference: ScoreReference) -> None:
    _, probs = films(0, 20)
    with pytest.raises(ValueError, match="films of each class, and there are 20, 0"):
        score_reference(np.zeros(20, dtype=int), probs)
    for wrong in (np.zeros((0, 2)), np.full((5, 3), 1 / 3)):
        with pytest.raises(ValueError, match="scores of 2 classes are compared with those of films"):
            distribution_shift(reference, wrong)
        with pytest.raises(ValueError, match="scores of 2 classes are compared with those of films"):
            prior_shift(reference, wrong)
    with pytest.raises(ValueError, match="NaN"):
        prior_shift(reference, [[math.nan, 1.0]])
    with pytest.raises(ValueError, match="one a film"):
        distribution_shift(reference, probs, ["a"])
