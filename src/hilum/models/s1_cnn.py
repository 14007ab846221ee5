"""S1: the study's own convolutional network ("Pneumonia Detection using CNN", 2021)."""

from __future__ import annotations

from torch import nn

from hilum.models.body import Body, head, layers_before_pool, stages_by_pool
from hilum.models.cpu.chain import Chain
from hilum.models.dropout import Dropout
from hilum.models.registry import register

# Channels and dropout of the five blocks. The study gives 0.1 or 0.2 for the second.
BLOCKS = ((32, 0.0), (64, 0.1), (64, 0.2), (128, 0.2), (256, 0.2))
HEAD_DROPOUT = 0.2
HIDDEN = 512


class S1(Body):
    """Five blocks of convolution, ReLU, dropout, batch norm and max pool, then two dense layers.

    At 128×128 with one output it has 2,525,121 parameters as Keras counts them, of which 2,524,033 train.
    """

    def __init__(self, size: int, channels: int, outputs: int, head_kind: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, dropout in BLOCKS:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            layers += [Dropout(dropout)] if dropout else []
            layers += [nn.BatchNorm2d(width), nn.MaxPool2d(2)]
            channels = width
        self.features = Chain(*layers)
        side = size // 2 ** len(BLOCKS)
        if head_kind == "default":
            self.flatten: nn.Module = nn.Flatten()
            self.classifier: nn.Module = nn.Sequential(
                Dropout(HEAD_DROPOUT),
                nn.Linear(channels * side * side, HIDDEN),
                nn.ReLU(),
                nn.Linear(HIDDEN, outputs),
            )
        else:
            self.flatten, self.classifier = head(head_kind, channels, side, outputs)

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The five blocks."""
        return stages_by_pool(self.features)

    @property
    def pool(self) -> nn.Module:
        """Flattening, which keeps every value of the last maps."""
        return self.flatten

    @property
    def dense(self) -> nn.Module:
        """512 units and the outputs."""
        return self.classifier

    @property
    def attribution_layers(self) -> tuple[str, ...]:
        """The batch norm of each block, whose output is the pool's input."""
        return layers_before_pool(self.features, nn.BatchNorm2d)


register(
    "s1-cnn",
    S1,
    input_size=128,
    source="Pneumonia Detection using CNN (2021), custom CNN",
    channels=1,
    outputs=1,
)
