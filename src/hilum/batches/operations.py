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
    """Gaussian blur with a sigma of its own for each film, as two one-dimensional convolutions."""
    n = len(films)
    radius = max(1, math.ceil(3 * float(sigma.max())))
    offsets = torch.arange(-radius, radius + 1, device=films.device, dtype=films.dtype)
    kernels = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    # Each kernel ends at its own three sigmas: a film's view is the same whatever shares its batch.
    kernels = kernels * (offsets.abs() <= (3 * sigma[:, None]).ceil())
    kernels = kernels / kernels.sum(dim=1, keepdim=True)
    across = films.transpose(0, 1)  # one group a film
    across = F.pad(across, (radius, radius, radius, radius), mode="reflect")
    across = F.conv2d(across, kernels[:, None, None, :], groups=n)
    across = F.conv2d(across, kernels[:, None, :, None], groups=n)
    return across.transpose(0, 1)


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
