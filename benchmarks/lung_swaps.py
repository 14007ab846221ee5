"""Films whose lungs, or everything but the lungs, are another film's: which of the two does a detector read?

`hilum.shifts` has the controls that one film is enough for. All films here are float32 (height, width), 0 to 1, and
keep their shape; edges are soft, because a sharp one would draw the outline.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.lungs import Box, Lungs
from hilum.lungs.found import hull_of

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

_EDGE = 4 / 224  # of the film's side: how far an edge reaches, and the sigma that softens it
_BLUR = 1 / 12  # of the film's side: sigma at which nothing but brightness is left outside


def lungs_or_middle(found: Lungs, shape: tuple[int, int]) -> tuple[Mask, Box]:
    """The hull of both lungs and the box around it; of a film without lungs its middle, three fifths of each side."""
    if found.mask is not None and found.box is not None:
        return hull_of(found.mask), found.box
    middle = np.zeros(shape, dtype=np.bool_)
    rows, columns = (round(0.2 * side) for side in shape)
    middle[rows:-rows, columns:-columns] = True
    return middle, Box(0.2, 0.2, 0.8, 0.8)


def with_lungs_of(film: Grey, hull: Mask, box: Box, other: Grey, others_hull: Mask, others_box: Box) -> Grey:
    """A film with the lungs of another one: box laid on box, and nothing of its own lungs left.

    Args:
        film: of which what lies outside the lungs stays.
        hull: of its lungs.
        box: around them.
        other: of which the lungs come, with what lies between them.
        others_hull: of its lungs.
        others_box: around them.
    """
    laid = _laid(other, others_box, box, film.shape)
    theirs = _laid(others_hull.astype(np.float32), others_box, box, film.shape) > 0.5
    inside = _soft(hull | theirs)
    return np.asarray(laid * inside + film * (1 - inside), dtype=np.float32)


def outside_replaced(film: Grey, hull: Mask, outside: Grey) -> Grey:
    """The film within the hull of its lungs, and something else outside it."""
    inside = _soft(hull)
    return np.asarray(film * inside + outside * (1 - inside), dtype=np.float32)


def outsides(film: Grey, seed: int) -> dict[str, Grey]:
    """What takes the place of everything outside the lungs, by its name: no evidence of any class."""
    draw = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(film, (0, 0), _BLUR * _side(film.shape))
    noise = draw.random(film.shape, dtype=np.float32)
    return {
        "blurred": np.asarray(blurred, dtype=np.float32),
        "noise": noise,
        "grey": np.full_like(film, np.median(film)),
    }


def _laid(picture: Grey, source: Box, target: Box, shape: tuple[int, ...]) -> Grey:
    """A picture laid over a film of some shape, so that one box comes to lie on the other."""
    height, width = shape
    there = _corners(source, picture.shape)
    here = _corners(target, shape)
    moved = cv2.warpAffine(
        picture, cv2.getAffineTransform(there, here), (width, height), flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(moved, dtype=np.float32)


def _corners(box: Box, shape: tuple[int, ...]) -> Grey:
    """Three corners in pixels (x, y), between pixels."""
    height, width = shape
    top, left, bottom, right = box
    corners = np.array(
        [[left * width, top * height], [right * width, top * height], [right * width, bottom * height]]
    )
    return (corners - 0.5).astype(np.float32)


def _soft(inside: Mask) -> Grey:
    reach = max(1.0, _EDGE * _side(inside.shape))
    side = 2 * round(reach) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.GaussianBlur(cv2.dilate(inside.astype(np.float32), disc), (0, 0), reach), dtype=np.float32)


def _side(shape: tuple[int, ...]) -> float:
    return float(np.sqrt(shape[0] * shape[1]))
