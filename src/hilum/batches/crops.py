"""Squares cut out of films of a drawn size: VGG's scale jittering.

Source: Simonyan & Zisserman, ICLR 2015, section 3.1: the film's shorter side is scaled to S, drawn evenly for each
film, and a square is cut out of it anywhere. Films are square here, so that both sides become S.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.recipe import Batches


@dataclass(frozen=True, slots=True)
class Crops:
    """One square for each of n films.

    Attributes:
        sides: (n,) int64, to which each film is scaled.
        tops: (n,) int64, the square's first row in the scaled film.
        lefts: (n,) int64, its first column.
        side: of the square.
    """

    sides: Tensor
    tops: Tensor
    lefts: Tensor
    side: int

    def rows(self, rows: slice) -> Crops:
        """Those of some films."""
        return Crops(self.sides[rows], self.tops[rows], self.lefts[rows], self.side)


def draw_crops(spec: Batches, n: int, size: int, generator: torch.Generator) -> Crops:
    """Draw a square for each of n films of `size` × `size` pixels."""
    low, high = spec.scales or (size, size)
    sides = torch.randint(low, high + 1, (n,), generator=generator)
    room = sides - spec.crop + 1
    tops, lefts = ((torch.rand(n, generator=generator) * room).long().minimum(room - 1) for _ in range(2))
    return Crops(sides, tops, lefts, spec.crop)


def middle_crops(spec: Batches, n: int, size: int) -> Crops:
    """The middle square of each film at the middle scale: how a crop's network is validated while it learns."""
    low, high = spec.scales or (size, size)
    sides = torch.full((n,), (low + high) // 2)
    start = (sides - spec.crop) // 2
    return Crops(sides, start, start, spec.crop)


def cut(crops: Crops, films: Tensor) -> Tensor:
    """Cut drawn squares out of films.

    Args:
        crops: as many as films.
        films: (n, 1, size, size) float32.

    Returns:
        (n, 1, side, side) float32.
    """
    squares = [films.new_empty(0, 1, crops.side, crops.side)]
    places = zip(crops.sides.tolist(), crops.tops.tolist(), crops.lefts.tolist(), strict=True)
    for film, (side, top, left) in zip(films, places, strict=True):
        squares.append(scale(film[None], side)[..., top : top + crops.side, left : left + crops.side])
    return torch.cat(squares)


def scale(films: Tensor, side: int) -> Tensor:
    """Scale films to `side` × `side` pixels: bilinear, each new pixel the mean of all that it covers."""
    if films.shape[-1] == side:
        return films
    return F.interpolate(films, (side, side), mode="bilinear", align_corners=False, antialias=True)
