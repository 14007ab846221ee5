"""`hilum calibrate`: the same network, deciding anew by films of another place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hilum import bundle, films
from hilum.cli.calibrate import calibrate
from hilum.confidence import prediction_sets
from hilum.errors import LayoutError, RecipeError, RequestError
from hilum.inference import Detector
from hilum.shifts import ELSEWHERE, FAMILIAR, probs_under_shifts
from tests.bundle.conftest import make
from tests.cli.conftest import Hilum
from tests.conftest import ChestFolder

COUNTS = {"train": {"normal": 20, "bacteria": 20}}


RANKS = 2  # a seed whose untrained network happens to rank these films better than chance


@pytest.fixture
def here(chest_folder: ChestFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return chest_folder(COUNTS)


def test_the_network_stays_and_what_it_decides_is_of_these_films(here: Path) -> None:
    before = make(Path("theirs"), seed=RANKS)
    calibrate(Path("theirs"), here, Path("mine"), "all", ["bundle.calibration=platt", "bundle.coverage=0.8"])
    after = bundle.read("mine/bundle")
    for name in ("model.onnx", "weights.safetensors"):
        assert before.spec.files[name] == after.spec.files[name]
    assert after.spec.calibration.method == "platt"
    assert after.spec.operating_point.chosen_on.startswith("40 validation films")
    assert after.spec.conformal is not None
    assert (after.spec.conformal.coverage, after.spec.conformal.films) == (0.8, (20, 20))
    assert after.spec.data_fingerprint == before.spec.data_fingerprint
    assert after.spec.seal != before.spec.seal
    assert after.spec.recipe.bundle.calibration == "platt"
    assert "calibration: platt" in (after.folder / "CARD.md").read_text()

    squares = np.random.default_rng(0).integers(0, 256, (8, 32, 32), dtype=np.uint8)
    plain, corrected = (Detector(folder).probs(squares)[:, 1] for folder in ("theirs", "mine/bundle"))
    odds = [np.log(probs / (1 - probs)) for probs in (plain, corrected)]
    expected = after.spec.calibration.slope * odds[0] + after.spec.calibration.offset
    np.testing.assert_allclose(odds[1], expected, atol=1e-6)


def test_it_warns_of_few_films_as_evaluating_does(here: Path, tiny_bundle: Path, hilum: Hilum) -> None:
    done = hilum(
        "calibrate",
        tiny_bundle,
        "--data",
        here,
        "--split",
        "all",
        "--out",
        "mine",
        "--set",
        "bundle.calibration=none",
    )
    assert done.returncode == 0, done.stderr
    for name in ("NORMAL", "PNEUMONIA"):
        assert f"note: Only 20 films labelled {name}: each of them is 5% of any figure on {name}." in done.stderr


def test_what_cannot_be_chosen_is_refused_and_nothing_written(here: Path, tiny_bundle: Path) -> None:
    with pytest.raises(RecipeError, match=r"training\.epochs=3: calibrating changes nothing but \[bundle\]"):
        calibrate(tiny_bundle, here, Path("mine"), settings=["training.epochs=3"])
    with pytest.raises(RecipeError, match="bundle"):
        calibrate(tiny_bundle, here, Path("mine"), settings=["bundle.calibrations=platt"])
    shutil.rmtree(here / "train" / "NORMAL")
    with pytest.raises(LayoutError, match="no film of the split 'all' is labelled NORMAL"):
        calibrate(tiny_bundle, here, Path("mine"), "all")
    assert not Path("mine").exists()


def test_a_bundle_that_is_there_is_left_alone(here: Path, tiny_bundle: Path) -> None:
    calibrate(tiny_bundle, here, Path("mine"), "all", ["bundle.calibration=none"])
    seal = bundle.read("mine/bundle").spec.seal
    with pytest.raises(RequestError, match="mine: holds a bundle already"):
        calibrate(tiny_bundle, here, Path("mine"))
    assert bundle.read("mine/bundle").spec.seal == seal


def test_answers_are_calibrated_under_the_batteries_that_are_asked_for(here: Path) -> None:
    make(Path("theirs"), seed=RANKS)
    under = ["bundle.calibrated_under=['familiar-1', 'shifts-2']", "bundle.operating_point=balanced"]
    calibrate(Path("theirs"), here, Path("plain"), "all", ["bundle.coverage=0.8"])
    calibrate(Path("theirs"), here, Path("mine"), "all", ["bundle.coverage=0.8", *under])
    plain, after = bundle.read("plain/bundle").spec, bundle.read("mine/bundle").spec
    assert after.operating_point.rule == "balanced"
    assert after.operating_point.chosen_on.endswith("as they are and under the shifts of familiar-1, shifts-2")
    assert plain.conformal is not None
    assert after.conformal is not None
    assert "the worst of these as they are, under familiar-1, shifts-2" in after.conformal.chosen_on
    assert after.conformal.films == plain.conformal.films
    every = films.index(here, cut=False)
    shifts = {name: shift for battery in (FAMILIAR, ELSEWHERE) for name, shift in battery.shifts.items()}
    detector = Detector("mine/bundle")
    read, probs = probs_under_shifts(detector.probs, list(every), after.recipe.pixels, None, shifts)
    labels = np.array([after.classes.index(film.label) for film in read])
    for battery in (slice(0, 1), slice(1, 11), slice(11, 21)):
        sets = np.stack([prediction_sets(after.conformal, each) for each in probs[battery]])
        for number in (0, 1):
            assert sets[:, labels == number, number].mean() >= 0.8


def test_what_cannot_be_promised_or_is_no_battery_is_refused(here: Path, tiny_bundle: Path) -> None:
    with pytest.raises(RecipeError, match=r"bundle\.coverage = 0\.995: prediction sets promise at most 0\.99"):
        calibrate(tiny_bundle, here, Path("mine"), "all", ["bundle.coverage=0.995"])
    with pytest.raises(RecipeError, match="shifts-3"):
        calibrate(tiny_bundle, here, Path("mine"), "all", ["bundle.calibrated_under=['shifts-3']"])
    with pytest.raises(RecipeError, match="set operating_views=0"):
        calibrate(
            tiny_bundle, here, Path("mine"), "all",
            ["bundle.calibrated_under=['shifts-1']", "bundle.operating_views=2"],
        )  # fmt: skip
    assert not Path("mine").exists()
