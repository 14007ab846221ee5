"""What the VGG paper argues and counts, and the two layers that replace torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hilum.models.vgg import GRID, GridPool, LocalResponseNorm
from tests.models.gradient_support import support

CHANNELS = 16


@pytest.mark.parametrize(("depth", "side"), [(1, 3), (2, 5), (3, 7)])
def test_stacked_3x3_convolutions_see_as_far_as_one_larger(depth: int, side: int) -> None:
    stacked = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)))
    assert support(stacked, channels=1, size=21) == side
    assert support(nn.Conv2d(1, 1, side, padding=side // 2, bias=False), channels=1, size=21) == side


def test_three_3x3_convolutions_have_27_c_squared_parameters_and_one_7x7_has_49() -> None:
    def parameters(*layers: nn.Module) -> int:
        return sum(parameter.numel() for layer in layers for parameter in layer.parameters())

    three = [nn.Conv2d(CHANNELS, CHANNELS, 3, bias=False) for _ in range(3)]
    assert parameters(*three) == 27 * CHANNELS**2
    assert parameters(nn.Conv2d(CHANNELS, CHANNELS, 7, bias=False)) == 49 * CHANNELS**2


@pytest.mark.parametrize("side", [1, 2, 3, 5, 7, 8, 10, 14, 16])
def test_the_grid_is_torchs_adaptive_pool(side: int) -> None:
    maps = torch.randn(2, 3, side, side, dtype=torch.float64, requires_grad=True)
    ours, torchs = GridPool(side).double()(maps), nn.AdaptiveAvgPool2d(GRID)(maps)
    torch.testing.assert_close(ours, torchs)
    (given,) = torch.autograd.grad(ours.square().sum(), maps)
    (expected,) = torch.autograd.grad(torchs.square().sum(), maps)
    torch.testing.assert_close(given, expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_response_normalisation_is_torchs(layout: torch.memory_format) -> None:
    values = 30 * torch.randn(2, 9, 5, 4, dtype=torch.float64)
    maps = values.contiguous(memory_format=layout).requires_grad_()
    ours, torchs = LocalResponseNorm()(maps), nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)(maps)
    torch.testing.assert_close(ours, torchs)
    (given,) = torch.autograd.grad(ours.square().sum(), maps)
    (expected,) = torch.autograd.grad(torchs.square().sum(), maps)
    torch.testing.assert_close(given, expected)


def test_response_normalisation_is_the_papers_formula() -> None:
    maps = 30 * torch.randn(1, 9, 1, 1)
    given = LocalResponseNorm()(maps).flatten()
    for channel, value in enumerate(maps.flatten()):
        neighbours = maps.flatten()[max(channel - 2, 0) : channel + 3]
        expected = value / (2 + 1e-4 * neighbours.square().sum()) ** 0.75
        torch.testing.assert_close(given[channel], expected)
