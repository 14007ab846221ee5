"""Augmented views of films: all random parameters are drawn first, as data, and then applied to the whole batch.

A drawn view can be inspected, stored and replayed; applying it is a pure function that runs on any device.
The operations come in the order in which they happen to a film: patient and tube (geometry), exposure (gamma,
contrast, intensity), detector (blur, noise), workstation (another film's histogram, sharpening), archive (JPEG), and
last an object that hides a part of the chest (erasing).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from hilum.batches import operations
from hilum.batches.jpeg import recompress
from hilum.batches.operations import per_image
from hilum.recipe import Augment


@dataclass(frozen=True, slots=True)
class Views:
    """The drawn parameters of one augmented view for each of n films; everything is float32.

    Attributes:
        affine: (n, 2, 3), the map from the view's coordinates to the film's, both from -1 to 1.
        black: (n,) 1 where the area outside the film is black, 0 where the film is mirrored there.
        gamma: (n,) exponents.
        contrast: (n,) factors applied about the film's mean.
        blur: (n,) Gaussian sigmas in pixels; 0 where the film stays sharp.
        noise: (n, 1, h, w) values to add.
        jpeg: (n,) JPEG qualities from 1 to 100; 0 where the film is not recompressed.
        intensity: (n,) shifts of all grey values, in units of the film's principal component.
        match: (n,) 1 where the film takes its partner's histogram.
        sharpen: (n,) amounts of the unsharp mask; 0 where there is none.
        erase: (n, 5) a box (top, left, bottom, right, as fractions of the side) and its grey value; zeros
            erase nothing.
    """

    affine: Tensor
    black: Tensor
    gamma: Tensor
    contrast: Tensor
    blur: Tensor
    noise: Tensor
    jpeg: Tensor
    intensity: Tensor
    match: Tensor
    sharpen: Tensor
    erase: Tensor

    def rows(self, rows: slice) -> Views:
        """The views of some films."""
        return Views(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def to(self, device: torch.device) -> Views:
        """A copy of the views on another device."""
        return Views(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def draw(spec: Augment, n: int, size: int, generator: torch.Generator) -> Views:
    """Draw the parameters of one view for each of n films of `size` × `size` pixels.

    They depend on the generator's state alone, not on the films.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def factor(strength: float) -> Tensor:
        """Factors from 1/(1+strength) to 1+strength, uniform on a logarithmic scale."""
        return uniform(-math.log1p(strength), math.log1p(strength)).exp()

    def chosen(probability: float) -> Tensor:
        return (torch.rand(n, generator=generator) < probability).float()

    angle = uniform(-1, 1) * math.radians(spec.rotation)
    zoom, stretch = factor(spec.scale), factor(spec.aspect).sqrt()
    mirror = 1 - 2 * chosen(spec.flip)
    # The matrix maps the view back to the film, hence the reciprocals.
    across, down = mirror / (zoom * stretch), stretch / zoom
    shift_x, shift_y = uniform(-2, 2) * spec.translation, uniform(-2, 2) * spec.translation
    affine = torch.stack(
        [
            torch.stack([angle.cos() * across, -angle.sin() * down, shift_x], dim=1),
            torch.stack([angle.sin() * across, angle.cos() * down, shift_y], dim=1),
        ],
        dim=1,
    )
    blur_probability, blur_sigma = spec.blur
    noise_probability, noise_deviation = spec.noise
    jpeg_probability, jpeg_quality = spec.jpeg
    deviation = chosen(noise_probability) * uniform(0, noise_deviation)
    sharpen_probability, sharpen_amount = spec.sharpen
    return Views(
        affine=affine,
        black=chosen(spec.black),
        gamma=factor(spec.gamma),
        contrast=factor(spec.contrast),
        blur=chosen(blur_probability) * uniform(0.2, max(blur_sigma, 0.2)),
        noise=torch.randn(n, 1, size, size, generator=generator) * deviation[:, None, None, None]
        if noise_probability
        else torch.zeros(n, 1, 1, 1),
        jpeg=chosen(jpeg_probability) * uniform(jpeg_quality, 95).round(),
        intensity=torch.randn(n, generator=generator) * spec.intensity,
        match=chosen(spec.match),
        sharpen=chosen(sharpen_probability) * uniform(0, sharpen_amount),
        erase=_boxes(spec, uniform) * chosen(spec.erase[0])[:, None],
    )


def _boxes(spec: Augment, uniform: Callable[[float, float], Tensor]) -> Tensor:
    """Boxes of 2% of the film or more, a third to three times as wide as high (Zhong et al., AAAI 2020)."""
    area = uniform(min(0.02, spec.erase[1]), spec.erase[1])
    aspect = uniform(-math.log(3), math.log(3)).exp()
    height, width = (area / aspect).sqrt().clamp(max=1), (area * aspect).sqrt().clamp(max=1)
    top, left = uniform(0, 1) * (1 - height), uniform(0, 1) * (1 - width)
    return torch.stack([top, left, top + height, left + width, uniform(0, 1)], dim=1)


def apply(views: Views, images: Tensor) -> Tensor:
    """Apply drawn views to images.

    Args:
        views: one per image, on the images' device.
        images: (n, 1, h, w) float32 in [0, 1].

    Returns:
        The same shape and range.
    """
    if not len(images):  # one process's shard of a small batch
        return images
    images = operations.move(images, views.affine, views.black > 0)
    if (views.gamma != 1).any():
        images = operations.adjust_gamma(images, views.gamma)
    mean = images.mean(dim=(2, 3), keepdim=True)
    images = ((images - mean) * per_image(views.contrast) + mean).clamp(0, 1)
    images = _apply_where(views.intensity != 0, images, views.intensity, operations.shift_intensity)
    images = _apply_where(views.blur > 0, images, views.blur, operations.blur)
    images = (images + views.noise).clamp(0, 1)
    images = operations.match_partner(images, views.match > 0)
    images = _apply_where(views.sharpen > 0, images, views.sharpen, operations.sharpen)
    images = _apply_where(views.jpeg > 0, images, views.jpeg, recompress)
    return _apply_where(views.erase[:, 2] > 0, images, views.erase, operations.erase)


def _apply_where(
    where: Tensor, images: Tensor, strengths: Tensor, operation: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Apply an operation to the images that drew it, and to no others."""
    if not where.any():
        return images
    images = images.clone()
    images[where] = operation(images[where], strengths[where])
    return images
