"""A generated picture that resembles a chest film: for tests, the demo's fallback and a bundle's golden check.

It is drawn from ellipses and is nobody's film. It carries no information on pneumonia and must never be used as data.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]

_SOFTNESS = 0.15  # the width of an edge relative to the structure's half-axis


def chest_phantom(seed: int, size: tuple[int, int] = (256, 256), opacity: float = 0.0) -> Grey:
    """Draw a chest-like picture, which is not a film of anybody.

    Two dark lungs are next to a bright mediastinum and heart, ribs cross the lungs, and geometry, brightness and
    noise vary with the seed. The same arguments give the same picture.

    Args:
        seed: 0 to 2³²-1, picks the geometry; two seeds are two patients.
        size: height and width in pixels, at least 16 each.
        opacity: 0 to 1; how dense the patches in one lung are that stand for a consolidation. The rest of the
            picture is the same for every opacity.

    Returns:
        float32, (height, width), 0 to 1, brighter is denser.

    Raises:
        ValueError: the size is below 16 or the opacity outside 0 to 1.
    """
    height, width = size
    if min(height, width) < 16 or not 0.0 <= opacity <= 1.0:
        raise ValueError(f"a phantom has at least 16x16 pixels and an opacity from 0 to 1, not {size} and {opacity}")
    draw = np.random.RandomState(seed)  # the one stream that numpy promises never to change (NEP 19)
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    y = y + np.float32(draw.uniform(-0.05, 0.05))
    x = x + np.float32(draw.uniform(-0.05, 0.05))

    breadth, length = draw.uniform(0.28, 0.36), draw.uniform(0.58, 0.72)
    gap = breadth + draw.uniform(0.10, 0.16)
    aeration = draw.uniform(0.36, 0.46)
    body = _ellipse(x, y, 0.0, 0.1, draw.uniform(0.88, 1.0), draw.uniform(1.15, 1.35))
    right = _ellipse(x, y, -gap, -0.05, breadth, length)
    left = _ellipse(x, y, gap, -0.05, breadth * 0.92, length * 0.97)
    lungs = np.maximum(right, left)
    heart = _ellipse(x, y, 0.14, 0.30, draw.uniform(0.24, 0.34), draw.uniform(0.26, 0.36))
    spine = np.exp(-np.square(x / np.float32(0.13)))

    spacing, tilt = draw.uniform(11.0, 14.0), draw.uniform(1.6, 2.6)
    ribs = np.maximum(np.sin(np.float32(spacing) * (y + np.square(x) * np.float32(tilt / 4))), np.float32(0.35))
    picture = 0.08 + body * np.float32(draw.uniform(0.55, 0.62))
    picture = picture - aeration * lungs + (ribs - 0.35) * 0.13 * lungs
    picture = picture + 0.16 * spine * body + 0.28 * heart * (1.0 - 0.4 * spine)

    lung, centre, half = (right, -gap, breadth) if draw.random_sample() < 0.5 else (left, gap, breadth * 0.92)
    patches = np.zeros((height, width), dtype=np.float32)
    for _ in range(draw.randint(2, 5)):
        across, down = draw.uniform(-0.55, 0.55), draw.uniform(-0.5, 0.55)
        patch = _ellipse(
            x, y, centre + across * half, down * length, draw.uniform(0.1, 0.18), draw.uniform(0.1, 0.2), 1.0
        )
        patches = np.maximum(patches, patch)
    grain = draw.random_sample((height, width)).astype(np.float32) - np.float32(0.5)
    picture = picture + np.float32(opacity * 0.36) * patches * lung + np.float32(0.04) * grain
    return cast(Grey, np.clip(picture, 0.0, 1.0, dtype=np.float32))


def _ellipse(
    x: Grey, y: Grey, centre_x: float, centre_y: float, half_x: float, half_y: float, softness: float = _SOFTNESS
) -> Grey:
    """1 inside, 0 outside, with an edge that falls linearly over `softness` of the half-axes."""
    across = np.square((x - np.float32(centre_x)) / np.float32(half_x))
    down = np.square((y - np.float32(centre_y)) / np.float32(half_y))
    return cast(Grey, np.clip((np.float32(1.0) - np.sqrt(across + down)) / np.float32(softness), 0.0, 1.0))
