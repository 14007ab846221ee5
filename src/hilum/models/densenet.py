"""DenseNet-121, CheXNet's network (Rajpurkar et al., 2017).

Source: Huang et al., "Densely connected convolutional networks", CVPR 2017, table 1. Names of weights and arithmetic
are those of `torchvision.models.densenet`, so that its published files load, as do those of torchxrayvision.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from hilum.models.body import Body, head
from hilum.models.registry import register

DEPTHS = (6, 12, 24, 16)
STEM = 64
GROWTH = 32  # maps that a layer adds
BOTTLENECK = 4  # maps between a layer's two convolutions, in units of its growth


class DenseLayer(nn.Module):
    """Batch norm, ReLU, 1×1; batch norm, ReLU, 3×3; what comes out is appended to what came in."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        inner = BOTTLENECK * GROWTH
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, inner, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(inner), nn.Conv2d(inner, GROWTH, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, inputs, h, w) → (n, inputs + GROWTH, h, w)."""
        added = self.conv1(self.relu(self.norm1(maps)))
        added = self.conv2(self.relu(self.norm2(added)))
        return torch.cat([maps, added], dim=1)


def _transition(inputs: int) -> nn.Sequential:
    """Half the channels and half the side."""
    layers = {
        "norm": nn.BatchNorm2d(inputs),
        "relu": nn.ReLU(inplace=True),
        "conv": nn.Conv2d(inputs, inputs // 2, 1, bias=False),
        "pool": nn.AvgPool2d(2),
    }
    return nn.Sequential(OrderedDict(layers))


class DenseNet(Body):
    """A 7×7 stem, four stages in which each layer sees the maps of all before it, the mean of each map, dense."""

    def __init__(self, size: int, channels: int, outputs: int, head_kind: str) -> None:
        super().__init__()
        layers: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(channels, STEM, 7, stride=2, padding=3, bias=False),
            "norm0": nn.BatchNorm2d(STEM),
            "relu0": nn.ReLU(inplace=True),
            "pool0": nn.MaxPool2d(3, stride=2, padding=1),
        }
        inputs = STEM
        for number, depth in enumerate(DEPTHS, start=1):
            if number > 1:
                layers[f"transition{number - 1}"] = _transition(inputs)
                inputs //= 2
            block = {f"denselayer{place + 1}": DenseLayer(inputs + place * GROWTH) for place in range(depth)}
            layers[f"denseblock{number}"] = nn.Sequential(OrderedDict(block))
            inputs += depth * GROWTH
        layers |= {"norm5": nn.BatchNorm2d(inputs), "relu5": nn.ReLU(inplace=True)}
        self.features = nn.Sequential(OrderedDict(layers))
        side = -(-size // 4) // 8  # the stem rounds up, and the transitions round down
        self.avgpool, self.classifier = head("linear" if head_kind == "default" else head_kind, inputs, side, outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The stem, and four stages, each with the transition before it; the last with the batch norm after it."""
        layers = dict(self.features.named_children())
        names = list(layers)
        starts = [0, 4, *(names.index(f"transition{number}") for number in range(1, len(DEPTHS))), len(names)]
        parts = [
            nn.Sequential(OrderedDict((name, layers[name]) for name in names[start:end]))
            for start, end in pairwise(starts)
        ]
        return dict(zip(("stem", *(f"stage{number}" for number in range(1, len(parts)))), parts, strict=True))

    @property
    def pool(self) -> nn.Module:
        """The mean of each map, or the pool of another head."""
        return self.avgpool

    @property
    def dense(self) -> nn.Module:
        """One dense layer, or the layers of another head."""
        return self.classifier

    @property
    def attribution_layers(self) -> tuple[str, ...]:
        """The maps of each stage, of the last one after its batch norm and ReLU."""
        blocks = (f"features.denseblock{number}" for number in range(1, len(DEPTHS)))
        return (*blocks, "features.relu5")


register("densenet121", DenseNet, input_size=224, source="Huang et al., CVPR 2017, 121 layers")
