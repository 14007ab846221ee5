"""A gate's figures: what passes, why the others do not, and whether strangers are told from films."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hilum.evaluation import gatekeeping
from hilum.evaluation.reliability_report import context
from hilum.gate import Gate, fit_gate
from hilum.pixels import chest_phantom, decode, preprocess
from hilum.records import Film, Prediction, Predictions

from .conftest import CLASSES, THRESHOLD, made_up_spec


@pytest.fixture(scope="module")
def gate() -> Gate:
    pixels = made_up_spec().recipe.pixels
    squares = [preprocess(chest_phantom(seed, (96, 96), seed % 3 / 2), pixels) for seed in range(60)]
    return fit_gate(squares, [str(number) for number in range(60)])


@pytest.fixture
def predictions(phantoms: list[Film]) -> Predictions:
    rows = [Prediction(film, (0.5, 0.5), "NORMAL") for film in phantoms[:12]]
    rows[0] = replace(rows[0], flags=("looks like noise",))
    rows[1] = Prediction(phantoms[1], error="damaged")
    return Predictions(CLASSES, THRESHOLD, tuple(rows))


def test_what_passes_and_what_stops_is_counted(gate: Gate, predictions: Predictions) -> None:
    said = gatekeeping(made_up_spec(), gate, predictions, resamples=50)
    assert said is not None
    assert said["n"] == 11
    assert said["passed"]["value"] == pytest.approx(10 / 11)
    assert said["reasons"] == {"looks like noise": 1}
    json.dumps(said, allow_nan=False)


def test_strangers_are_those_of_the_films_that_were_judged(gate: Gate, predictions: Predictions) -> None:
    said = gatekeeping(made_up_spec(), gate, predictions, resamples=0)
    assert said is not None
    for figures in said["strangers"].values():
        assert 0 <= figures["auroc"] <= 1
    assert said["strangers"]["text"] == {"auroc": 1.0, "stopped": 1.0}
    assert np.isfinite([decode(row.film.path).mean() for row in predictions if not row.error]).all()


def test_without_a_gate_or_a_film_nothing_is_said(gate: Gate, predictions: Predictions) -> None:
    assert gatekeeping(made_up_spec(), None, predictions) is None
    assert gatekeeping(made_up_spec(), gate, Predictions(CLASSES, THRESHOLD, ())) is None
    assert context({"gate": None}) is None


def test_the_report_says_it_in_a_sentence() -> None:
    gate = {
        "passed": {"value": 0.99, "low": 0.98, "high": 1.0},
        "n": 100,
        "reasons": {"looks like noise": 1},
        "strangers": {"noise": {"auroc": 1.0, "stopped": 1.0}},
    }
    told = context({"gate": gate})
    assert told is not None
    assert "lets 0.990 (0.980–1.000) of these films pass" in told["sentences"][0]
    assert "(stopped: 1 looks like noise)" in told["sentences"][0]


def test_films_that_are_gone_make_no_strangers(gate: Gate, predictions: Predictions) -> None:
    gone = tuple(replace(row, film=replace(row.film, path="gone.png")) for row in predictions)
    said = gatekeeping(made_up_spec(), gate, replace(predictions, rows=gone), resamples=0)
    assert said is not None
    assert said["strangers"] == {}
    told = context({"gate": said})
    assert told is not None
    assert "strangers" not in told["sentences"][0]
