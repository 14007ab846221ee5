"""`hilum export`: the same bundle with its network in another form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum import bundle
from hilum.bundle import int8
from hilum.cli.export import export
from hilum.errors import BundleError, RequestError
from hilum.inference import Detector
from hilum.inference.engine_selection import select_engine
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder

COUNTS = {"train": {"normal": 60, "bacteria": 60}}


@pytest.fixture
def here(chest_folder: ChestFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return chest_folder(COUNTS)


@pytest.fixture
def anything_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained network ranks films by differences that 8 bits do not hold."""
    monkeypatch.setattr(int8, "RANKING", 1.0)
    monkeypatch.setattr(int8, "DECIDING", 1.0)


def test_onnx_is_in_every_bundle(here: Path, tiny_bundle: Path) -> None:
    export(tiny_bundle, "onnx", Path("out"))
    written = bundle.read("out/bundle")
    assert written.spec.files == bundle.read(tiny_bundle).spec.files


def test_openvino_reads_its_own_form(here: Path, tiny_bundle: Path) -> None:
    openvino = pytest.importorskip("openvino")
    export(tiny_bundle, "openvino", Path("out"))
    assert {"model.xml", "model.bin"} <= set(bundle.read("out/bundle").spec.files)
    network = openvino.Core().compile_model("out/bundle/model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    squares = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    given = bundle.probabilities(network([squares[:, None].astype(np.float32) / 255])[0])
    np.testing.assert_allclose(given, Detector(tiny_bundle).probs(squares), atol=1e-5)


@pytest.mark.usefixtures("anything_goes")
def test_int8_is_made_of_train_films_and_used_by_name(here: Path, tiny_bundle: Path) -> None:
    export(tiny_bundle, "onnx", Path("out"), "int8", here)
    squares = np.random.default_rng(0).integers(0, 256, (12, 32, 32), dtype=np.uint8)
    exact = Detector("out/bundle").probs(squares)
    np.testing.assert_array_equal(exact, Detector(tiny_bundle).probs(squares))
    small = Detector("out/bundle", precision="int8")
    assert small.engine is not None
    assert (small.engine.name, small.engine.precision) == ("onnx", "int8")
    assert 0 < np.abs(small.probs(squares) - exact).max() < 0.05
    pytest.importorskip("openvino")
    other = Detector("out/bundle", engine="openvino", precision="int8").probs(squares)
    np.testing.assert_allclose(other, small.probs(squares), atol=0.01)
    engine, precision = select_engine(bundle.read("out/bundle"), "auto", "int8", 1)
    assert engine in ("onnx", "openvino")
    assert precision == "int8"


@pytest.mark.usefixtures("anything_goes")
def test_int8_whose_answers_this_machine_does_not_give_is_refused(
    here: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tiny_bundle, "onnx", Path("out"), "int8", here)
    monkeypatch.setattr("hilum.bundle.golden.TOLERANCE", -1.0)
    with pytest.raises(BundleError, match="onnx in int8 gives generated films"):
        Detector("out/bundle", precision="int8")


def test_int8_that_changes_a_figure_is_refused_with_the_figures(
    here: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "RANKING", -1.0)
    with pytest.raises(
        RequestError, match=r"int8 does not hold on \d+ validation films: auroc .* Nothing was written"
    ):
        export(tiny_bundle, "onnx", Path("out"), "int8", here)
    assert not Path("out").exists()


def test_what_cannot_be_made_is_refused(here: Path, tiny_bundle: Path, hilum: Hilum, tmp_path: Path) -> None:
    asked = ("export", tiny_bundle, "--to", "onnx", "--out", "out")
    assert "go together" in refusal(hilum(*asked, "--precision", "int8"), 2)
    assert "go together" in refusal(hilum(*asked, "--data", here), 2)
    rows = [f"{film},NORMAL\n" for film in sorted((here / "train" / "NORMAL").iterdir())]
    (tmp_path / "table.csv").write_text("".join(["path,label\n", *rows]))
    refused = refusal(hilum(*asked, "--precision", "int8", "--data", "table.csv"), 2)
    assert "no val film is labelled PNEUMONIA" in refused
    export(tiny_bundle, "onnx", Path("out"))
    assert "holds a bundle already" in refusal(hilum(*asked), 2)
