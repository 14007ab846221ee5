"""What passes a gate, what does not, and what is said of it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image
from sklearn.metrics import roc_auc_score

from hilum import films, gate
from hilum.gate import Reason
from hilum.gate.descriptor import Image8
from hilum.pixels import decode, preprocess
from hilum.recipe import Pixels
from tests.gate.conftest import Chests

SAID = {
    "rotated by 90 degrees": {Reason.CLOCKWISE, Reason.ANTICLOCKWISE},
    "rotated by 180 degrees": {Reason.UPSIDE_DOWN},
    "inverted": {Reason.INVERTED},
    "noise": {Reason.NOISE, Reason.STRANGE},
    "text": {Reason.TEXT},
}


def area(known: gate.GateResult, strange: gate.GateResult) -> float:
    labels = np.repeat([0, 1], [len(known.scores), len(strange.scores)])
    return float(roc_auc_score(labels, np.concatenate([known.scores, strange.scores])))


def test_chests_of_other_patients_pass(fitted: gate.Gate, held_out: list[Image8]) -> None:
    result = gate.check_films(fitted, held_out)
    assert result.passed.mean() >= 0.95
    assert set(result.reasons) <= {Reason.PASSED, Reason.UNLIKE, Reason.STRANGE}


@pytest.mark.parametrize("kind", SAID)
def test_strangers_are_stopped_and_told_apart(fitted: gate.Gate, held_out: list[Image8], kind: str) -> None:
    result = gate.check_films(fitted, gate.ood_examples(held_out)[kind])
    assert area(gate.check_films(fitted, held_out), result) >= 0.99
    assert result.passed.mean() <= 0.02
    told = Counter(result.reasons)
    assert sum(told[reason] for reason in SAID[kind]) >= 0.9 * len(result.reasons)


def test_the_turn_that_is_named_is_the_one_that_was_made(fitted: gate.Gate, held_out: list[Image8]) -> None:
    turns = {Reason.CLOCKWISE: cv2.ROTATE_90_CLOCKWISE, Reason.ANTICLOCKWISE: cv2.ROTATE_90_COUNTERCLOCKWISE}
    for reason, turn in turns.items():
        turned = [np.asarray(cv2.rotate(film, turn), dtype=np.uint8) for film in held_out]
        assert Counter(gate.check_films(fitted, turned).reasons).most_common(1)[0][0] == reason


def test_a_film_passes_up_to_a_score_of_a_half_and_then_has_no_reason(
    fitted: gate.Gate, held_out: list[Image8]
) -> None:
    result = gate.check_films(fitted, [*held_out, *gate.ood_examples(held_out)["noise"]])
    np.testing.assert_array_equal(result.passed, result.scores <= 0.5)
    assert [reason == "" for reason in result.reasons] == result.passed.tolist()
    assert result.scores.min() >= 0
    assert result.scores.max() <= 1


def test_a_film_is_judged_for_itself(fitted: gate.Gate, held_out: list[Image8]) -> None:
    together = gate.check_films(fitted, held_out[:5])
    for number, film in enumerate(held_out[:5]):
        alone = gate.check_films(fitted, [film])
        assert alone.scores[0] == pytest.approx(together.scores[number], rel=1e-9)
        assert alone.reasons[0] == together.reasons[number]
    nothing = gate.check_films(fitted, [])
    assert (nothing.scores.shape, nothing.passed.shape, nothing.reasons) == ((0,), (0,), ())


@pytest.mark.parametrize("level", [0, 80, 255])
def test_an_even_picture_never_passes(fitted: gate.Gate, level: int) -> None:
    result = gate.check_films(fitted, [np.full((64, 64), level, dtype=np.uint8)])
    assert result.scores[0] == 1
    assert result.reasons == (Reason.BLANK,)


def test_a_film_is_as_strange_as_its_worst_sign(fitted: gate.Gate, held_out: list[Image8]) -> None:
    """White noise of growing strength over a chest: stopped in the end, and never less strange than before."""
    grain = np.random.default_rng(0).normal(size=held_out[0].shape)
    noisy = [np.clip(held_out[0] + strength * grain, 0, 255).astype(np.uint8) for strength in (0, 40, 80, 160, 320)]
    scores = gate.check_films(fitted, noisy).scores
    assert scores[0] <= 0.5 < scores[-1]
    assert (np.diff(scores) > 0).all()


def test_noise_is_stopped_by_its_roughness_alone(fitted: gate.Gate, held_out: list[Image8]) -> None:
    """Noise runs in all directions alike, which is not far from what films do on average."""
    anything = replace(fitted, distance=1e9)
    white = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    assert gate.check_films(anything, held_out).passed.all()
    assert gate.check_films(anything, [white]).reasons == (Reason.NOISE,)


def askew(chests: list[Image8], degrees: float, zoom: float) -> list[Image8]:
    middle = (len(chests[0]) - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, zoom)
    return [np.asarray(cv2.warpAffine(film, matrix, film.shape), dtype=np.uint8) for film in chests]


def test_a_chest_may_lie_a_little_askew(
    fitted: gate.Gate, chests: Chests, held_out: list[Image8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phantoms all lie alike, so that a gate that is shown no other views stops them at once."""
    monkeypatch.setattr("hilum.gate.fit._view", lambda film, draws: film)
    strict = gate.fit_gate(chests(range(300)), [""] * 300, seed=1)
    for degrees, zoom in ((5, 1), (-5, 1), (0, 0.9), (0, 1.1)):
        films = askew(held_out, degrees, zoom)
        assert gate.check_films(fitted, films).passed.mean() > gate.check_films(strict, films).passed.mean() + 0.3


@pytest.mark.parametrize("size", [32, 128, 512])
def test_a_gate_is_of_any_size(chests: Chests, size: int) -> None:
    fitted = gate.fit_gate(chests(range(60), size), [""] * 60)
    others = chests(range(1000, 1030), size)
    strangers = gate.ood_examples(others)
    assert gate.check_films(fitted, others).passed.mean() >= 0.9
    for kind in SAID:
        assert gate.check_films(fitted, strangers[kind]).passed.mean() <= 0.1, kind


def test_judging_loads_no_torch_and_no_scikit_learn() -> None:
    code = (
        "import sys, numpy as np; from hilum import gate;"
        "films = np.random.default_rng(0).integers(0, 256, (30, 64, 64), dtype=np.uint8);"
        "gate.check_films(gate.fit_gate(films, [''] * 30), films);"
        "print(sorted({'torch', 'sklearn', 'scipy', 'skimage'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_real_films_pass_and_real_strangers_do_not(shared: Path) -> None:
    skimage = pytest.importorskip("skimage")
    pixels = Pixels(size=64)
    manifest = films.index(shared / "data" / "chest_xray")
    train, val = list(manifest.split("train"))[::12], list(manifest.split("val"))[::3]
    squares = [preprocess(decode(film.path), pixels) for film in train]
    fitted = gate.fit_gate(squares, [film.patient for film in train], seed=1)
    chests = [preprocess(decode(film.path), pixels) for film in val]
    known = gate.check_films(fitted, chests)
    assert known.passed.mean() >= 0.97
    for degrees, zoom in ((10, 1), (-10, 1), (0, 0.85), (0, 1.15)):
        assert gate.check_films(fitted, askew(chests, degrees, zoom)).passed.mean() >= 0.9

    photographs = Path(skimage.__file__).parent / "data"
    pictures = [
        preprocess(
            np.asarray(Image.open(photographs / name).convert("L"), dtype=np.float32) / np.float32(255), pixels
        )
        for name in ("astronaut.png", "camera.png", "coins.png", "moon.png", "page.png", "rocket.jpg", "text.png")
    ]
    leg = preprocess(decode(str(shared / "data" / "dicom" / "RG3_J2KR.dcm")), pixels)
    for kind, strangers in {"photographs": pictures, "a leg": [leg], **gate.ood_examples(chests)}.items():
        judged = gate.check_films(fitted, strangers)
        assert area(known, judged) >= 0.99, kind
        assert judged.passed.mean() <= 0.02, kind
