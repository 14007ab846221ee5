"""The loss of JPEG compression without its bit stream: what a baseline codec does to a batch of grey images.

Entropy coding is lossless and omitted. Source: ITU-T T.81, annexes A.3 (DCT, quantisation) and K.1 (luminance
table); the quality scale is that of the Independent JPEG Group's `jpeg_quality_scaling`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def recompress(images: Tensor, quality: Tensor) -> Tensor:
    """Compress and decompress images as baseline JPEG, on any device.

    Args:
        images: (n, 1, h, w) float32 in [0, 1], any height and width.
        quality: (n,) the JPEG quality, from 1 to 100.

    Returns:
        The images as a decoder would give them: the same shape, in steps of 1/255.
    """
    height, width = images.shape[-2:]
    levels = (images * 255).round() - 128
    levels = F.pad(levels, (0, -width % 8, 0, -height % 8), mode="replicate")
    n, _, padded_height, padded_width = levels.shape
    blocks = levels.reshape(n, padded_height // 8, 8, padded_width // 8, 8).transpose(2, 3)
    dct = _dct_matrix(images.device)
    table = _tables(quality)[:, None, None]
    coefficients = (dct @ blocks @ dct.T / table).round() * table
    blocks = (dct.T @ coefficients @ dct).transpose(2, 3)
    levels = blocks.reshape(n, 1, padded_height, padded_width)[..., :height, :width]
    return (levels + 128).round().clamp(0, 255) / 255


def _dct_matrix(device: torch.device) -> Tensor:
    """The orthonormal 8-point DCT-II (T.81, A.3.3)."""
    k = torch.arange(8, device=device, dtype=torch.float32)
    matrix = torch.cos(math.pi / 8 * (k[None, :] + 0.5) * k[:, None]) * 0.5
    matrix[0] /= math.sqrt(2)
    return matrix


def _tables(quality: Tensor) -> Tensor:
    """The quantisation tables, (n, 8, 8)."""
    quality = quality.clamp(1, 100)
    percent = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    base = torch.tensor(LUMINANCE, device=quality.device, dtype=torch.float32)
    return ((base * percent[:, None, None] + 50) / 100).floor().clamp(1, 255)
