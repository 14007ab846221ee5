"""A bundle holds everything that a prediction needs, twice: for torch and for ONNX Runtime, saying the same."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load

from hilum import bundle
from hilum.bundle.golden import golden_films
from hilum.bundle.seal import part_of
from hilum.bundle.weights import load_model
from hilum.errors import RequestError
from hilum.inference import Detector
from tests.bundle.conftest import make, make_three, recipe_of


def test_has_every_file_and_no_other(session_bundle: Path) -> None:
    names = {path.name for path in session_bundle.iterdir()}
    assert names == {"bundle.json", "weights.safetensors", "model.onnx", "golden.json", "CARD.md"}


@pytest.mark.parametrize("weights", ["float16", "float32"])
def test_torch_and_onnx_say_the_same(tmp_path: Path, weights: str) -> None:
    opened = make(tmp_path / "bundle", weights)
    films = golden_films(recipe_of().pixels)
    with torch.no_grad():
        logits = load_model(opened)(torch.from_numpy(films)[:, None].float() / 255).numpy()
    np.testing.assert_allclose(Detector(opened.folder).probs(films), bundle.probabilities(logits), atol=1e-5)


def test_three_classes_have_three_logits_that_add_up_to_one(tmp_path: Path) -> None:
    opened = make_three(tmp_path / "bundle")
    films = golden_films(recipe_of().pixels)
    with torch.no_grad():
        logits = load_model(opened)(torch.from_numpy(films)[:, None].float() / 255).numpy()
    probs = Detector(opened.folder).probs(films)
    assert logits.shape == probs.shape == (4, 3)
    np.testing.assert_allclose(probs, bundle.probabilities(logits), atol=1e-5)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert opened.spec.operating_point.threshold is None
    assert opened.spec.data["train"].films == {"NORMAL": 1, "virus": 1}


def test_half_the_bytes_hold_the_same_network(tmp_path: Path) -> None:
    half, whole = make(tmp_path / "half", "float16"), make(tmp_path / "whole", "float32")
    for name in ("model.onnx", "weights.safetensors"):
        assert (half.folder / name).stat().st_size < 0.56 * (whole.folder / name).stat().st_size
    stored = load(half.weights).values()
    assert {tensor.dtype for tensor in stored if tensor.ndim >= 2} == {torch.float16}
    assert {tensor.dtype for tensor in stored if tensor.ndim == 1} == {torch.float32}  # biases and statistics


def test_any_number_of_films_at_a_time(session_bundle: Path) -> None:
    detector = Detector(session_bundle)
    films = np.random.default_rng(0).integers(0, 256, (7, 32, 32), dtype=np.uint8)
    alone = np.concatenate([detector.probs(film[None]) for film in films])
    np.testing.assert_allclose(detector.probs(films), alone, atol=1e-6)


def test_names_nothing_of_the_machine_that_wrote_it(session_bundle: Path) -> None:
    here = str(Path(__file__).parents[2]).encode()
    for path in session_bundle.iterdir():
        assert here not in path.read_bytes(), path.name


def test_the_record_says_what_was_learnt_from(session_bundle: Path) -> None:
    spec = bundle.read(session_bundle).spec
    assert spec.data["train"].films == {"NORMAL": 1, "PNEUMONIA/virus": 1}
    assert spec.data["val"].patients == 2
    assert spec.operating_point.threshold == 0.4
    assert spec.metrics["auroc"].low == 0.8
    assert spec.metrics["f1"].value is None
    assert spec.recipe == recipe_of()


def test_the_card_says_what_a_stranger_must_know(session_bundle: Path) -> None:
    text = (session_bundle / "CARD.md").read_text()
    assert "not a medical device" in text
    assert "Nobody's films." in text
    assert "0.9000 (0.8000 to 1.0000)" in text


def test_a_bundle_is_replaced_whole(tmp_path: Path) -> None:
    first, second = make(tmp_path / "b", seed=0), make(tmp_path / "b", seed=1)
    assert first.spec.files["weights.safetensors"] != second.spec.files["weights.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_folder_that_is_no_bundle_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(RequestError, match="exists and is no bundle"):
        make(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_the_golden_predictions_are_those_of_the_network(session_bundle: Path) -> None:
    rows = json.loads((session_bundle / "golden.json").read_text())["probs"]
    probs = Detector(session_bundle).probs(golden_films(recipe_of().pixels))
    np.testing.assert_allclose(rows, probs, atol=1e-4)


def test_every_file_has_the_permissions_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        opened = make(tmp_path / "bundle")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in opened.folder.iterdir()}
    del modes["model.onnx"]  # a copy of the export that the tests share
    assert set(modes.values()) == {0o640}, modes
    assert stat.S_IMODE(opened.folder.stat().st_mode) == 0o750


def test_what_a_killed_command_left_goes_and_a_bundle_that_it_had_moved_away_comes_back(tmp_path: Path) -> None:
    folder = make(tmp_path / "bundle").folder
    (tmp_path / ".bundle.part").mkdir()
    (tmp_path / ".bundle.part" / "weights.safetensors").write_bytes(b"half")
    folder.rename(tmp_path / ".bundle.old")

    def refused() -> None:
        with part_of(folder):
            assert bundle.read(folder)
            raise RequestError("too few films")

    with pytest.raises(RequestError, match="too few films"):
        refused()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert bundle.read(folder)


@pytest.mark.parametrize("named", ["nothing", "the hidden file", "the source of a copy"])
def test_a_full_disk_names_the_bundles_file_and_leaves_the_old_bundle(tmp_path: Path, named: str) -> None:
    folder = make(tmp_path / "bundle").folder
    full = errno.ENOSPC, os.strerror(errno.ENOSPC)

    def fill() -> None:
        with part_of(folder) as part:
            (part / "model.onnx").write_bytes(b"half")
            match named:
                case "nothing":
                    raise OSError(*full)
                case "the hidden file":
                    raise OSError(*full, str(part / "model.onnx"))
                case _:
                    raise OSError(*full, "model.onnx", None, str(part / "model.onnx"))

    with pytest.raises(OSError, match="No space left") as raised:
        fill()
    assert raised.value.filename == str(folder if named == "nothing" else folder / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert bundle.read(folder)


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, part_of(tmp_path / "bundle"):
        (tmp_path / "films.csv").read_bytes()
    assert raised.value.filename == str(tmp_path / "films.csv")
