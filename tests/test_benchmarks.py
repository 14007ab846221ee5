"""Ratios are taken round by round, and a target that is not met says by how much."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.rows import ROUNDS, Row, Target, in_turn, share_of_limit, verdicts
from benchmarks.table import draw, in_words, to_json

OURS = Row("epoch", "Hilum", (300.0, 420.0, 380.0), targets=(Target(3.0, "Keras"),), limit=("convolution", 2.0))
KERAS = Row("epoch", "Keras", (100.0, 100.0, 200.0))
SLOW = Row("start", "Hilum", (1.5,), "s", targets=(Target(1.0, at_most=True),))
LIMITS = [Row("limit of the machine", "convolution", (1000.0,), "GFLOP/s")]


def test_a_ratio_is_of_values_of_one_round() -> None:
    (verdict,) = verdicts([OURS, KERAS])
    assert (verdict.value, verdict.low, verdict.high) == pytest.approx((3.0, 1.9, 4.2))
    assert verdict.in_words() == "met"


def test_systems_take_turns_once_all_have_warmed_up() -> None:
    turns: list[str] = []

    def rate(name: str) -> Callable[[], float]:
        return lambda: float(turns.append(name) or len(turns))  # type: ignore[func-returns-value]

    values = in_turn({"Hilum": rate("Hilum"), "Keras": rate("Keras")})
    assert turns == ["Hilum", "Keras"] * (1 + ROUNDS)
    assert values == {"Hilum": (3.0, 5.0, 7.0, 9.0, 11.0), "Keras": (4.0, 6.0, 8.0, 10.0, 12.0)}


def test_what_is_not_met_says_by_how_much() -> None:
    assert [each.in_words() for each in verdicts([SLOW])] == ["not met: 50% more"]
    slower = Row("epoch", "Hilum", (150.0,) * 3, targets=OURS.targets)
    assert [each.in_words() for each in verdicts([slower, KERAS])] == ["not met: 50% less"]


def test_a_share_of_the_machines_limit() -> None:
    assert share_of_limit(OURS, LIMITS) == pytest.approx(380 * 2 / 1000)
    assert share_of_limit(KERAS, LIMITS) is None


def test_the_table_the_json_and_the_plot_have_every_system(tmp_path: Path) -> None:
    rows = [OURS, KERAS, SLOW]
    text = in_words(rows, LIMITS)
    assert "| epoch | Hilum | 380 (300 to 420) films/s | 76% of convolution |" in text
    assert "| start: Hilum at most 1 s | 1.5 (1.5 to 1.5) s | not met: 50% more |" in text
    written = json.loads(to_json(rows, LIMITS))
    assert [row["system"] for row in written["rows"]] == ["Hilum", "Keras", "Hilum"]
    assert [target["met"] for target in written["targets"]] == [True, False]
    draw(rows, tmp_path / "plot.svg")
    assert "Keras" in (tmp_path / "plot.svg").read_text()
