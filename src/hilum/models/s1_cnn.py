"""S1: the study's own convolutional network ("Pneumonia Detection using CNN", 2021)."""

from __future__ import annotations

from torch import Tensor, nn

from hilum.models.dropout import Dropout
from hilum.models.registry import register

# Channels and dropout of the five blocks. The study gives 0.1 or 0.2 for the second.
BLOCKS = ((32, 0.0), (64, 0.1), (64, 0.2), (128, 0.2), (256, 0.2))
HEAD_DROPOUT = 0.2
HIDDEN = 512


class S1(nn.Module):
    """Five blocks of convolution, ReLU, dropout, batch norm and max pool, then two dense layers.

    At 128×128 with one output it has 2,525,121 parameters as Keras counts them, of which 2,524,033 train.
    """

    def __init__(self, size: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width, dropout in BLOCKS:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            layers += [Dropout(dropout)] if dropout else []
            layers += [nn.BatchNorm2d(width), nn.MaxPool2d(2)]
            channels = width
        self.features = nn.Sequential(*layers)
        side = size // 2 ** len(BLOCKS)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            Dropout(HEAD_DROPOUT),
            nn.Linear(channels * side * side, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, outputs),
        )

    def forward(self, films: Tensor) -> Tensor:
        """(n, 1, size, size) → (n, outputs) logits."""
        logits: Tensor = self.classifier(self.features(films))
        return logits


@register("s1-cnn", input_size=128, multiple=32, source="Pneumonia Detection using CNN (2021), custom CNN")
def s1_cnn(size: int, outputs: int) -> nn.Module:
    """The study's network for films of `size` × `size` pixels."""
    return S1(size, outputs)
