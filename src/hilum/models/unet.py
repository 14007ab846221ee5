"""A U-Net with two outputs: where the lungs are on a film, and how the film lies.

It stands beside the registry, whose networks end in the logits of classes (`Body`): a U-Net joins the maps of each
resolution on its way down with those of the same resolution on its way up, so that it is no chain of stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hilum.models.normalise import StandardisePicture

VIEWS = (
    "upright frontal",
    "rotated by 90 degrees",
    "rotated by 180 degrees",
    "rotated by 270 degrees",
    "no frontal chest film",
)
"""What the view's logits stand for, in their order; rotations are clockwise."""

_HIDDEN = 64  # of the view's dense layers


class LungNetwork(nn.Module):
    """A U-Net after its normalisation: grey images from 0 to 1 in, logits of lung and of the views out.

    Each resolution has two 3×3 convolutions with batch norm on the way down (the first has one) and one on the way
    up, which doubles the sides bilinearly. The view is read from the coarsest maps' means.

    Source: Ronneberger, Fischer & Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI
    2015.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        """Build it with fresh weights, drawn from torch's global generator.

        Args:
            widths: channels at each resolution, from the film's own to the coarsest.
        """
        super().__init__()
        first, last = widths[0], widths[-1]
        self.normalise = StandardisePicture()
        self.down = nn.ModuleList([_convolution(1, first)])
        for wide, narrow in pairwise(widths):
            self.down.append(nn.Sequential(_convolution(wide, narrow), _convolution(narrow, narrow)))
        self.up = nn.ModuleList([_convolution(below + own, own) for own, below in pairwise(widths)])
        self.lungs = nn.Conv2d(first, 1, 1)
        self.view = nn.Sequential(nn.Linear(last, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, len(VIEWS)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 1, size, size) float32 in [0, 1] → (n, 1, size, size) logits of lung, and (n, 5) of `VIEWS`."""
        maps, held = self.normalise(images), list[Tensor]()
        for depth, block in enumerate(self.down):
            maps = block(F.max_pool2d(maps, 2) if depth else maps)
            held.append(maps)
        view: Tensor = self.view(maps.mean(dim=(2, 3)))
        for block, across in zip(reversed(self.up), reversed(held[:-1]), strict=True):
            maps = F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
            maps = block(torch.cat([across, maps], dim=1))
        lungs: Tensor = self.lungs(maps)
        return lungs, view


class LungProbabilities(nn.Module):
    """A lung network as it is deployed: probabilities in place of logits."""

    def __init__(self, network: LungNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 1, size, size) → (n, 1, size, size) probabilities of lung, and (n, 5) of `VIEWS`, which sum to 1."""
        lungs, view = self.network(images)
        return lungs.sigmoid(), view.softmax(dim=1)


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
