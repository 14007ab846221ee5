"""Small networks with random weights, and files of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from hilum import models
from hilum.models import densenet, efficientnet, resnet, vgg
from hilum.recipe import Model


@pytest.fixture(autouse=True)
def _no_weights_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the weights of the person who runs it."""
    monkeypatch.delenv("HILUM_WEIGHTS", raising=False)


@pytest.fixture(scope="package", autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks as small as these only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks with all their layers, but few channels."""
    monkeypatch.setattr(vgg, "WIDTHS", (4, 6, 8, 8, 8))
    monkeypatch.setattr(vgg, "HIDDEN", 12)
    monkeypatch.setattr(resnet, "WIDTHS", (4, 6, 8, 10))
    monkeypatch.setattr(efficientnet, "WIDTHS", (4,) * 7)
    monkeypatch.setattr(efficientnet, "TOP", 8)
    monkeypatch.setattr(densenet, "GROWTH", 2)
    monkeypatch.setattr(densenet, "STEM", 4)


def build(spec: Model, seed: int, size: int = 32, classes: int = 2) -> models.Network:
    """A network whose every value is random, the statistics of its batch norms too."""
    torch.manual_seed(seed)
    network = models.build(spec, size, classes).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.2)
    return network


def weights_of(network: models.Network) -> dict[str, Tensor]:
    """By torchvision's names."""
    return {name: tensor.clone() for name, tensor in network.body.state_dict().items()}


def save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    """Write safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)
    return path


def films(seed: int = 0, size: int = 32) -> Tensor:
    """Grey noise from 0 to 1, (2, 1, size, size)."""
    return torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(seed))


def one_line(raised: pytest.ExceptionInfo[Exception]) -> str:
    """What a person reads."""
    message = str(raised.value)
    assert "\n" not in message
    return message
