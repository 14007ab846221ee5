"""EfficientNet-Lite. Sources: Tan & Le, "EfficientNet: Rethinking model scaling", ICML 2019, table 1 and section 3.3;
Google's EfficientNet-Lite (2020), which omits squeeze-and-excitation, has ReLU6, and scales neither stem nor top.

Names of weights are those of the PyPI package `efficientnet-lite-pytorch` without their underscores.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from hilum.models.body import Body, head, mean_pool
from hilum.models.dropout import Dropout, StochasticDepth
from hilum.models.registry import register


class BlockGroup(NamedTuple):
    """A row of the paper's table 1, before it is scaled."""

    repeats: int
    kernel: int
    stride: int
    expansion: int


class Scaling(NamedTuple):
    """How a network of the family differs from the first; `size` is the side of its input in pixels."""

    width: float
    depth: float
    size: int
    dropout: float


STAGES = (
    BlockGroup(1, 3, 1, 1),
    BlockGroup(2, 3, 2, 6),
    BlockGroup(2, 5, 2, 6),
    BlockGroup(3, 3, 2, 6),
    BlockGroup(3, 5, 1, 6),
    BlockGroup(4, 5, 2, 6),
    BlockGroup(1, 3, 1, 6),
)
WIDTHS = (16, 24, 40, 80, 112, 192, 320)
STEM, TOP = 32, 1280
SCALINGS = {
    "efficientnet-lite0": Scaling(1.0, 1.0, 224, 0.2),
    "efficientnet-lite1": Scaling(1.0, 1.1, 240, 0.2),
    "efficientnet-lite2": Scaling(1.1, 1.2, 260, 0.3),
}
BRANCH_DROPOUT = 0.2  # of the last block's residual branch; of the others in proportion to their depth
EPSILON = 1e-3  # of every batch norm


class Convolution(nn.Conv2d):
    """A convolution without a bias whose maps are padded as by TensorFlow's `SAME`.

    There a stride of 2 begins at the first pixel of an even side, so that one more zero is added below and on the
    right than above and on the left; torch's own padding would begin one pixel earlier.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        nn.init.normal_(self.weight, 0, math.sqrt(2 * groups / (kernel * kernel * outputs)))

    def forward(self, maps: Tensor) -> Tensor:
        """(n, inputs, h, w) → (n, outputs, ⌈h / stride⌉, ⌈w / stride⌉)."""
        down, across = self._padding(maps.shape[-2]), self._padding(maps.shape[-1])
        if down % 2 or across % 2:
            maps = functional.pad(maps, (across // 2, across - across // 2, down // 2, down - down // 2))
            down = across = 0
        return functional.conv2d(maps, self.weight, None, self.stride, (down // 2, across // 2), groups=self.groups)

    def _padding(self, side: int) -> int:
        """Zeros on both sides together."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max(0, (-(-side // stride) - 1) * stride + kernel - side)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)


class InvertedBottleneck(nn.Module):
    """An inverted bottleneck: 1×1 to more channels, a convolution of each channel by itself, 1×1 to few again.

    Source: Sandler et al., "MobileNetV2", CVPR 2018, section 3.3.
    """

    def __init__(self, inputs: int, outputs: int, stage: BlockGroup, stride: int, dropped: float) -> None:
        super().__init__()
        inner = inputs * stage.expansion
        self.expand_conv = Convolution(inputs, inner, 1) if stage.expansion > 1 else None
        self.bn0 = _norm(inner) if stage.expansion > 1 else None
        self.depthwise_conv = Convolution(inner, inner, stage.kernel, stride, groups=inner)
        self.bn1 = _norm(inner)
        self.project_conv, self.bn2 = Convolution(inner, outputs, 1), _norm(outputs)
        self.relu = nn.ReLU6(inplace=True)
        self.depth = StochasticDepth(dropped) if stride == 1 and inputs == outputs else None

    def forward(self, maps: Tensor) -> Tensor:
        """(n, inputs, h, w) → (n, outputs, ⌈h / stride⌉, ⌈w / stride⌉)."""
        values = maps
        if self.expand_conv is not None and self.bn0 is not None:
            values = self.relu(self.bn0(self.expand_conv(values)))
        values = self.relu(self.bn1(self.depthwise_conv(values)))
        projected: Tensor = self.bn2(self.project_conv(values))
        return projected if self.depth is None else maps + self.depth(projected)


class DroppedLinear(nn.Linear):
    """A dense layer after a dropout, under the dense layer's own names."""

    def __init__(self, inputs: int, outputs: int, p: float) -> None:
        super().__init__(inputs, outputs)
        self.dropout = Dropout(p)

    def forward(self, values: Tensor) -> Tensor:
        """(n, inputs) → (n, outputs)."""
        return super().forward(self.dropout(values))


class EfficientNet(Body):
    """A 3×3 stem, seven stages of inverted bottlenecks, a 1×1 convolution, the mean of each map, one dense layer."""

    def __init__(self, scaling: Scaling, size: int, channels: int, outputs: int, head_kind: str) -> None:
        super().__init__()
        self.conv_stem, self.bn0, self.stem_relu = Convolution(channels, STEM, 3, 2), _norm(STEM), nn.ReLU6(True)
        repeats = [stage.repeats for stage in STAGES]
        repeats[1:-1] = [math.ceil(number * scaling.depth) for number in repeats[1:-1]]
        self.ends: list[int] = []
        blocks, inputs = nn.ModuleList(), STEM
        for stage, width, number in zip(STAGES, WIDTHS, repeats, strict=True):
            outer = _scaled(width, scaling.width)
            for position in range(number):
                dropped = BRANCH_DROPOUT * len(blocks) / sum(repeats)
                blocks.append(InvertedBottleneck(inputs, outer, stage, 1 if position else stage.stride, dropped))
                inputs = outer
            self.ends.append(len(blocks))
        self.blocks = blocks
        self.conv_head, self.bn1, self.head_relu = Convolution(inputs, TOP, 1), _norm(TOP), nn.ReLU6(True)
        if head_kind == "default":
            self.avgpool = mean_pool()
            self.fc: nn.Module = DroppedLinear(TOP, outputs, scaling.dropout)
        else:
            self.avgpool, self.fc = head(head_kind, TOP, -(-size // 32), outputs)

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The stem, the seven stages, and the 1×1 convolution after them."""
        starts = (0, *self.ends)
        inner = {
            f"stage{number}": nn.Sequential(*self.blocks[start:end])
            for number, (start, end) in enumerate(zip(starts, self.ends, strict=False), start=1)
        }
        stem = nn.Sequential(self.conv_stem, self.bn0, self.stem_relu)
        return {"stem": stem, **inner, "top": nn.Sequential(self.conv_head, self.bn1, self.head_relu)}

    @property
    def pool(self) -> nn.Module:
        """The mean of each map, or the pool of another head."""
        return self.avgpool

    @property
    def dense(self) -> nn.Module:
        """One dense layer after a dropout, or the layers of another head."""
        return self.fc

    @property
    def attribution_layers(self) -> tuple[str, ...]:
        """The last block of each stage, after its addition, and the last ReLU."""
        return (*(f"blocks.{end - 1}" for end in self.ends), "head_relu")


def _scaled(width: int, factor: float) -> int:
    """Channels times a factor, to a multiple of 8 that is at most a tenth smaller."""
    wanted = width * factor
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


for _name, _scaling in SCALINGS.items():
    register(
        _name,
        partial(EfficientNet, _scaling),
        input_size=_scaling.size,
        source=f"Tan & Le, ICML 2019, and Google, 2020, Lite{_name[-1]}",
    )
