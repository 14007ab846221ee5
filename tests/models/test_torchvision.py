"""VGG, ResNet and DenseNet are torchvision's: the same names, shapes and logits (`make_torchvision_reference.py`)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from hilum import models
from tests.models.conftest import as_published, profile_as_published
from tests.models.make_torchvision_reference import LOGITS, REFERENCE, digest, fill, images, tensors

PUBLISHED: dict[str, dict[str, Any]] = json.loads(REFERENCE.read_text("utf-8"))
LEAN = {
    ("vgg11", 64),
    ("vgg16_bn", 64),
    ("resnet18", 97),
    ("resnet50", 97),
    ("densenet121", 64),
}  # the others take a minute


def ours(name: str) -> str:
    return name.replace("_", "-")


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_in_order(name: str) -> None:
    with torch.device("meta"):
        body = models.build(as_published(ours(name)), 224, 1000).body
    named = tensors(body)
    assert (len(named), list(named[0]), list(named[-1])) == tuple(
        PUBLISHED[name][k] for k in ("tensors", "first", "last")
    )
    assert digest(named) == PUBLISHED[name]["sha256"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_multiply_adds(name: str) -> None:
    worked_out = profile_as_published(ours(name))
    assert worked_out.parameters == PUBLISHED[name]["parameters"]
    assert worked_out.multiply_adds / 1e9 == pytest.approx(PUBLISHED[name]["billion_multiply_adds"], abs=6e-4)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param(name, int(size), marks=[] if (name, int(size)) in LEAN else pytest.mark.slow)
        for name, entry in PUBLISHED.items()
        for size in entry["logits"]
    ],
)
def test_logits(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for draw in ("kaiming_uniform_", "kaiming_normal_", "normal_"):  # `fill` draws them all again
        monkeypatch.setattr(nn.init, draw, lambda weight, *_, **__: weight)
    body = models.build(as_published(ours(name)), size, 1000).body.eval()
    fill(body)
    expected = torch.tensor(PUBLISHED[name]["logits"][str(size)])
    with torch.inference_mode():
        logits = body(images(size))[:, :LOGITS]
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
