"""The VGG family. Source: Simonyan & Zisserman, "Very deep convolutional networks", ICLR 2015, table 1.

Names of weights and arithmetic are those of `torchvision.models.vgg`, so that its published files load unchanged.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hilum.models.body import Body, head, layers_before_pool, stages_by_pool
from hilum.models.dropout import Dropout
from hilum.models.registry import register


class Configuration(NamedTuple):
    """A column of the paper's table 1.

    Attributes:
        letter: its letter in the paper.
        depths: the number of convolutions of each of the five stages.
        pointwise_last: whether the last convolution of stages 3 to 5 is 1×1.
        lrn: whether local response normalisation follows the first convolution.
    """

    letter: str
    depths: tuple[int, int, int, int, int]
    pointwise_last: bool = False
    lrn: bool = False


WIDTHS = (64, 128, 256, 512, 512)
CONFIGURATIONS = {
    "vgg11": Configuration("A", (1, 1, 2, 2, 2)),
    "vgg11-lrn": Configuration("A-LRN", (1, 1, 2, 2, 2), lrn=True),
    "vgg13": Configuration("B", (2, 2, 2, 2, 2)),
    "vgg16-c": Configuration("C", (2, 2, 3, 3, 3), pointwise_last=True),
    "vgg16": Configuration("D", (2, 2, 3, 3, 3)),
    "vgg19": Configuration("E", (2, 2, 4, 4, 4)),
}
HIDDEN = 4096
GRID = 7  # side of the maps that the dense layers take, which are those of a 224-pixel image


class LocalResponseNorm(nn.Module):
    """Divides each value by (2 + 1e-4 · sum of squares over five neighbouring channels)^0.75.

    The same as `nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)`, which pools in three dimensions: its gradient
    differs from run to run on CUDA. Source: Krizhevsky et al., NIPS 2012, section 3.3.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) → the same shape."""
        squares = maps.square().flatten(2).unsqueeze(1)
        means = functional.avg_pool2d(squares, (5, 1), stride=1, padding=(2, 0)).reshape(maps.shape)
        return maps / (2 + 5e-4 * means) ** 0.75


class GridPool(nn.Module):
    """Means over a 7×7 grid of cells that may overlap: an averaging matrix is multiplied from each side.

    The same as `nn.AdaptiveAvgPool2d(7)`, whose gradient differs from run to run on CUDA.
    """

    averages: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        averages = torch.zeros(GRID, side)
        for cell in range(GRID):
            start, end = cell * side // GRID, -(-(cell + 1) * side // GRID)
            averages[cell, start:end] = 1 / (end - start)
        self.register_buffer("averages", averages, persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, side, side) → (n, c, 7, 7)."""
        if self.side == GRID:
            return maps
        return self.averages @ maps @ self.averages.T

    def extra_repr(self) -> str:
        """The sides of input and output, for `repr`."""
        return f"{self.side} → {GRID}"


class VGG(Body):
    """3×3 convolutions in five stages, each ended by a max pool, then three dense layers."""

    def __init__(
        self, configuration: Configuration, batch_norm: bool, size: int, channels: int, outputs: int, head_kind: str
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for stage, (width, depth) in enumerate(zip(WIDTHS, configuration.depths, strict=True)):
            for number in range(depth):
                pointwise = configuration.pointwise_last and stage >= 2 and number == depth - 1
                side = 1 if pointwise else 3
                layers.append(nn.Conv2d(channels, width, side, padding=side // 2))
                layers += [nn.BatchNorm2d(width)] if batch_norm else []
                layers.append(nn.ReLU(inplace=True))
                if configuration.lrn and len(layers) == 2:
                    layers.append(LocalResponseNorm())
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        side = size // 32
        if head_kind == "default":
            self.avgpool: nn.Module = nn.Sequential(GridPool(side), nn.Flatten())
            self.classifier: nn.Module = nn.Sequential(
                nn.Linear(channels * GRID * GRID, HIDDEN),
                nn.ReLU(inplace=True),
                Dropout(0.5),
                nn.Linear(HIDDEN, HIDDEN),
                nn.ReLU(inplace=True),
                Dropout(0.5),
                nn.Linear(HIDDEN, outputs),
            )
        else:
            self.avgpool, self.classifier = head(head_kind, channels, side, outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        if head_kind == "default":
            for layer in self.classifier.modules():
                if isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, 0, 0.01)
                    nn.init.zeros_(layer.bias)

    @property
    def stages(self) -> dict[str, nn.Module]:
        """Five, each ended by its max pool."""
        return stages_by_pool(self.features)

    @property
    def pool(self) -> nn.Module:
        """The average over 7×7 cells as in torchvision, or the pool of another head."""
        return self.avgpool

    @property
    def dense(self) -> nn.Module:
        """4096, 4096 and the outputs, or the layers of another head."""
        return self.classifier

    @property
    def attribution_layers(self) -> tuple[str, ...]:
        """The last ReLU of each stage."""
        return layers_before_pool(self.features, nn.ReLU)


for _name, _configuration in CONFIGURATIONS.items():
    _source = f"Simonyan & Zisserman, ICLR 2015, configuration {_configuration.letter}"
    register(_name, partial(VGG, _configuration, False), input_size=224, source=_source)
    if not _configuration.lrn:
        register(f"{_name}-bn", partial(VGG, _configuration, True), input_size=224, source=f"{_source}, batch norm")
