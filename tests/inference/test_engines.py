"""Whatever computes a network, and in whatever precision: the answer is the same within what is stated."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum import bundle, extras
from hilum.bundle import Bundle
from hilum.errors import BundleError, RequestError
from hilum.inference import Detector, engines
from hilum.inference.engines import TOLERANCES, open_engine
from hilum.inference.openvino import cpu_capabilities
from hilum.pixels import chest_phantom, preprocess
from hilum.recipe import Pixels
from tests.bundle.conftest import make, make_of, make_three

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tiny") / "bundle").folder


def films_of(size: int, number: int = 12) -> np.ndarray:
    """Phantoms, some of them dim and without contrast, and noise."""
    phantoms = [chest_phantom(seed, (100, 120), seed % 2) for seed in range(number)]
    dimmed = [0.2 + 0.1 * film if seed % 3 == 0 else film for seed, film in enumerate(phantoms)]
    squares = [preprocess(film.astype(np.float32), Pixels(size=size)) for film in dimmed]
    noise = np.random.default_rng(0).integers(0, 256, (2, size, size), dtype=np.uint8)
    return np.concatenate([np.stack(squares), noise])


@pytest.fixture(scope="module", params=["s1-cnn", "s1-cnn unnormalised", "resnet18", "three classes"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    folder = tmp_path_factory.mktemp("engines") / "bundle"
    if request.param == "three classes":
        yield make_three(folder)
    elif request.param == "s1-cnn unnormalised":
        yield make_of(folder, "s1-cnn", "none")
    else:
        yield make_of(folder, request.param)


def judged(opened: Bundle, name: Any, precision: Any) -> np.ndarray:
    engine, note = open_engine(opened, name, precision, threads=2)
    assert (engine.name, engine.precision, note) == (name, precision, "")
    return bundle.probabilities(engine.logits(films_of(opened.spec.recipe.pixels.size)))


def test_every_engine_and_precision_says_what_onnx_runtime_says_in_float32(opened: Bundle) -> None:
    exact = judged(opened, "onnx", "float32")
    assert np.abs(judged(opened, "openvino", "float32") - exact).max() <= TOLERANCES["float32"]
    if "BF16" in cpu_capabilities():
        assert np.abs(judged(opened, "openvino", "bfloat16") - exact).max() <= TOLERANCES["bfloat16"]


def test_bfloat16_leaves_a_films_mean_and_deviation_alone(tiny: Path) -> None:
    """Of a film whose greys hardly differ, 8 bits of mantissa would leave nothing once the mean is gone."""
    if "BF16" not in cpu_capabilities():
        pytest.skip("this processor has no bfloat16")
    opened = bundle.read(tiny)
    exact, half = (open_engine(opened, "openvino", kind, 1)[0] for kind in ("float32", "bfloat16"))
    flat = np.random.default_rng(1).integers(200, 203, (4, 32, 32), dtype=np.uint8)
    allowed = 0.02 * float(np.ptp(exact.logits(films_of(32))))
    np.testing.assert_allclose(half.logits(flat), exact.logits(flat), atol=allowed)


def test_films_do_not_depend_on_their_company(opened: Bundle) -> None:
    films = films_of(opened.spec.recipe.pixels.size)
    for name in engines.installed_engines():
        engine, _ = open_engine(opened, name, "float32", 1)
        alone = np.concatenate([engine.logits(film[None]) for film in films])
        np.testing.assert_allclose(engine.logits(films), alone, atol=1e-4)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_several_threads_at_once_get_what_one_gets(opened: Bundle, name: Any) -> None:
    engine, _ = open_engine(opened, name, "float32", threads=2)
    films = films_of(opened.spec.recipe.pixels.size)
    parts = [films[start : start + 3] for start in range(0, 12, 3)] * 4
    expected = [engine.logits(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:  # more than it has requests
        for given, alone in zip(pool.map(engine.logits, parts), expected, strict=True):
            np.testing.assert_allclose(given, alone, atol=1e-5)


def test_nobody_is_told_that_films_are_read(tiny: Path) -> None:
    program = (
        "import sys; from hilum.inference import Detector; "
        f"Detector({str(tiny)!r}, engine='openvino'); "
        "told = [name for name, module in sys.modules.items() if name.startswith('openvino_telemetry') and module]; "
        "sys.exit(', '.join(told) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_detector_may_use_any_of_them(tiny: Path) -> None:
    films = films_of(32, 20)
    exact = Detector(tiny).probs(films)
    other = Detector(tiny, engine="openvino")
    assert other.engine is not None
    assert (other.engine.name, other.engine.precision) == ("openvino", "float32")
    np.testing.assert_allclose(other.probs(films), exact, atol=TOLERANCES["float32"])


def test_an_engine_that_is_not_installed_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    for asked in ({"engine": "openvino"}, {"engine": "auto", "precision": "bfloat16"}):
        with pytest.raises(
            RequestError, match=r'openvino, which is not installed: pip install "hilum\[fast\]"|no bfloat16'
        ):
            Detector(tiny, **asked)  # type: ignore[arg-type]


def test_a_precision_that_an_engine_lacks_is_refused(tiny: Path) -> None:
    with pytest.raises(RequestError, match="ONNX Runtime has no bfloat16 on a CPU: use --engine openvino"):
        Detector(tiny, engine="onnx", precision="bfloat16")


def test_int8_that_nobody_made_is_refused(tiny: Path) -> None:
    with pytest.raises(RequestError, match=r"has no int8 network; make one with: hilum export .* --precision int8"):
        Detector(tiny, precision="int8")


def test_a_processor_without_the_instructions_falls_back_and_says_so(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "cpu_capabilities", lambda: ["FP32", "INT8"])
    detector = Detector(tiny, engine="openvino", precision="bfloat16")
    assert detector.engine is not None
    assert detector.engine.precision == "float32"
    assert detector.note == "this processor has no instructions for bfloat16; computing in float32"


def test_an_answer_that_moves_too_far_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "BF16" not in cpu_capabilities():
        pytest.skip("this processor has no bfloat16")
    monkeypatch.setattr("hilum.bundle.golden.TOLERANCE", 0.0)
    with pytest.raises(BundleError, match=r"openvino in bfloat16 gives generated films .* use --precision float32"):
        Detector(tiny, engine="openvino", precision="bfloat16")
