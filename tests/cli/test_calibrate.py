"""`hilum calibrate`: the same network, deciding anew by films of another place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hilum import bundle
from hilum.cli.calibrate import calibrate
from hilum.errors import LayoutError, RecipeError, RequestError
from hilum.inference import Detector
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

    films = np.random.default_rng(0).integers(0, 256, (8, 32, 32), dtype=np.uint8)
    plain, corrected = (Detector(folder).probs(films)[:, 1] for folder in ("theirs", "mine/bundle"))
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
