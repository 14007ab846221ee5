"""Random square crops of randomly scaled films: VGG's scale jittering.

Source: Simonyan & Zisserman, ICLR 2015, section 3.1: the shorter side of an image is scaled to S, which is
drawn uniformly, and a square is cropped from a random place. Films are square here, so that both sides become S.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.recipe import Batches


@dataclass(frozen=True, slots=True)
class Crops:
    """One square crop for each of n images.

    Attributes:
        sides: (n,) int64, the side in pixels to which each image is scaled.
        tops: (n,) int64, the crop's first row in the scaled image.
        lefts: (n,) int64, the crop's first column.
        side: the crop's side in pixels.
    """

    sides: Tensor
    tops: Tensor
    lefts: Tensor
    side: int

    def rows(self, rows: slice) -> Crops:
        """The crops of some images."""
        return Crops(self.sides[rows], self.tops[rows], self.lefts[rows], self.side)


def draw_crops(spec: Batches, n: int, size: int, generator: torch.Generator) -> Crops:
    """Draw a crop for each of n images of `size` × `size` pixels."""
    low, high = spec.scales or (size, size)
    sides = torch.randint(low, high + 1, (n,), generator=generator)
    room = sides - spec.crop + 1
    tops, lefts = ((torch.rand(n, generator=generator) * room).long().minimum(room - 1) for _ in range(2))
    return Crops(sides, tops, lefts, spec.crop)


def center_crops(spec: Batches, n: int, size: int) -> Crops:
    """The central crop of each image at the middle scale, on which a network that trains on crops is validated."""
    low, high = spec.scales or (size, size)
    sides = torch.full((n,), (low + high) // 2)
    start = (sides - spec.crop) // 2
    return Crops(sides, start, start, spec.crop)


def cut(crops: Crops, images: Tensor) -> Tensor:
    """Cut crops out of images.

    Args:
        crops: one per image.
        images: (n, 1, size, size) float32.

    Returns:
        (n, 1, side, side) float32.
    """
    squares = [images.new_empty(0, 1, crops.side, crops.side)]
    places = zip(crops.sides.tolist(), crops.tops.tolist(), crops.lefts.tolist(), strict=True)
    for image, (side, top, left) in zip(images, places, strict=True):
        squares.append(scale(image[None], side)[..., top : top + crops.side, left : left + crops.side])
    return torch.cat(squares)


def scale(images: Tensor, side: int) -> Tensor:
    """Scale images to `side` × `side` pixels, bilinear and antialiased: a new pixel averages all that it covers."""
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)
