"""Files of weights: safetensors and torch's; Keras' are in test_keras.py."""

from __future__ import annotations

import os
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hilum.errors import RequestError
from hilum.training import checkpoint
from hilum.weights import read
from tests.weights.conftest import one_line, save

TENSORS = {
    "features.0.weight": torch.linspace(-1, 1, 2 * 3 * 3 * 3).view(2, 3, 3, 3),
    "features.1.num_batches_tracked": torch.tensor(7),
}


class Code:
    """Unpickled, it would make the file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.trace}",)


def write_torch(path: Path, content: object, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return list(found) == list(expected) and all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("legacy", [False, True])
def test_torchs_two_formats_are_read(legacy: bool, tmp_path: Path) -> None:
    file = read(write_torch(tmp_path / "mine.pth", TENSORS, legacy))
    assert same(file.tensors, TENSORS)
    assert (file.architecture, file.expects) == ("", "")


@pytest.mark.parametrize(
    ("name", "architecture", "expects"),
    [
        ("vgg16-397923af.pth", "vgg16", "imagenet"),
        ("vgg13_bn-abd245e5.pth", "vgg13-bn", "imagenet"),
        ("resnet152-394f9c45.pth", "resnet152", "imagenet"),
        ("vgg16_features-amdegroot-88682ab5.pth", "vgg16", "vgg"),
        ("densenet121-a639ec97.pth", "densenet121", "imagenet"),
        ("efficientnet-lite2-9656183e.pth", "efficientnet-lite2", "efficientnet"),
        ("densenet169-b2777c0a.pth", "", ""),
        ("vgg16.pth", "", ""),
    ],
)
def test_torchvisions_names_say_what_is_in_them(name: str, architecture: str, expects: str, tmp_path: Path) -> None:
    file = read(write_torch(tmp_path / name, TENSORS))
    assert (file.architecture, file.expects) == (architecture, expects)


def test_safetensors_are_read_whatever_their_name(tmp_path: Path) -> None:
    file = read(save(tmp_path / "mine", TENSORS))
    assert file.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(file.tensors[name], TENSORS[name]) for name in TENSORS)
    assert (file.architecture, file.expects) == ("", "")


def test_a_runs_checkpoint_is_read_for_its_network_alone(tmp_path: Path) -> None:
    """So that another run may start from the last good one, where a run diverged."""
    network = {f"body.{name}": tensor for name, tensor in TENSORS.items()}
    groups = {"model": network, "optimizer": {"0.exp_avg": torch.ones(2)}}
    checkpoint.save(tmp_path / "last.safetensors", groups, {"epoch": 3})
    found = read(tmp_path / "last.safetensors").tensors
    assert same(dict(sorted(found.items())), TENSORS)


def test_a_bundles_weights_lose_their_prefix_and_say_what_they_are(tmp_path: Path) -> None:
    halves = {f"body.{name}": t.half() if t.is_floating_point() else t for name, t in TENSORS.items()}
    header = {"architecture": "vgg16", "normalise": "film"}
    file = read(save(tmp_path / "weights.safetensors", halves, header))
    assert file.tensors.keys() == TENSORS.keys()
    weight = file.tensors["features.0.weight"]
    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight, TENSORS["features.0.weight"], rtol=1e-3, atol=0)
    assert (file.architecture, file.expects) == ("vgg16", "film")


def test_the_real_trunk_is_known_by_its_name(shared: Path) -> None:
    file = read(shared / "weights" / "vgg16_imagenet_features.safetensors")
    assert len(file.tensors) == 26
    assert (file.architecture, file.expects) == ("vgg16", "vgg")


@pytest.mark.parametrize("container", ["zip", "legacy", "bare"])
def test_code_in_a_file_is_refused_and_not_run(container: str, tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    content = {**TENSORS, "code": Code(trace)}
    if container == "bare":
        path.write_bytes(pickle.dumps(content))
    else:
        write_torch(path, content, legacy=container == "legacy")
    with pytest.raises(
        RequestError, match=r"perhaps code, which is never run.* save model\.state_dict\(\)"
    ) as raised:
        read(path)
    assert str(path) in one_line(raised)
    assert not trace.exists()
    with suppress(Exception):  # whoever lets it run the code gets this far
        torch.load(path, weights_only=False)
    assert trace.exists()


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="more than tensors"):
        read(write_torch(tmp_path / "module.pth", torch.nn.Linear(2, 2)))


@pytest.mark.parametrize("content", [{"epoch": 3, "state_dict": TENSORS}, [1, 2]])
def test_a_checkpoint_of_another_kind_is_refused(content: object, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="not a plain dictionary of tensors"):
        read(write_torch(tmp_path / "checkpoint.pth", content))


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
def test_a_truncated_file_is_refused(kind: str, kept: float, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    tensors = {name: torch.rand(100, 100) for name in ("a", "b", "c")}
    if kind == "safetensors":
        save(path, tensors)
    else:
        write_torch(path, tensors, legacy=kind == "legacy")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(RequestError, match="damaged") as raised:
        read(path)
    assert str(path) in one_line(raised)


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x00" * 100])
def test_another_format_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"not weights in a format that Hilum reads.*\.safetensors"):
        read(path)


@pytest.mark.parametrize(
    ("name", "word"), [("model.keras", r"save_weights\('trunk\.weights\.h5'\)"), ("model.zip", "damaged")]
)
def test_an_archive_of_something_else_is_refused(name: str, word: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(RequestError, match=word) as raised:
        read(tmp_path / name)
    one_line(raised)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read") as raised:
        read(tmp_path / "none.pth")
    one_line(raised)
