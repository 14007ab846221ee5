"""The ResNet family. Source: He et al., "Deep residual learning for image recognition", CVPR 2016, table 1.

Names of weights and arithmetic are those of `torchvision.models.resnet`, so that its published files load unchanged.
There a bottleneck halves the map in its 3×3 convolution; in the paper (and in Keras) in its first 1×1, as in the
`-paper` variants here.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from hilum.models.body import Body, head
from hilum.models.registry import register

DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
WIDTHS = (64, 128, 256, 512)


def _convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """The base of both kinds of block: a residual branch and a shortcut, projected where the shape changes."""

    expansion = 1
    relu: nn.Module
    downsample: nn.Module | None

    def residual(self, maps: Tensor) -> Tensor:
        """The residual branch."""
        raise NotImplementedError

    def forward(self, maps: Tensor) -> Tensor:
        """(n, inputs, h, w) → (n, width · expansion, h / stride, w / stride)."""
        shortcut = maps if self.downsample is None else self.downsample(maps)
        activated: Tensor = self.relu(self.residual(maps) + shortcut)
        return activated


class BasicBlock(Block):
    """Two 3×3 convolutions."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3), nn.BatchNorm2d(width)
        self.relu, self.downsample = nn.ReLU(inplace=True), _projection(inputs, width, stride)

    def residual(self, maps: Tensor) -> Tensor:
        """3×3, 3×3."""
        maps = self.relu(self.bn1(self.conv1(maps)))
        residual: Tensor = self.bn2(self.conv2(maps))
        return residual


class Bottleneck(Block):
    """1×1 to a quarter of the channels, 3×3, 1×1 back."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, stride_first: bool = False) -> None:
        super().__init__()
        first, second = (stride, 1) if stride_first else (1, stride)
        outputs = width * self.expansion
        self.conv1, self.bn1 = _convolution(inputs, width, 1, first), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3, second), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _convolution(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.relu, self.downsample = nn.ReLU(inplace=True), _projection(inputs, outputs, stride)

    def residual(self, maps: Tensor) -> Tensor:
        """1×1, 3×3, 1×1."""
        maps = self.relu(self.bn1(self.conv1(maps)))
        maps = self.relu(self.bn2(self.conv2(maps)))
        residual: Tensor = self.bn3(self.conv3(maps))
        return residual


class ResNet(Body):
    """A 7×7 stem, four stages of residual blocks, the mean of each map, one dense layer."""

    def __init__(
        self, depth: int, stride_first: bool, size: int, channels: int, outputs: int, head_kind: str
    ) -> None:
        super().__init__()
        block = BasicBlock if depth < 50 else partial(Bottleneck, stride_first=stride_first)
        expansion = BasicBlock.expansion if depth < 50 else Bottleneck.expansion
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = 64
        for number, (width, blocks) in enumerate(zip(WIDTHS, DEPTHS[depth], strict=True), start=1):
            layers = []
            for position in range(blocks):
                layers.append(block(inputs, width, 2 if number > 1 and position == 0 else 1))
                inputs = width * expansion
            self.add_module(f"layer{number}", nn.Sequential(*layers))
        side = -(-size // 32)  # each halving rounds up
        self.avgpool, self.fc = head("linear" if head_kind == "default" else head_kind, inputs, side, outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The stem and four stages."""
        stem = nn.Sequential(self.conv1, self.bn1, self.relu, self.maxpool)
        return {"stem": stem, **{f"stage{n}": self.get_submodule(f"layer{n}") for n in range(1, 5)}}

    @property
    def pool(self) -> nn.Module:
        """The mean of each map, or the pool of another head."""
        return self.avgpool

    @property
    def dense(self) -> nn.Module:
        """One dense layer, or the layers of another head."""
        return self.fc

    @property
    def attribution_layers(self) -> tuple[str, ...]:
        """The last block of each stage, after its addition."""
        names = []
        for number in range(1, 5):
            blocks = self.get_submodule(f"layer{number}")
            assert isinstance(blocks, nn.Sequential)
            names.append(f"layer{number}.{len(blocks) - 1}")
        return tuple(names)


for _depth in DEPTHS:
    _source = f"He et al., CVPR 2016, {_depth} layers"
    register(f"resnet{_depth}", partial(ResNet, _depth, False), input_size=224, source=_source)
    if _depth >= 50:
        register(
            f"resnet{_depth}-paper",
            partial(ResNet, _depth, True),
            input_size=224,
            source=f"{_source}, stride in 1×1",
        )
