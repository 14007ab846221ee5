"""The rule that chooses a detector without the test, on probabilities that the test makes up."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.choose import BATTERIES, Figures, figures_of, ranked, table
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from hilum.shifts import CONTROLS

FILMS = 240
LABELS = np.arange(FILMS) % 2 == 1
PATIENTS = [f"p{number // 2}" for number in range(FILMS)]
GROUPS = np.arange(FILMS) // 80
SHIFTS = ["unshifted", *(name for battery in BATTERIES for name in battery.shifts)]


def said(strength: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """Probabilities that tell the classes apart by so many deviations."""
    return np.asarray(expit(strength * LABELS + draw.standard_normal(FILMS)), dtype=np.float64)


def figures(name: str, strength: float, parameters: int = 100, control: float = 0.0) -> Figures:
    """A detector whose probabilities tell the classes apart by so many deviations, under every shift alike."""
    draw = np.random.default_rng(7)
    probs = {each: said(strength, draw) for each in SHIFTS}
    probs |= {each: said(control, draw) for each in CONTROLS.shifts}
    return figures_of(name, parameters, probs, LABELS, PATIENTS, GROUPS, 200)


def test_the_score_is_the_mean_of_three_batteries_and_the_worst_group() -> None:
    draw = np.random.default_rng(1)
    probs = {each: said(1, draw) for each in (*SHIFTS, *CONTROLS.shifts)}
    found = figures_of("one", 5, probs, LABELS, PATIENTS, GROUPS, 200)
    means = [np.mean([roc_auc_score(LABELS, probs[each]) for each in battery.shifts]) for battery in BATTERIES]
    inside = [number == GROUPS for number in range(3)]
    groups = [roc_auc_score(LABELS[own], probs["unshifted"][own]) for own in inside]
    assert found.means == pytest.approx(means)
    assert found.groups == pytest.approx(groups)
    assert found.score == pytest.approx(np.mean([*means, min(groups)]))
    assert found.clean == pytest.approx(roc_auc_score(LABELS, probs["unshifted"]))
    assert len(found.draws) == 200
    assert abs(found.draws.mean() - found.score) < 0.02


def test_the_better_one_is_first_and_a_failed_control_has_no_rank() -> None:
    poor, good, cheat = figures("poor", 0.5), figures("good", 2.0), figures("cheat", 3.0, control=1.5)
    assert not cheat.clears_controls
    assert [each.name for each in ranked([poor, cheat, good])] == ["good", "poor"]
    lines = table([poor, cheat, good]).splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| 1", "good"], ["| 2", "poor"], ["| –", "cheat"]]
    assert table([cheat]).endswith("None is chosen: each has a control above its limit.")


def test_of_detectors_that_cannot_be_told_apart_the_smaller_is_first() -> None:
    large, small = figures("large", 2.3, parameters=900), figures("small", 2.0, parameters=10)
    assert large.score > small.score
    assert [each.name for each in ranked([large, small])] == ["large", "small"], "told apart, film by film"
    equal = figures("equal", 2.0, parameters=900)
    draw = np.random.default_rng(3)
    other = {each: said(2, draw) for each in SHIFTS}
    other |= {each: said(0, draw) for each in CONTROLS.shifts}
    tied = figures_of("tied", 10, other, LABELS, PATIENTS, GROUPS, 200)
    low, high = np.quantile(equal.draws - tied.draws, (0.025, 0.975))
    assert low < 0 < high
    assert [each.name for each in ranked([equal, tied])] == ["tied", "equal"]
    unknown = figures_of("unknown", 0, other, LABELS, PATIENTS, GROUPS, 200)
    assert [each.name for each in ranked([unknown, tied])] == ["tied", "unknown"], (
        "a size that is not known is no less"
    )
