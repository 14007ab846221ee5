"""What can happen to a film on its way from the patient to the archive: pure functions of images and strengths.

Images are (n, 1, h, w) float32 in [0, 1] and strengths (n,); the returned images have the same shape and range.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from hilum.batches.sampling import partners


def per_image(values: Tensor) -> Tensor:
    """Reshape (n,) to (n, 1, 1, 1), to be broadcast over images."""
    return values[:, None, None, None]


def move(images: Tensor, affine: Tensor, black: Tensor) -> Tensor:
    """Resample images through affine maps, bilinearly.

    The sampling positions are those of `torch.nn.functional.affine_grid`, which multiplies small matrices and takes
    longer than the sampling itself.

    Args:
        images: (n, 1, h, w).
        affine: (n, 2, 3), the map from the view's coordinates to the film's, both from -1 to 1 between the
            outer edges.
        black: (n,) bool, whether the area outside the film is black; otherwise the film is mirrored there.
    """
    down, across = (
        (torch.arange(side, device=images.device) * 2 + 1) / side - 1  # the pixels' centres
        for side in images.shape[-2:]
    )
    of_x, of_y, shift = affine[..., None, None].unbind(2)
    places = of_x * across + (of_y * down[:, None] + shift)  # (n, 2, h, w)
    grid = places.permute(0, 2, 3, 1)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    if not black.any():
        return images
    outside = (places.abs().amax(dim=1, keepdim=True) > 1) & per_image(black)
    return images.masked_fill(outside, 0.0)


def adjust_gamma(images: Tensor, exponent: Tensor) -> Tensor:
    """Apply a gamma exponent within each image's grey range, so that dark and bright images change alike."""
    low, high = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
    span = (high - low).clamp_min(1e-6)
    return ((images - low) / span).clamp_min(1e-6).pow(per_image(exponent)) * span + low


def shift_intensity(images: Tensor, shift: Tensor) -> Tensor:
    """Shift all grey values as a shift along the principal colour of three equal channels does.

    The covariance of three equal channels is the grey variance in each of its nine entries: its one eigenvalue is
    three times the variance, and every component of its eigenvector is 1/√3.
    """
    variance = images.var(dim=(2, 3), keepdim=True, correction=0)
    return (images + per_image(shift) * math.sqrt(3) * variance).clamp(0, 1)


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with a sigma for each image, first across, then down.

    An image's result does not depend on the others in its batch: each kernel ends at three of its sigmas, and the
    terms are added one by one. A convolution adds them in an order that depends on the batch, and a difference in the
    last bit may round a coefficient of a later JPEG the other way.
    """
    radius, sigmas = max(1, math.ceil(3 * float(sigma.max()))), sigma.double()[:, None]
    offsets = torch.arange(radius + 1, device=images.device)
    half = torch.exp(-0.5 * (offsets / sigmas) ** 2) * (offsets <= (3 * sigmas).ceil())
    weights = (half / (2 * half.sum(dim=1, keepdim=True) - half[:, :1])).to(images.dtype)
    for dim, border in ((3, (radius, radius, 0, 0)), (2, (0, 0, radius, radius))):
        length, wide = images.shape[dim], F.pad(images, border, mode="reflect")
        images = images * per_image(weights[:, 0])
        for offset in range(1, radius + 1):
            pair = wide.narrow(dim, radius - offset, length) + wide.narrow(dim, radius + offset, length)
            images.addcmul_(pair, per_image(weights[:, offset]))
    return images


def match_partner(images: Tensor, where: Tensor) -> Tensor:
    """Give images the histogram of their partner: rank by rank, the partner's grey values."""
    if not where.any():
        return images
    others = partners(len(images))[where.cpu()]
    ranks = images[where].flatten(1).argsort(dim=1, stable=True).argsort(dim=1)
    values = images[others].flatten(1).sort(dim=1).values
    images = images.clone()
    images[where] = values.gather(1, ranks).view_as(images[where])
    return images


def sharpen(images: Tensor, amount: Tensor) -> Tensor:
    """Sharpen with an unsharp mask whose Gaussian has a sigma of 1.5 pixels."""
    soft = blur(images, torch.full_like(amount, 1.5))
    return (images + per_image(amount) * (images - soft)).clamp(0, 1)


def erase(images: Tensor, boxes: Tensor) -> Tensor:
    """Fill a box (top, left, bottom, right, as fractions of the sides) with one grey value."""
    height, width = images.shape[-2:]
    top, left, bottom, right, grey = (per_image(values) for values in boxes.unbind(1))
    rows = (torch.arange(height, device=images.device)[:, None] + 0.5) / height
    columns = (torch.arange(width, device=images.device)[None, :] + 0.5) / width
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    return torch.where(inside, grey, images)
