"""A look over time: what counts once, what is compared with what, and when nothing is said."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from hilum.confidence import ScoreReference
from hilum.monitoring import Expected, over_time
from hilum.records import Reading
from tests.monitoring.conftest import START, drawn, observed, stopped


def test_days_without_films_are_days() -> None:
    (found,) = over_time([observed(0), observed(1, 0.5), stopped(2), observed(20)])
    assert [(each.answered, each.not_sure, each.not_judged) for each in found.days] == [
        (1, 1, 1), (0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0)
    ]  # fmt: skip
    assert found.days[0].day == START.date()
    assert found.films == 4
    assert found.reasons == (("looks rotated by 90 degrees clockwise", 1),)


def test_the_same_film_counts_once_with_what_all_its_readers_say() -> None:
    agreed, other = Reading("PNEUMONIA", unaided=True), Reading("PNEUMONIA", unaided=True)
    again = observed(3, 0.9, other, film="film 0")
    (found,) = over_time([observed(0, 0.9, agreed), again])
    assert found.films == 1
    assert found.agreement[0].read == 1
    assert found.agreement[0].agreed.value == 1
    (disputed,) = over_time([observed(0, 0.9, agreed), observed(3, 0.9, Reading("NORMAL", True), film="film 0")])
    assert (disputed.agreement[0].disputed, disputed.agreement[0].agreed.value) == (1, None)


def test_a_patient_counts_once_in_what_holds_at_every_look() -> None:
    films = [observed(number, patient="ada") for number in range(10)] + [stopped(10)]
    (found,) = over_time(films, {"5ea1": Expected(None, 0.01)})
    assert found.films == 11
    assert found.not_judged.films[-1] == 2
    assert found.not_judged.last.value == 0.5
    assert found.not_sure.films == (1,)


def test_the_share_that_is_not_judged_is_held_against_what_the_gate_was_made_for() -> None:
    expected = {"5ea1": Expected(None, 0.01)}
    (many,) = over_time([stopped(n) if n % 3 else observed(n) for n in range(60)], expected)
    assert many.not_judged.is_above
    (few,) = over_time([stopped(n) if n == 30 else observed(n) for n in range(60)], expected)
    assert not few.not_judged.is_above
    (unknown,) = over_time([stopped(n) for n in range(60)])
    assert not unknown.not_judged.is_above


def test_scores_like_validations_are_no_evidence_and_others_are(reference: ScoreReference) -> None:
    rng = np.random.default_rng(1)
    expected = {"5ea1": Expected(reference)}
    (same,) = over_time([observed(n, score) for n, score in enumerate(drawn(rng, 300)[1])], expected)
    assert same.scores is not None
    assert max(same.scores.changed) < np.log10(20)
    assert same.scores.films[-1] == 300
    assert sum(same.scores.found) == pytest.approx(1)
    (fewer,) = over_time([observed(n, score) for n, score in enumerate(drawn(rng, 300, 0.2)[1])], expected)
    assert fewer.scores is not None
    assert fewer.scores.changed[-1] > np.log10(20)
    assert max(fewer.scores.beyond) < np.log10(20)
    assert fewer.scores.mix[1] == pytest.approx(0.2, abs=0.08)


def test_nothing_is_said_of_few_scores_or_without_a_bundle(reference: ScoreReference) -> None:
    films = [observed(n) for n in range(49)]
    (few,) = over_time(films, {"5ea1": Expected(reference)})
    assert (few.scores, few.why_no_scores) == (
        None,
        "there are 49 films of different patients with scores, and 50 are needed",
    )
    (without,) = over_time(films)
    assert without.why_no_scores == "the detector's bundle was not opened here"
    corrected = [observed(n, prevalence=0.1) for n in range(80)]
    (other,) = over_time(corrected, {"5ea1": Expected(reference)})
    assert other.why_no_scores.startswith("there are 0 films")


def test_verdicts_before_and_after_the_answer_are_kept_apart() -> None:
    before = [observed(n, 0.9, Reading("NORMAL" if n % 2 else "PNEUMONIA", True)) for n in range(40)]
    after = [observed(n, 0.9, Reading("PNEUMONIA", False)) for n in range(40, 80)]
    (found,) = over_time(before + after)
    unaided, aided = found.agreement
    assert (unaided.agreed.value, aided.agreed.value) == (0.5, 1)
    assert unaided.agreed.low < 0.5 < unaided.agreed.high  # type: ignore[operator]
    assert unaided.by_answer[0][:2] == ("PNEUMONIA", 40)
    assert unaided.accuracies is not None
    assert unaided.accuracies.films == 80


def test_sensitivity_is_said_from_thirty_verdicts_on() -> None:
    films = [observed(n, 0.9, Reading("PNEUMONIA", True)) for n in range(29)]
    assert over_time(films)[0].agreement[0].accuracies is None
    assert over_time([*films, observed(29, 0.9, Reading("", True))])[0].agreement[0].accuracies is None
    more = over_time([*films, observed(29, 0.9, Reading("PNEUMONIA", True))])[0].agreement[0].accuracies
    assert more is not None
    assert more.sensitivity.seen.value == 1


def test_the_detector_with_the_newest_film_comes_first() -> None:
    older = observed(0, seal="01d", at=START - timedelta(days=3))
    assert [each.seal for each in over_time([older, observed(1), observed(2)])] == ["5ea1", "01d"]
    assert over_time([]) == ()
