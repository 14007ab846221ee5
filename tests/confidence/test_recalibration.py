"""A calibration is applied: order kept, rows that add up to 1, finite ends; what a record may hold."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum import metrics
from hilum.confidence import Calibration, calibrated, fit_calibration, uncalibrated
from hilum.metrics.counts import Floats

from .simulated import films, odds_of, of_odds, several

STEPS = ((-4.0, -3.0), (-2.0, -3.0), (-1.5, 0.5), (3.0, 0.5), (3.5, 4.0))
EACH = (
    Calibration(),
    Calibration("temperature", slope=0.4),
    Calibration("temperature", slope=3.0),
    Calibration("platt", slope=1.7, offset=-2.0),
    Calibration("isotonic", steps=STEPS),
)

wild = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1e-300, 1e-20, 1e-16, 0.5, 1 - 1e-15, 1 - 2.0**-53, 1.0])),
    max_size=20,
)


def rows_of(probs: list[float]) -> Floats:
    positive = np.array(probs, dtype=np.float64)
    return np.stack([1 - positive, positive], axis=1)


@pytest.mark.parametrize("calibration", EACH, ids=lambda each: f"{each.method} {each.slope}")
@settings(max_examples=60)
@given(probs=wild)
def test_probabilities_stay_such_and_films_keep_their_order(calibration: Calibration, probs: list[float]) -> None:
    rows = rows_of(probs)
    corrected = calibrated(calibration, rows)
    assert corrected.dtype == np.float64
    assert corrected.shape == rows.shape
    assert ((corrected >= 0) & (corrected <= 1)).all()
    np.testing.assert_allclose(corrected.sum(axis=1), 1, atol=1e-12)
    assert (np.diff(corrected[np.argsort(rows[:, 1], kind="stable"), 1]) >= 0).all()
    if calibration.method != "none":
        assert (corrected > 0).all()  # log loss stays finite, whatever the network was certain of


@pytest.mark.parametrize("calibration", EACH, ids=lambda each: f"{each.method} {each.slope}")
def test_a_correction_can_be_taken_back(calibration: Calibration) -> None:
    odds = np.linspace(-9, 9, 2001)
    back = uncalibrated(calibration, calibrated(calibration, of_odds(odds)))
    np.testing.assert_allclose(odds_of(back), odds, rtol=0, atol=1e-6)


@settings(max_examples=60)
@given(slope=st.floats(0.2, 2))
def test_a_temperature_of_several_classes_can_be_taken_back(slope: float) -> None:
    rows = np.random.default_rng(0).dirichlet(np.full(4, 4.0), 50)
    calibration = Calibration("temperature", slope=slope)
    np.testing.assert_allclose(uncalibrated(calibration, calibrated(calibration, rows)), rows, atol=1e-9)


@pytest.mark.parametrize("calibration", EACH, ids=lambda each: f"{each.method} {each.slope}")
def test_films_that_differ_still_differ(calibration: Calibration) -> None:
    odds = np.linspace(-9, 9, 2001)
    assert (np.diff(calibrated(calibration, of_odds(odds))[:, 1]) > 0).all()


def test_the_auroc_stays_to_the_last_digit() -> None:
    labels, probs = films(0, 400)
    for method in ("temperature", "platt", "isotonic"):
        corrected = calibrated(fit_calibration(labels, probs, method), probs)
        assert float(metrics.auroc(labels == 1, corrected[:, 1])) == float(metrics.auroc(labels == 1, probs[:, 1]))


def test_what_each_method_does_to_log_odds() -> None:
    odds = np.array([-30.0, -5.0, 0.0, 0.3, 30.0])
    probs = of_odds(odds)
    np.testing.assert_array_equal(calibrated(Calibration(), probs), probs)
    cooler = Calibration("temperature", slope=0.4)
    assert cooler.temperature == 2.5
    np.testing.assert_allclose(odds_of(calibrated(cooler, probs)), odds / 2.5)
    platt = Calibration("platt", slope=0.5, offset=-1)
    np.testing.assert_allclose(odds_of(calibrated(platt, probs)), 0.5 * odds - 1)
    steps = Calibration("isotonic", steps=((-1.0, -2.0), (1.0, 2.0)))
    np.testing.assert_allclose(odds_of(calibrated(steps, probs)), np.clip(2 * odds, -2, 2), atol=0.031)


def test_a_temperature_is_that_of_the_logits_of_several_classes() -> None:
    logits = np.array([[4.0, 1.0, -2.0], [0.1, 0.0, 9.0]])
    said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    meant = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrated(Calibration("temperature", slope=0.5), said), meant)


def test_no_film_is_no_film() -> None:
    for calibration in EACH:
        assert calibrated(calibration, np.zeros((0, 2))).shape == (0, 2)


def test_methods_of_two_classes_are_refused_for_three() -> None:
    _, probs = several(0, 5, (0.3, 0.3, 0.4))
    for calibration in EACH[3:]:
        with pytest.raises(ValueError, match=f"{calibration.method} calibration is for two classes"):
            calibrated(calibration, probs)


@pytest.mark.parametrize("probs", [[[0.2, np.nan]], [[-1.0, 2.0]], [[0.2, 0.2]], [0.2, 0.8], [[1.0]], 0.5])
def test_what_are_no_probabilities_is_refused(probs: object) -> None:
    with pytest.raises(ValueError, match=r"probs|logits"):
        calibrated(Calibration("platt"), probs)  # type: ignore[arg-type]


def test_a_bundle_of_before_reads_as_no_calibration() -> None:
    assert msgspec.json.decode(b'{"method": "none", "chosen_on": ""}', type=Calibration) == Calibration()


@pytest.mark.parametrize("calibration", EACH, ids=lambda each: f"{each.method} {each.slope}")
def test_a_record_reads_back(calibration: Calibration) -> None:
    assert msgspec.json.decode(msgspec.json.encode(calibration), type=Calibration) == calibration


@pytest.mark.parametrize(
    ("json", "why"),
    [
        (b'{"method": "magic"}', "magic"),
        (b'{"method": "platt", "slop": 1}', "slop"),
        (b'{"method": "platt", "slope": 0}', "slope above 0"),
        (b'{"method": "platt", "slope": -1}', "slope above 0"),
        (b'{"method": "isotonic"}', "steps if its method is isotonic"),
        (b'{"method": "platt", "steps": [[0, 0]]}', "steps if its method is isotonic"),
        (b'{"method": "isotonic", "steps": [[0, 1], [1, 0]]}', "rise"),
        (b'{"method": "isotonic", "steps": [[0, 1], [0, 2]]}', "rise"),
    ],
)
def test_a_damaged_record_is_refused(json: bytes, why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.json.decode(json, type=Calibration)


def test_applying_loads_numpy_alone() -> None:
    code = (
        "import sys; from hilum.confidence import *; import numpy as np; rows = np.array([[.2, .8]]); "
        "calibrated(Calibration('platt', slope=2.0), rows); "
        "prediction_sets(Conformal(.9, (.1, .1), (9, 9), (9, 9)), rows); "
        "correct_prior(rows, (.5, .5), (.1, .9)); certainty(rows, .5); "
        "print(sorted({'scipy', 'sklearn', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
