"""The receptive field, found the slow way: which pixels have a gradient."""

from __future__ import annotations

import torch
from torch import nn


def support(trunk: nn.Module, channels: int, size: int) -> int:
    """Side of the square of pixels whose change moves the middle values of a trunk's last maps; alters the trunk.

    Every weight becomes positive, every max pool a mean and every ReLU with an upper bound the identity, so that no
    path is cut off and none cancels another.
    """
    for parent in list(trunk.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding))
            elif isinstance(layer, nn.ReLU6):
                setattr(parent, name, nn.Identity())
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
    image = torch.ones(1, channels, size, size, dtype=torch.float64, requires_grad=True)
    maps = trunk.double().eval()(image)
    maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2].sum().backward()
    assert image.grad is not None
    rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero()
    first, last = int(rows.min()), int(rows.max())
    assert first > 0
    assert last < size - 1, "the field is cut off by the border; take a larger image"
    return last - first + 1
