"""What a decoded film shows besides the lungs: its borders, its letters, the distribution of its grey levels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Grey8 = NDArray[np.uint8]

_SIDE = 256  # letters and borders are looked for at this length of the longer side
_EVEN = 2.5  # levels of deviation along a line that is one grey, with a JPEG's noise
_PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


def at_working_size(grey: Grey8) -> Grey8:
    """A film no longer than 256 pixels, in its own proportions; a smaller one as it is."""
    height, width = grey.shape
    scale = _SIDE / max(height, width)
    if scale >= 1:
        return grey
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def borders(grey: Grey8) -> dict[str, float]:
    """Measure how wide an even border is at each side, as a share of the film, and how bright it is.

    A border is the run of lines from the edge that are one grey from end to end, the same grey as the first.

    Args:
        grey: (height, width) uint8.

    Returns:
        `border_top`, `border_bottom`, `border_left` and `border_right`, 0 to 1, and `border_level`, the widest one's
        mean, 0 to 1; NaN without a border.
    """
    film = grey.astype(np.float32)
    found: dict[str, float] = {}
    widest, level = 0.0, np.nan
    for name, lines in (
        ("top", film), ("bottom", film[::-1]), ("left", film.T), ("right", film.T[::-1]),
    ):  # fmt: skip
        means = lines.mean(axis=1)
        even = (lines.std(axis=1) <= _EVEN) & (np.abs(means - means[0]) <= 2 * _EVEN)
        run = len(even) if even.all() else int(np.argmin(even))
        share = run / len(even)
        if share > widest:
            widest, level = share, float(means[:run].mean()) / 255
        found[f"border_{name}"] = share
    return {**found, "border_level": level}


def letters(grey: Grey8) -> dict[str, float]:
    """Find letters and digits burnt into the film: small bright shapes on an even, darker background.

    Most markers on chest films are found, and hardly anything of the chest is taken for one: ribs and clavicles are
    bright too, but the background next to them is not even.

    Args:
        grey: (height, width) uint8, at most a few hundred pixels long.

    Returns:
        `letters`, their number, and `letters_area`, the share of the film that their boxes cover, 0 to 1.
    """
    boxes = letter_boxes(grey)
    return {
        "letters": float(len(boxes)),
        "letters_area": sum(width * height for _, _, width, height in boxes) / grey.size,
    }


def letter_boxes(grey: Grey8) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each letter, in pixels; see `letters`."""
    longer = max(grey.shape)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (round(0.13 * longer) | 1,) * 2)
    standing_out = (cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel) >= 60).astype(np.uint8)
    _, parts, shapes, _ = cv2.connectedComponentsWithStats(standing_out, connectivity=8)
    left, top, width, height, area = shapes.T
    fill = area / (width * height)
    like_letters = (
        (height >= 0.016 * longer) & (height <= 0.13 * longer) & (width >= 0.006 * longer) & (width <= 0.13 * longer)
        & (fill >= 0.15) & (fill <= 0.9) & (height < 6 * width)
    )  # fmt: skip
    like_letters[0] = False  # what does not stand out
    boxes = []
    for part in np.flatnonzero(like_letters):
        x, y, w, h = (int(number) for number in (left[part], top[part], width[part], height[part]))
        rows, columns = slice(max(0, y - 2), y + h + 2), slice(max(0, x - 2), x + w + 2)
        near = grey[rows, columns].astype(np.float32)
        inside = np.zeros(near.shape, dtype=bool)
        inside[y - rows.start : y - rows.start + h, x - columns.start : x - columns.start + w] = True
        ground, ink = near[~inside], near[parts[rows, columns] == part]
        spread = ground.std() if ground.size else np.inf
        if spread < 16 and ground.mean() + 2 * spread <= ink.mean() - 40:
            boxes.append((x, y, w, h))
    return boxes


def grey_levels(grey: Grey8) -> dict[str, float]:
    """Describe the distribution of a film's grey levels, all 0 to 1.

    Returns:
        `grey_mean`, `grey_deviation`, percentiles `grey_p01` … `grey_p99`, and the shares of pixels that are wholly
        `black` and wholly `white`.
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    share = counts / counts.sum()
    levels = np.arange(256) / 255
    mean = float(share @ levels)
    cumulated = np.cumsum(share)
    percentiles = {
        f"grey_p{percent:02}": int(np.searchsorted(cumulated, percent / 100)) / 255 for percent in _PERCENTILES
    }
    deviation = float(np.sqrt(share @ np.square(levels - mean)))
    return {
        "grey_mean": mean, "grey_deviation": deviation, **percentiles,
        "black": float(share[0]), "white": float(share[255]),
    }  # fmt: skip
