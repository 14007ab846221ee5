"""Opacities painted into the lungs of films whose outlines are known: a white lung keeps its outline.

Consolidations (blobs), lobes (from the apex down to a line), effusions (from a line, level, tilted or curved like a
meniscus, down to the base) and whole white lungs, in each lung for itself, from transparent to as dense as the chest
wall beside the lungs. As for augmented views, all parameters are drawn first, as data, and then applied.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.batches.operations import blur, per_image

KINDS = ("blobs", "effusion", "lobe", "white lung", "white lung", "none")
"""What is painted into one lung; each is drawn equally often."""

_BLOBS = 3
_USUAL = 128  # pixels: the side that the sigmas are of


@dataclass(frozen=True, slots=True)
class Opacities:
    """The drawn parameters for n films, float32 unless said otherwise; those of one lung are (n, 2), left half first.

    Attributes:
        painted: (n,) bool, the films that get opacities.
        kind: (n, 2) int64, the place in `KINDS`.
        softness: (n, 2) width of the edges, as a part of the lung's sides.
        level: (n, 2) height of an effusion's or a lobe's line, as a part of the lung's height from above.
        tilt: (n, 2) slope of the line.
        curve: (n, 2) how far the line rises at the lung's sides, or falls.
        blobs: (n, 2, 3, 5) centre (across, down) and half-axes (across, down) of each blob, as parts of the lung's
            sides, and 1 where it is there, else 0.
        spill: (n, 2) sigma in pixels of a side of 128 by which the opacity spills over the lung's edge.
        gain: (n, 2) factor of that.
        texture: (n, 2, 8, 8) coarse map of where the opacity is thinner.
        patchiness: (n, 2) how far.
        density: (n, 2) how opaque the opacity is, from 0 to 1.
        heart: (n,) share of the grey of what lies between the lungs, heart and spine, in the opacity's grey; the rest
            is that of what lies just outside of the lungs.
        grey: (n,) difference of the opacity's grey from that.
        grain: (n, 16, 16) coarse changes of that grey, from -0.05 to 0.05.
    """

    painted: Tensor
    kind: Tensor
    softness: Tensor
    level: Tensor
    tilt: Tensor
    curve: Tensor
    blobs: Tensor
    spill: Tensor
    gain: Tensor
    texture: Tensor
    patchiness: Tensor
    density: Tensor
    heart: Tensor
    grey: Tensor
    grain: Tensor

    def rows(self, rows: slice | Tensor) -> Opacities:
        """The opacities of some films."""
        return Opacities(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def to(self, device: torch.device) -> Opacities:
        """A copy on another device."""
        return Opacities(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def draw_opacities(probability: float, n: int, generator: torch.Generator) -> Opacities:
    """Draw the opacities of n films; they depend on the generator's state alone, not on the films."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator) * (high - low) + low

    centre, half = uniform(0, 1, 2, _BLOBS, 2), uniform(0, 1, 2, _BLOBS, 2)
    there = (uniform(0, 1, 2, _BLOBS, 1) < 0.6).float()
    return Opacities(
        painted=uniform(0, 1) < probability,
        kind=torch.randint(len(KINDS), (n, 2), generator=generator),
        softness=uniform(0.03, 0.28, 2),
        level=uniform(0.25, 0.95, 2),
        tilt=uniform(-0.4, 0.4, 2),
        curve=uniform(-0.36, 0.84, 2),
        blobs=torch.cat([centre, half * torch.tensor([0.5, 0.35]) + torch.tensor([0.12, 0.08]), there], dim=-1),
        spill=uniform(0.5, 4.0, 2),
        gain=uniform(1.0, 2.5, 2),
        texture=uniform(0, 1, 2, 8, 8),
        patchiness=uniform(0, 0.6, 2),
        density=uniform(0.4, 1.2, 2).clamp(max=1),
        heart=uniform(0, 1),
        grey=uniform(-0.1, 0.1),
        grain=uniform(-0.05, 0.05, 16, 16),
    )


def paint(opacities: Opacities, images: Tensor, outlines: Tensor) -> Tensor:
    """Paint drawn opacities into the lungs of the films that drew them.

    Args:
        opacities: one row per film, on the films' device.
        images: (n, 1, h, w) float32 in [0, 1], upright.
        outlines: the same shape, 1 inside the lungs.

    Returns:
        The same shape and range; films that drew nothing as they were.
    """
    if not opacities.painted.any():
        return images
    where = opacities.painted
    painted = images.clone()
    painted[where] = _paint_all(opacities.rows(where), images[where], outlines[where])
    return painted


def _paint_all(opacities: Opacities, images: Tensor, outlines: Tensor) -> Tensor:
    size = images.shape[-1]
    across = ((torch.arange(size, device=images.device) + 0.5) / size).view(1, 1, 1, size)
    weight = outlines.sum(dim=(2, 3), keepdim=True).clamp_min(1)
    middle = (outlines * across).sum(dim=(2, 3), keepdim=True) / weight
    covered = torch.zeros_like(images)
    for side, half in enumerate((across < middle, across >= middle)):
        covered = covered.maximum(_one_lung(opacities, side, outlines * half))
    fine = F.interpolate(opacities.grain[:, None], images.shape[-2:], mode="bicubic", align_corners=False)
    around, between = _grey_around(images, outlines), _grey_between(images, outlines)
    grey = per_image((around.lerp(between, opacities.heart) + opacities.grey).clamp(0.05, 1))
    dense = (grey + fine).maximum(0.8 * images + 0.2 * grey)
    return (images * (1 - covered) + dense * covered).clamp(0, 1)


def _grey_around(images: Tensor, outlines: Tensor) -> Tensor:
    """The mean grey of what lies just outside of the lungs: chest wall, mediastinum and diaphragm; (n,)."""
    sigma = 5.0 * images.shape[-1] / _USUAL
    near = blur(outlines, torch.full((len(outlines),), sigma, device=images.device))
    ring = ((near > 0.03) & (outlines < 0.5)).float()
    return (images * ring).sum(dim=(1, 2, 3)) / ring.sum(dim=(1, 2, 3)).clamp_min(1)


def _grey_between(images: Tensor, outlines: Tensor) -> Tensor:
    """The mean grey of the rows' parts from one lung to the other: heart and spine; (n,)."""
    lung = outlines > 0.5
    from_left, from_right = lung.cummax(dim=3).values, lung.flip(3).cummax(dim=3).values.flip(3)
    between = (from_left & from_right & ~lung).float()
    return (images * between).sum(dim=(1, 2, 3)) / between.sum(dim=(1, 2, 3)).clamp_min(1)


def _one_lung(opacities: Opacities, side: int, lung: Tensor) -> Tensor:
    """How opaque each pixel becomes, (n, 1, h, w) from 0 to 1, for one of the two lungs."""

    def of(values: Tensor) -> Tensor:
        return per_image(values[:, side])

    u, v = _within(lung)
    softness = of(opacities.softness)
    line = v - of(opacities.level) - of(opacities.tilt) * (u - 0.5) - of(opacities.curve) * (u - 0.5) ** 2
    below = torch.sigmoid(3 * line / softness)
    blobs = torch.zeros_like(lung)
    for blob in opacities.blobs[:, side].unbind(1):
        at_u, at_v, half_u, half_v, there = (per_image(values) for values in blob.unbind(1))
        distance = (((u - at_u) / half_u) ** 2 + ((v - at_v) / half_v) ** 2).sqrt()
        blobs = blobs.maximum(torch.sigmoid((1 - distance) / softness) * there)
    shapes = {"blobs": blobs, "effusion": below, "lobe": 1 - below, "white lung": torch.ones_like(lung)}
    shapes["none"] = torch.zeros_like(lung)
    choices = torch.stack([shapes[name] for name in KINDS])
    shape = choices[opacities.kind[:, side], torch.arange(len(lung), device=lung.device)]
    extent = (blur(lung, opacities.spill[:, side] * (lung.shape[-1] / _USUAL)) * of(opacities.gain)).clamp(max=1)
    texture = opacities.texture[:, side, None]
    coarse = F.interpolate(texture, lung.shape[-2:], mode="bicubic", align_corners=False).clamp(0, 1)
    return shape * extent * (1 - of(opacities.patchiness) * coarse) * of(opacities.density)


def _within(lung: Tensor) -> tuple[Tensor, Tensor]:
    """Each pixel's place in the lung's box: 0 to 1 from left to right, and from top to bottom."""
    places = []
    for dim in (3, 2):
        length = lung.shape[dim]
        centres = (torch.arange(length, device=lung.device) + 0.5) / length
        inside = (lung > 0.5).any(dim=5 - dim)[:, 0]  # (n, length)
        low = torch.where(inside, centres, 1.0).amin(dim=1)
        high = torch.where(inside, centres, 0.0).amax(dim=1)
        along = centres.view((1, 1, 1, length) if dim == 3 else (1, 1, length, 1))
        places.append((along - per_image(low)) / per_image((high - low).clamp_min(0.02)))
    return places[0], places[1]
