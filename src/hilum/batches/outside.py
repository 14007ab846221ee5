"""What lies outside the lungs is no evidence: in training it is replaced, and lungs that are blanked decide nothing.

A network that is trained on films of two hospitals, or of two ways of exposing children, learns the border of the
film (Zech et al., PLoS Medicine 15 (2018): e1002683; DeGrave et al., Nature Machine Intelligence 3 (2021)). Where
the border is another film's as often as its own, it says nothing about the label.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from torch import Tensor

from hilum.batches.operations import blur, per_image
from hilum.batches.sampling import partners
from hilum.lungs import hull_of
from hilum.recipe import Augment

KEPT, SWAPPED, BLURRED, NOISED, GREY = range(5)

_EDGE = 0.02  # of the side: sigma of the soft edge between the hull and what is replaced
_REACH = 0.03  # of the side: by how much the blanked region goes beyond the hull, and what is kept beyond the lungs
_FRAME = 0.2  # of the side: the widest frame that blanking leaves
_BLUR = 0.08  # of the side: sigma that leaves no more than the shape of the body
_GRAIN = 16  # cells a side in the noise that replaces what lies outside


@dataclass(frozen=True, slots=True)
class Replacements:
    """What is replaced in each of n films: drawn apart from being applied, as views are.

    Attributes:
        outside: (n,) int64, one of KEPT, SWAPPED, BLURRED, NOISED and GREY.
        between: (n,) bool, whether what lies between the lungs counts as outside: all but the lungs themselves, a
            little widened, is replaced, and not all but their hull.
        blank: (n,) bool, whether the lungs are made one grey.
        frame: (n, 4) float32, what blanking leaves at the top, left, bottom and right, as fractions of the side;
            where all are 0 it leaves everything but the hull of the lungs.
        grey: (n,) float32 from 0 to 1, the grey of GREY, and of what is blanked relative to the film's mean.
        noise: (n, 1, 16, 16) float32 from 0 to 1, of NOISED.
    """

    outside: Tensor
    between: Tensor
    blank: Tensor
    frame: Tensor
    grey: Tensor
    noise: Tensor

    def rows(self, rows: slice) -> Replacements:
        """Those of some films."""
        return Replacements(*(getattr(self, field.name)[rows] for field in fields(self)))


def draw_replacements(spec: Augment, n: int, generator: torch.Generator) -> Replacements:
    """Draw what is replaced in each of n films, from the generator's state alone."""
    kinds = torch.randint(SWAPPED, GREY + 1, (n,), generator=generator)
    chosen = torch.rand(n, generator=generator) < spec.outside
    framed = torch.rand(n, 1, generator=generator) < 0.5
    return Replacements(
        outside=torch.where(chosen, kinds, KEPT),
        between=torch.rand(n, generator=generator) < spec.between,
        blank=torch.rand(n, generator=generator) < spec.blank,
        frame=torch.rand(n, 4, generator=generator) * _FRAME * framed,
        grey=torch.rand(n, generator=generator),
        noise=torch.rand(n, 1, _GRAIN, _GRAIN, generator=generator),
    )


def replace_outside(drawn: Replacements, images: Tensor, lungs: Tensor) -> Tensor:
    """Replace what lies outside the hull of the lungs, or outside the lungs, and blank lungs, as was drawn.

    A film in which no lungs were found stays as it is.

    Args:
        drawn: one per image.
        images: (n, 1, side, side) float32 in [0, 1].
        lungs: (n, side, side) uint8, not 0 inside the lungs.

    Returns:
        The same shape and range.
    """
    side = images.shape[-1]
    found = (lungs > 0).flatten(1).any(dim=1).to(images.device)
    hulls = torch.from_numpy(np.stack([hull_of(mask) for mask in (lungs > 0).cpu().numpy()])).to(images.device)
    inside = _soft(hulls[:, None].float(), side)
    between = drawn.between.to(images.device)
    if between.any():
        inside[between] = _soft(_widened((lungs > 0).to(images.device)[between], round(_REACH * side)), side)
    kinds = torch.where(found, drawn.outside.to(images.device), KEPT)
    others = images.clone()
    for kind in (SWAPPED, BLURRED, NOISED, GREY):
        where = kinds == kind
        if where.any():
            others[where] = _replacement(kind, where, drawn, images)
    replaced = images.lerp(others, 1 - inside)
    blank = drawn.blank.to(images.device) & found
    if not blank.any():
        return replaced
    # A little wider than the hull, or the border of the lungs would remain.
    regions = _widened(hulls[blank], round(_REACH * side))
    frames = drawn.frame.to(images.device)[blank]
    framed = frames.any(dim=1)
    regions[framed] = _within(frames[framed], side)
    wide = _soft(regions, side)
    # Any grey: the mean of a film with white lungs is high, and what replaces them must not say so.
    level = images[blank].mean(dim=(2, 3), keepdim=True) + per_image(drawn.grey.to(images.device)[blank] - 0.5)
    replaced[blank] = replaced[blank].lerp(level.clamp(0, 1).expand_as(wide), wide)
    return replaced


def _replacement(kind: int, where: Tensor, drawn: Replacements, images: Tensor) -> Tensor:
    """What takes the place of what lies outside the lungs of the films of one kind."""
    chosen, side = images[where], images.shape[-1]
    rows = where.to(drawn.grey.device)
    if kind == SWAPPED:
        return images[partners(len(images)).to(images.device)[where]]
    if kind == BLURRED:
        return blur(chosen, torch.full((len(chosen),), _BLUR * side, device=images.device))
    if kind == NOISED:
        noise = drawn.noise[rows].to(images.device)
        return torch.nn.functional.interpolate(noise, (side, side), mode="bilinear", align_corners=False)
    return per_image(drawn.grey[rows].to(images.device)).expand_as(chosen)


def _within(frames: Tensor, side: int) -> Tensor:
    """(n, 1, side, side) float32, 1 inside frames of the given widths and 0 on them."""
    places = (torch.arange(side, device=frames.device) + 0.5) / side
    top, left, bottom, right = (each[:, None] for each in frames.unbind(dim=1))
    rows, columns = (places > top) & (places < 1 - bottom), (places > left) & (places < 1 - right)
    return (rows[:, None, :, None] & columns[:, None, None, :]).float()


def _soft(masks: Tensor, side: int) -> Tensor:
    return blur(masks, torch.full((len(masks),), _EDGE * side, device=masks.device))


def _widened(masks: Tensor, reach: int) -> Tensor:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = [cv2.dilate(mask, disc) for mask in masks.cpu().numpy().astype(np.uint8)]
    return torch.from_numpy(np.stack(wide)).to(masks.device)[:, None].float()
