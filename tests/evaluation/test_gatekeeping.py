"""A gate's figures: what passes, why the others do not, and whether it separates other images from films."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from msgspec import structs

from hilum.evaluation import GateFigures, OodFigures, evaluate_gate, evaluate_predictions
from hilum.evaluation.reliability_report import reliability_section
from hilum.gate import Gate, fit_gate
from hilum.pixels import chest_phantom, decode, preprocess
from hilum.records import Figure, Film, Prediction, Predictions

from .conftest import CLASSES, THRESHOLD, made_up, made_up_spec


def on_gate(gate: GateFigures) -> Sequence[str]:
    section = reliability_section(structs.replace(evaluate_predictions(made_up(0), resamples=0), gate=gate))
    assert section is not None
    return section.sentences


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
    said = evaluate_gate(made_up_spec(), gate, predictions, resamples=50)
    assert said is not None
    assert said.n == 11
    assert said.passed.value == pytest.approx(10 / 11)
    assert said.reasons == {"looks like noise": 1}
    json.dumps(msgspec.to_builtins(said), allow_nan=False)


def test_ood_examples_are_made_of_the_films_that_were_evaluated(gate: Gate, predictions: Predictions) -> None:
    said = evaluate_gate(made_up_spec(), gate, predictions, resamples=0)
    assert said is not None
    for figures in said.ood_examples.values():
        assert 0 <= figures.auroc <= 1
    assert said.ood_examples["text"] == OodFigures(1.0, 1.0)
    assert set(msgspec.to_builtins(said)) == {"passed", "n", "reasons", "strangers"}
    assert np.isfinite([decode(row.film.path).mean() for row in predictions if not row.error]).all()


def test_without_a_gate_or_a_film_nothing_is_said(gate: Gate, predictions: Predictions) -> None:
    assert evaluate_gate(made_up_spec(), None, predictions) is None
    assert evaluate_gate(made_up_spec(), gate, Predictions(CLASSES, THRESHOLD, ())) is None
    assert reliability_section(evaluate_predictions(Predictions(CLASSES, THRESHOLD, ()))) is None


def test_the_report_says_it_in_a_sentence() -> None:
    gate = GateFigures(
        passed=Figure(0.99, 0.98, 1.0),
        n=100,
        reasons={"looks like noise": 1},
        ood_examples={"noise": OodFigures(1.0, 1.0)},
    )
    (sentence,) = on_gate(gate)
    assert "lets 0.990 (0.980–1.000) of these films pass" in sentence
    assert "(not passed: 1 looks like noise)" in sentence
    assert "with an AUROC of: noise 1.000" in sentence


def test_films_that_are_gone_make_no_ood_examples(gate: Gate, predictions: Predictions) -> None:
    gone = tuple(replace(row, film=replace(row.film, path="gone.png")) for row in predictions)
    said = evaluate_gate(made_up_spec(), gate, replace(predictions, rows=gone), resamples=0)
    assert said is not None
    assert said.ood_examples == {}
    (sentence,) = on_gate(said)
    assert "no chest films" not in sentence
