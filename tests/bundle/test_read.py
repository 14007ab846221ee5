"""A bundle is opened whole and unchanged, or refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hilum import bundle
from hilum.bundle.read import seal_of
from hilum.errors import BundleError
from tests.bundle.conftest import recipe_of


@pytest.fixture
def copy(session_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(session_bundle, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["weights.safetensors", "model.onnx", "golden.json", "CARD.md"])
def test_a_changed_byte_is_found(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name}: changed after it was written"):
        bundle.read(copy)


def test_a_changed_threshold_is_found(copy: Path) -> None:
    path = copy / "bundle.json"
    path.write_text(path.read_text().replace('"threshold": 0.4', '"threshold": 0.5'))
    with pytest.raises(BundleError, match=r"bundle.json: changed"):
        bundle.read(copy)


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_every_byte_of_the_record_is_sealed(copy: Path, step: int) -> None:
    content = (copy / "bundle.json").read_bytes()
    for place in range(0, len(content), step):
        changed = bytearray(content)
        changed[place] ^= 1
        (copy / "bundle.json").write_bytes(changed)
        with pytest.raises(BundleError, match=r"bundle.json: (changed|damaged|schema)"):
            bundle.read(copy)


def test_a_bundle_from_before_a_field_existed_opens_with_its_default(copy: Path) -> None:
    path = copy / "bundle.json"
    record = json.loads(path.read_text())
    del record["recipe"]["transfer"], record["recipe"]["pixels"]["denoise"]
    path.write_text(json.dumps({**record, "seal": seal_of(record)}))
    assert bundle.read(copy).spec.recipe == recipe_of()


def test_how_the_record_is_laid_out_does_not_matter(copy: Path) -> None:
    path = copy / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert bundle.read(copy).spec.classes == ("NORMAL", "PNEUMONIA")


@pytest.mark.parametrize("name", ["weights.safetensors", "model.onnx", "golden.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        bundle.read(copy)


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not a bundle"):
        bundle.read(tmp_path)
    with pytest.raises(BundleError, match="not a bundle"):
        bundle.read(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"schema": 1}'])
def test_a_damaged_record(copy: Path, content: bytes) -> None:
    (copy / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        bundle.read(copy)


def test_another_schema_is_named(copy: Path) -> None:
    record = json.loads((copy / "bundle.json").read_text())
    (copy / "bundle.json").write_text(json.dumps({**record, "schema": 99}))
    with pytest.raises(BundleError, match="schema 99; this Hilum reads 2, 3, 4, 5, 6 and 7"):
        bundle.read(copy)


def test_a_machine_that_computes_something_else_is_noticed(session_bundle: Path) -> None:
    opened = bundle.read(session_bundle)
    with pytest.raises(BundleError, match="generated films"):
        bundle.check_golden(
            bundle.parse_golden(opened.golden, "golden.json"),
            opened.folder,
            opened.spec.recipe.pixels,
            lambda films, lungs: np.tile([1.0, 0.0], (4, 1)),
        )


def test_one_logit_is_a_sigmoid_and_several_are_a_softmax() -> None:
    logits = np.array([[-800.0], [0.0], [800.0]], dtype=np.float32)
    np.testing.assert_allclose(bundle.probabilities(logits), np.array([[1, 0], [0.5, 0.5], [0, 1]]))
    rows = bundle.probabilities(np.log(np.array([[1.0, 2.0, 5.0]])))
    np.testing.assert_allclose(rows, [[0.125, 0.25, 0.625]])
