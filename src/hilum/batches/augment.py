"""Views of films: what is drawn at random is drawn first, as data, and then applied to the whole batch at once.

A drawn view can be looked at, stored and replayed; applying it is a pure function that runs on any device.
The operations come in the order in which a film meets them: patient and tube (geometry), exposure (gamma, contrast,
intensity), detector (blur, noise), workstation (another film's histogram, sharpening), archive (JPEG); last, what
stands in for a thing that hides a part of the chest (erasing).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from hilum.batches import operations
from hilum.batches.jpeg import recompress
from hilum.batches.operations import per_film
from hilum.recipe import Augment


@dataclass(frozen=True, slots=True)
class Views:
    """One drawn view for each of n films; everything is float32.

    Attributes:
        affine: (n, 2, 3), from the view's coordinates to the film's, both from -1 to 1.
        black: (n,) 1 where what lies outside the film is black, 0 where the film is mirrored there.
        gamma: (n,) exponents.
        contrast: (n,) factors about the film's mean.
        blur: (n,) Gaussian sigmas in pixels; 0 where the film stays sharp.
        noise: (n, 1, h, w), to be added.
        jpeg: (n,) qualities from 1 to 100; 0 where the film is not re-compressed.
        intensity: (n,) shifts, in units of the film's principal component.
        match: (n,) 1 where the film takes its neighbour's histogram.
        sharpen: (n,) amounts of the unsharp mask; 0 where there is none.
        erase: (n, 5) a box (top, left, bottom, right, as parts of the side) and its grey; zeros erase nothing.
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
        """Those of some films."""
        return Views(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def to(self, device: torch.device) -> Views:
        """The same views on another device."""
        return Views(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def draw(spec: Augment, n: int, size: int, generator: torch.Generator) -> Views:
    """Draw a view for each of n films of `size` × `size` pixels.

    The same generator state gives the same views whatever the films are.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def factor(strength: float) -> Tensor:
        """As likely to shrink as to grow: between 1/(1+strength) and 1+strength, even on a logarithmic scale."""
        return uniform(-math.log1p(strength), math.log1p(strength)).exp()

    def chosen(probability: float) -> Tensor:
        return (torch.rand(n, generator=generator) < probability).float()

    angle = uniform(-1, 1) * math.radians(spec.rotation)
    zoom, stretch = factor(spec.scale), factor(spec.aspect).sqrt()
    mirror = 1 - 2 * chosen(spec.flip)
    # The matrix leads from the view back to the film, hence the reciprocals.
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
    """Boxes of 2% of the film up to the largest part, a third to three times as wide as high (Zhong et al., 2020)."""
    area = uniform(min(0.02, spec.erase[1]), spec.erase[1])
    aspect = uniform(-math.log(3), math.log(3)).exp()
    height, width = (area / aspect).sqrt().clamp(max=1), (area * aspect).sqrt().clamp(max=1)
    top, left = uniform(0, 1) * (1 - height), uniform(0, 1) * (1 - width)
    return torch.stack([top, left, top + height, left + width, uniform(0, 1)], dim=1)


def apply(views: Views, films: Tensor) -> Tensor:
    """Apply drawn views to films.

    Args:
        views: as many as films, on the films' device.
        films: (n, 1, h, w) float32 in [0, 1].

    Returns:
        The same shape and range.
    """
    if not len(films):  # one process's share of a small batch
        return films
    films = operations.move(films, views.affine, views.black > 0)
    if (views.gamma != 1).any():
        films = operations.bend(films, views.gamma)
    mean = films.mean(dim=(2, 3), keepdim=True)
    films = ((films - mean) * per_film(views.contrast) + mean).clamp(0, 1)
    films = _each_where(views.intensity != 0, films, views.intensity, operations.shift_intensity)
    films = _each_where(views.blur > 0, films, views.blur, operations.blur)
    films = (films + views.noise).clamp(0, 1)
    films = operations.match_neighbour(films, views.match > 0)
    films = _each_where(views.sharpen > 0, films, views.sharpen, operations.sharpen)
    films = _each_where(views.jpeg > 0, films, views.jpeg, recompress)
    return _each_where(views.erase[:, 2] > 0, films, views.erase, operations.erase)


def _each_where(
    where: Tensor, films: Tensor, strengths: Tensor, operation: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Spend the operation on the films that drew it."""
    if not where.any():
        return films
    films = films.clone()
    films[where] = operation(films[where], strengths[where])
    return films
