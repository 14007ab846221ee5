"""What can happen to a film on its way from the patient to the archive: pure functions of films and strengths.

Films are (n, 1, h, w) float32 in [0, 1], strengths (n,); so are the films that come back.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.batches.order import neighbours


def per_film(values: Tensor) -> Tensor:
    """(n,) → (n, 1, 1, 1)."""
    return values[:, None, None, None]


def move(films: Tensor, affine: Tensor, black: Tensor) -> Tensor:
    """Look at films through affine maps, bilinearly.

    The places are those of `torch.nn.functional.affine_grid`, which multiplies small matrices and takes longer than
    the sampling.

    Args:
        films: (n, 1, h, w).
        affine: (n, 2, 3), from the view's coordinates to the film's, both from -1 to 1 between the outer edges.
        black: (n,) bool, whether what lies outside the film is black; else the film is mirrored there.
    """
    down, across = (
        (torch.arange(side, device=films.device) * 2 + 1) / side - 1  # the pixels' middles
        for side in films.shape[-2:]
    )
    of_x, of_y, shift = affine[..., None, None].unbind(2)
    places = of_x * across + (of_y * down[:, None] + shift)  # (n, 2, h, w)
    grid = places.permute(0, 2, 3, 1)
    films = F.grid_sample(films, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if not black.any():
        return films
    outside = (places.abs().amax(dim=1, keepdim=True) > 1) & per_film(black)
    return films.masked_fill(outside, 0.0)


def bend(films: Tensor, exponent: Tensor) -> Tensor:
    """Gamma over each film's own range, so that a dark film is bent as much as a bright one."""
    low, high = films.amin(dim=(2, 3), keepdim=True), films.amax(dim=(2, 3), keepdim=True)
    span = (high - low).clamp_min(1e-6)
    return ((films - low) / span).clamp_min(1e-6).pow(per_film(exponent)) * span + low


def shift_intensity(films: Tensor, shift: Tensor) -> Tensor:
    """A shift along the principal colour of three equal channels, by the eigenvalue's share.

    Their covariance is the grey variance in each of nine places: one eigenvalue, three times the variance, and one
    eigenvector, all of its parts 1/√3.
    """
    variance = films.var(dim=(2, 3), keepdim=True, correction=0)
    return (films + per_film(shift) * math.sqrt(3) * variance).clamp(0, 1)


def blur(films: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with a sigma of its own for each film, across and then down.

    A film comes out the same whatever shares its batch: each kernel ends at its own three sigmas, and the terms are
    added one by one. A convolution adds them in an order that depends on the batch, and what it loses in the last
    bit may send a coefficient of a later JPEG to the other side of a half.
    """
    radius, sigmas = max(1, math.ceil(3 * float(sigma.max()))), sigma.double()[:, None]
    offsets = torch.arange(radius + 1, device=films.device)
    half = torch.exp(-0.5 * (offsets / sigmas) ** 2) * (offsets <= (3 * sigmas).ceil())
    weights = (half / (2 * half.sum(dim=1, keepdim=True) - half[:, :1])).to(films.dtype)
    for dim, border in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
        length, wide = films.shape[dim], F.pad(films, border, mode="reflect")
        films = films * per_film(weights[:, 0])
        for offset in range(1, radius + 1):
            pair = wide.narrow(dim, radius - offset, length) + wide.narrow(dim, radius + offset, length)
            films.addcmul_(pair, per_film(weights[:, offset]))
    return films


def match_neighbour(films: Tensor, where: Tensor) -> Tensor:
    """Give films the histogram of the next one in their pair: rank by rank, the neighbour's grey values."""
    if not where.any():
        return films
    partners = neighbours(len(films))[where.cpu()]
    ranks = films[where].flatten(1).argsort(dim=1, stable=True).argsort(dim=1)
    values = films[partners].flatten(1).sort(dim=1).values
    films = films.clone()
    films[where] = values.gather(1, ranks).view_as(films[where])
    return films


def sharpen(films: Tensor, amount: Tensor) -> Tensor:
    """An unsharp mask of 1.5 pixels."""
    soft = blur(films, torch.full_like(amount, 1.5))
    return (films + per_film(amount) * (films - soft)).clamp(0, 1)


def erase(films: Tensor, boxes: Tensor) -> Tensor:
    """One even grey in a box."""
    height, width = films.shape[-2:]
    top, left, bottom, right, grey = (per_film(values) for values in boxes.unbind(1))
    rows = (torch.arange(height, device=films.device)[:, None] + 0.5) / height
    columns = (torch.arange(width, device=films.device)[None, :] + 0.5) / width
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    return torch.where(inside, grey, films)
