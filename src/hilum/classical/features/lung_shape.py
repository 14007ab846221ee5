"""The family `shape`: the lungs' outline, how alike both are, and how white they are against what is around them."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.classical.features.film import SIDE, Grey, ScaledFilm
from hilum.classical.features.outline import Mask

_RING = 6  # pixels, from the outline outwards: chest wall, diaphragm, mediastinum
_THIRDS = ("upper", "middle", "lower")
_LEAST_CONTRAST = 0.05  # of the stretched film: less than this between lung and surroundings tells nothing
_QUARTILES = (25, 50, 75, 90)


def lung_shape(film: ScaledFilm) -> dict[str, float]:
    """Measures of both lungs, of each, and of one against the other.

    Lengths are in parts of the film's side, areas of its area. Hu's moments (IRE Trans. Information Theory 8, 1962)
    come as logarithms that keep their sign. Opacity is 0 where a lung is as dark as the darkest tenth of both, and 1
    where it is as white as the median of what surrounds them. Where no lungs were found the numbers are of the
    average outline, and `found` is 0.
    """
    lungs = film.lungs
    left, right = _halves(lungs.mask)
    numbers = {"found": float(not lungs.note), "frontal": lungs.frontal}
    numbers |= {f"both, {name}": value for name, value in _outline(lungs.mask).items()}
    dark, wall = _references(film.even, lungs.mask)
    numbers["both, contrast"] = wall - dark
    opacity = np.clip((film.even - dark) / max(wall - dark, _LEAST_CONTRAST), -1, 3)
    one, other = (_outline(mask) | _opacity(opacity, mask) for mask in (left, right))
    numbers |= {f"left, {name}": value for name, value in one.items()}
    numbers |= {f"right, {name}": value for name, value in other.items()}
    numbers |= {f"left less right, {name}": one[name] - other[name] for name in one if "moment" not in name}
    mirrored = _mirrored(left, lungs.mask)
    numbers["left, mirrored, shared with right"] = float((mirrored & right).sum()) / max(1, (mirrored | right).sum())
    return numbers | _gaps(left, right)


def _halves(mask: Mask) -> tuple[Mask, Mask]:
    """The lung on the film's left side and the one on its right, divided where the whole has its centre."""
    columns = np.arange(SIDE)
    centre = float((mask.sum(axis=0) * columns).sum()) / max(1, int(mask.sum()))
    return mask & (columns < centre), mask & (columns >= centre)


def _mirrored(lung: Mask, both: Mask) -> Mask:
    """A lung mirrored at the middle of the box around both."""
    first, last = _ends(both, axis=0)
    flipped = np.zeros_like(lung)
    flipped[:, first : last + 1] = lung[:, first : last + 1][:, ::-1]
    return flipped


def _outline(mask: Mask) -> dict[str, float]:
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    area = max(moments["m00"], 1.0)
    (left, right), (top, bottom) = _ends(mask, axis=0), _ends(mask, axis=1)
    width, height = right - left + 1, bottom - top + 1
    hull = np.zeros(mask.shape, dtype=np.uint8)
    points = cv2.findNonZero(mask.astype(np.uint8))
    if points is not None:
        cv2.fillConvexPoly(hull, cv2.convexHull(points), 1)
    # The axes of the ellipse that has the same second moments.
    across, down, slant = (moments[name] / area for name in ("mu20", "mu02", "mu11"))
    spread, root = across + down, float(np.hypot(across - down, 2 * slant))
    hu = cv2.HuMoments(moments).ravel()
    return {
        "area": moments["m00"] / SIDE**2,
        "centre across": moments["m10"] / area / SIDE,
        "centre down": moments["m01"] / area / SIDE,
        "width": width / SIDE,
        "height": height / SIDE,
        "width by height": width / height,
        "share of its box": moments["m00"] / (width * height),
        "share of its hull": moments["m00"] / max(1.0, float(hull.sum())),
        "eccentricity": float(np.sqrt(max(0.0, 2 * root / (spread + root)))) if spread > 0 else 0.0,
        "slant": slant / spread if spread > 0 else 0.0,
        **{f"Hu moment {n + 1}": float(np.sign(h) * np.log10(1 + abs(h) * 1e8)) for n, h in enumerate(hu)},
    }


def _references(grey: Grey, both: Mask) -> tuple[float, float]:
    """The darkest tenth of the lungs, and the median of what surrounds them; at least as white as that tenth."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RING + 1, 2 * _RING + 1))
    ring = (cv2.dilate(both.astype(np.uint8), disc) > 0) & ~both
    if not both.any() or not ring.any():
        return 0.0, 0.0
    dark = float(np.quantile(grey[both], 0.1))
    return dark, max(dark, float(np.median(grey[ring])))


def _opacity(opacity: Grey, mask: Mask) -> dict[str, float]:
    """How white one lung is, in all and by thirds of its height."""
    values = opacity[mask] if mask.any() else np.zeros(1, dtype=np.float32)
    numbers = {
        "opacity, mean": float(values.mean()),
        "opacity, deviation": float(values.std()),
        "opacity, share above 1/2": float((values > 0.5).mean()),
        "opacity, share above 1": float((values > 1).mean()),
    }
    for percent, value in zip(_QUARTILES, np.percentile(values, _QUARTILES), strict=True):
        numbers[f"opacity, percentile {percent}"] = float(value)
    for third, rows in zip(_THIRDS, _thirds(mask), strict=True):
        chosen = opacity[rows][mask[rows]]
        numbers[f"opacity, {third} third"] = float(chosen.mean()) if chosen.size else 0.0
    return numbers


def _gaps(left: Mask, right: Mask) -> dict[str, float]:
    """How far the lungs lie apart, by thirds of their height: below, that is mostly the heart."""
    numbers = {}
    columns = np.arange(SIDE)
    for third, rows in zip(_THIRDS, _thirds(left | right), strict=True):
        one, other = left[rows], right[rows]
        filled = one.any(axis=1) & other.any(axis=1)
        ends = np.where(one, columns, -1).max(axis=1)
        starts = np.where(other, columns, SIDE).min(axis=1)
        numbers[f"gap, {third} third"] = float((starts - ends)[filled].mean()) / SIDE if filled.any() else 0.0
    return numbers


def _thirds(mask: Mask) -> list[slice]:
    first, last = _ends(mask, axis=1)
    cuts = np.linspace(first, last + 1, 4).round().astype(int).tolist()
    return [slice(start, end) for start, end in pairwise(cuts)]


def _ends(mask: NDArray[np.bool_], axis: int) -> tuple[int, int]:
    """The first and the last column (axis 0) or row (axis 1) with something in it; 0 twice where there is nothing."""
    filled = np.flatnonzero(mask.any(axis=axis))
    return (int(filled[0]), int(filled[-1])) if filled.size else (0, 0)
