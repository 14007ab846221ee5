"""What an architecture costs and sees: against papers, against slow counts, against gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from hilum import models
from hilum.models import densenet, efficientnet, resnet, s1_cnn, vgg
from hilum.models.profile import BATCH, PUBLISHED, profile
from hilum.recipe import Model
from tests.models.conftest import profile_as_published
from tests.models.gradient_support import support

SLOW = ("vgg11", "vgg16", "vgg19", "resnet34", "resnet50", "resnet50-paper", "efficientnet-lite1", "densenet121")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_papers_tables(name: str) -> None:
    """Parameters to the last digit. He et al. round some multiply-adds and cut others: 7.57 is 7.6, 3.66 is 3.6.

    Google's of EfficientNet-Lite are 4 to 6% above those of convolutions and dense layers alone.
    """
    worked_out, published = profile_as_published(name), PUBLISHED[name]
    if published.million_parameters:
        rounding = 0 if published.million_parameters > 100 else 1
        assert round(worked_out.parameters / 1e6, rounding) == published.million_parameters
    if name.startswith("efficientnet-lite"):
        assert published.billion_multiply_adds is not None
        assert 1.04 < published.billion_multiply_adds * 1e9 / worked_out.multiply_adds < 1.06
    elif published.billion_multiply_adds:
        assert worked_out.multiply_adds / 1e9 == pytest.approx(published.billion_multiply_adds, abs=0.1)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [("vgg16", 212), ("resnet50-paper", 483), ("resnet101-paper", 1027), ("resnet152-paper", 1507)],
)
def test_published_receptive_fields(name: str, pixels: int) -> None:
    """Araujo, Norris & Sim, Distill 2019; in their ResNets, as in the paper's, the stride is before a stage's 3×3."""
    assert profile_as_published(name).receptive_field == pixels


@pytest.mark.parametrize(
    "name",
    [
        "s1-cnn",
        "vgg16-c",
        "resnet18",
        "efficientnet-lite0",
        *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
    ],
)
def test_the_receptive_field_is_where_the_gradient_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = profile_as_published(name).receptive_field
    # The field does not depend on how many channels there are; few of them are quicker.
    monkeypatch.setattr(vgg, "WIDTHS", (2,) * 5)
    monkeypatch.setattr(resnet, "WIDTHS", (2,) * 4)
    monkeypatch.setattr(s1_cnn, "BLOCKS", ((2, 0.0),) * 5)
    monkeypatch.setattr(efficientnet, "WIDTHS", (2,) * 7)
    monkeypatch.setattr(efficientnet, "STEM", 2)
    monkeypatch.setattr(efficientnet, "TOP", 2)
    monkeypatch.setattr(densenet, "GROWTH", 1)
    monkeypatch.setattr(densenet, "STEM", 2)
    body = models.build(Model(name, channels=1, head="linear"), 32).body
    assert support(nn.Sequential(*body.stages.values()), channels=1, size=pixels + 64) == pixels


@pytest.mark.parametrize("name", ["s1-cnn", "vgg11-lrn", "vgg16-c-bn", "resnet50-paper", "efficientnet-lite0"])
@pytest.mark.parametrize("head", ["default", "s2", "linear"])
def test_multiply_adds_are_those_of_each_layer(name: str, head: str) -> None:
    """Every output value of a convolution or dense layer costs its weights once."""
    spec, size = Model(name, head=head), 65  # type: ignore[arg-type]
    counted = 0

    def count(layer: nn.Module, given: tuple[Tensor, ...], values: Tensor) -> None:
        nonlocal counted
        assert isinstance(layer.weight, Tensor)
        counted += values.numel() * layer.weight[0].numel()

    with torch.device("meta"):
        network = models.build(spec, size)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.register_forward_hook(count)
        network.eval()(torch.empty(1, 1, size, size))
    # A VGG's pool to 7×7 multiplies by its averages too.
    assert profile(spec, size).multiply_adds == pytest.approx(counted, rel=1e-3 if head == "default" else 0)


def test_a_training_step_of_s1_holds_these_maps() -> None:
    """The film; of each block what ReLU, dropout (and its mask), norm and pool (and its index) give."""
    values, indices, side = 128**2, 0, 128
    for width, dropout in s1_cnn.BLOCKS:
        values += width * side**2 * (4 if dropout else 2)
        side //= 2
        values += width * side**2
        indices += width * side**2
    values += 4096 + 512  # dropout's mask, whose output is held in the place of the last pool's; the hidden layer
    statistics = 2 * sum(width for width, _ in s1_cnn.BLOCKS)
    activations = BATCH * (4 * values + 8 * indices) + 4 * statistics
    weights = 4 * (2_525_121 + 3 * 2_524_033)  # gradients and Adam's two states beside them
    assert profile(Model(), 128).step_bytes == weights + activations


def test_frozen_stages_neither_learn_nor_hold_activations() -> None:
    spec = Model("vgg16", channels=3, normalise="vgg", head="s2")
    frozen, free = profile(spec, 256, frozen="trunk"), profile(spec, 256)
    assert (frozen.trainable, free.trainable) == (16_843_521, 31_558_209)
    assert frozen.keras_total == free.keras_total == 31_558_209
    held = frozen.step_bytes - 4 * (31_558_209 + 3 * 16_843_521)
    assert held == 4 * BATCH * (8 * 8 * 512 + 512 + 128)
    assert profile(spec, 256, frozen="stage4").step_bytes < free.step_bytes


def test_what_a_recipe_can_name() -> None:
    worked_out = profile(Model("resnet18", channels=3), 97)
    assert worked_out.stages == ("stem", "stage1", "stage2", "stage3", "stage4")
    assert worked_out.attribution_layers == ("layer1.1", "layer2.1", "layer3.1", "layer4.1")
    assert worked_out.feature_shape == (512, 4, 4)
