"""Parameters are exactly those of the literature and of the study."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hilum import models
from hilum.recipe import Model

PUBLISHED = {
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
}
S2 = Model("vgg16", channels=3, normalise="vgg", head="s2")


def on_meta(spec: Model, size: int, classes: int = 2) -> models.Network:
    with torch.device("meta"):
        return models.build(spec, size, classes)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_with_a_thousand_outputs(name: str) -> None:
    network = on_meta(Model(name, channels=3, output="softmax"), 224, 1000)
    assert parameters(network) == PUBLISHED[name]


@pytest.mark.parametrize(
    ("name", "same_as"),
    [("vgg11-lrn", "vgg11"), *((f"resnet{depth}-paper", f"resnet{depth}") for depth in (50, 101, 152))],
)
def test_variants_without_weights_of_their_own(name: str, same_as: str) -> None:
    network = on_meta(Model(name, channels=3, output="softmax"), 224, 1000)
    assert parameters(network) == PUBLISHED[same_as]


def test_configuration_c_is_d_with_three_convolutions_of_1x1() -> None:
    network = on_meta(Model("vgg16-c", channels=3, output="softmax"), 224, 1000)
    pointwise = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
    assert len(pointwise) == 3
    assert parameters(network) == PUBLISHED["vgg16"] - 8 * sum(layer.weight.numel() for layer in pointwise)


def test_s2_is_the_studys_table() -> None:
    network = on_meta(S2, 256)
    trunk, head = network.split("trunk")
    trunk.requires_grad_(False)
    counts = models.count_parameters(network)
    assert (counts.total, counts.trainable) == (31_558_209, 16_843_521)
    assert parameters(trunk) == 14_714_688
    dense = [parameters(layer) for layer in head.modules() if isinstance(layer, nn.Linear)]
    assert dense == [16_777_728, 65_664, 129]


def test_s2s_trunk_gives_8x8x512() -> None:
    network = on_meta(S2, 256)
    maps, _ = network.split("stage5")
    assert maps(torch.empty(1, 1, 256, 256, device="meta")).shape == (1, 512, 8, 8)


def test_s3_is_resnet_50_with_two_outputs() -> None:
    network = on_meta(Model("resnet50", channels=3, normalise="imagenet", output="softmax"), 224)
    assert parameters(network) == PUBLISHED["resnet50"] - 998 * 2049
