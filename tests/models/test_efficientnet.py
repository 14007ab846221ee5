"""EfficientNet-Lite is another library's: the same names, shapes, counts and logits, and its padding TensorFlow's."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hilum import models
from hilum.models.efficientnet import BlockGroup, Convolution, DroppedLinear, InvertedBottleneck
from tests.models.conftest import as_published, profile_as_published
from tests.models.make_efficientnet_reference import NO_BRANCH, REFERENCE
from tests.models.make_torchvision_reference import LOGITS, digest, fill, images, tensors

PUBLISHED: dict[str, dict[str, Any]] = json.loads(REFERENCE.read_text("utf-8"))
LEAN = {("efficientnet-lite0", 64), ("efficientnet-lite0", 97)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_shapes_and_parameters(name: str) -> None:
    with torch.device("meta"):
        named = tensors(models.build(as_published(name), 224, 1000).body)
    assert (len(named), digest(sorted(named))) == (PUBLISHED[name]["tensors"], PUBLISHED[name]["sha256"])
    assert profile_as_published(name).parameters == PUBLISHED[name]["parameters"]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param(name, int(size), marks=[] if (name, int(size)) in LEAN else pytest.mark.slow)
        for name, entry in PUBLISHED.items()
        for size in entry["logits"]
    ],
)
def test_logits(name: str, size: int) -> None:
    body = models.build(as_published(name), size, 1000).body.eval()
    fill(body, NO_BRANCH)
    expected = torch.tensor(PUBLISHED[name]["logits"][str(size)])
    with torch.inference_mode():
        logits = body(images(size))[:, :LOGITS]
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())


def same_convolution(maps: np.ndarray, kernels: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's `SAME`, of each channel by itself: a slow loop over every value."""
    channels, height, width = maps.shape
    side = kernels.shape[-1]
    down, across = math.ceil(height / stride), math.ceil(width / stride)
    top = max((down - 1) * stride + side - height, 0) // 2
    left = max((across - 1) * stride + side - width, 0) // 2
    result = np.zeros((channels, down, across))
    for channel, row, column in np.ndindex(channels, down, across):
        for y, x in np.ndindex(side, side):
            at = row * stride + y - top, column * stride + x - left
            if 0 <= at[0] < height and 0 <= at[1] < width:
                result[channel, row, column] += maps[channel, *at] * kernels[channel, y, x]
    return result


@pytest.mark.parametrize("sides", [(6, 6), (7, 7), (6, 7), (5, 2)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_a_depthwise_convolution_is_each_channel_by_itself_padded_as_in_tensorflow(
    kernel: int, stride: int, sides: tuple[int, int]
) -> None:
    maps = torch.randn(2, 3, *sides, dtype=torch.float64)
    layer = Convolution(3, 3, kernel, stride, groups=3).double()
    with torch.no_grad():
        given = layer(maps).numpy()
    kernels = layer.weight.detach()[:, 0].numpy()
    for film, expected in zip(given, maps.numpy(), strict=True):
        np.testing.assert_allclose(film, same_convolution(expected, kernels, stride), atol=1e-12)


@pytest.mark.parametrize(("stride", "outputs"), [(1, 4), (1, 5), (2, 4)])
def test_a_block_adds_its_input_where_the_shape_stays(stride: int, outputs: int) -> None:
    """Without any weight in its last batch norm a block is its input, or nothing."""
    block = InvertedBottleneck(4, outputs, BlockGroup(1, 3, stride, 6), stride, 0.2).eval()
    nn.init.zeros_(block.bn2.weight)
    maps = torch.randn(2, 4, 8, 8)
    expected = maps if (stride, outputs) == (1, 4) else torch.zeros(2, outputs, 8 // stride, 8 // stride)
    assert torch.equal(block(maps), expected)


def test_weights_are_drawn_so_that_values_keep_their_scale() -> None:
    """Tan & Le's code: a deviation of √(2 / fan-out), where a depthwise kernel's fan-out is its own area."""
    torch.manual_seed(0)
    assert Convolution(500, 500, 3, groups=500).weight.std().item() == pytest.approx(math.sqrt(2 / 9), rel=0.05)
    assert Convolution(50, 200, 1).weight.std().item() == pytest.approx(math.sqrt(2 / 200), rel=0.05)


def test_the_dense_layers_dropout_is_for_training_alone() -> None:
    torch.manual_seed(0)
    layer, values = DroppedLinear(1000, 1, 0.2), torch.ones(1, 1000)
    nn.init.constant_(layer.weight, 1 / 1000)
    nn.init.zeros_(layer.bias)
    assert layer.eval()(values).item() == pytest.approx(1)
    dropped = layer.train()(values).item() * 1000 / 1.25
    assert dropped == pytest.approx(round(dropped), abs=1e-2)
    assert 750 < dropped < 850
