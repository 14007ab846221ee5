"""The study's preprocessing: named steps, one after the other, each of which leaves a film that can be looked at.

    denoise    grain goes, edges stay
    smooth     what the denoising has left
    binarise   Otsu's threshold divides dense from dark; what lies beside the body becomes black
    frame      an affine map lays the lungs of every film into the same frame
    restore    the edges that smoothing and scaling took come back

Every step takes the film that the one before it left. A black and white film would be the end of every later step,
so the threshold does not replace the film: its dense tissue says where the body is, and what is beside it (air,
collimation, letters) is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.classical.outline import Lungs, Mask, Square, lungs_of
from hilum.recipe.classical import Step

_SIDE = 224  # of the films that widths in pixels below are meant for; they grow with a film's side
_NLM = (3.0, 5, 9)  # strength in grey levels, side of a patch, side of the search
_BLUR = 1.0  # sigma in pixels, of smoothing and of what restoring takes back
_BALANCE = 0.05  # of Wiener's filter: how much smoother than the plain inverse it is
_MARGIN = 0.06  # of the frame's side, around the lungs
_SMALLEST_BODY = 0.2  # of the film's area


@dataclass(frozen=True, slots=True)
class Stage:
    """The film after one step.

    Attributes:
        step: which; empty for the film as it came.
        square: (size, size) uint8.
        mask: (size, size) bool, of what the step found in the film that it was given: the dense tissue for
            `binarise`, the lungs for `frame`; None for the others.
    """

    step: Step | str
    square: Square
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A film, and what became of it step by step.

    Attributes:
        stages: the film as it came, and after each step.
        lungs: where `frame` has laid the lungs in the result; None where it was no step.
        notes: what a step did not find, and what it did instead; empty where all is well.
    """

    stages: tuple[Stage, ...]
    lungs: Lungs | None = None
    notes: tuple[str, ...] = ()

    @property
    def square(self) -> Square:
        """The film after the last step: (size, size) uint8."""
        return self.stages[-1].square


def prepare(square: Square, steps: Sequence[Step]) -> Prepared:
    """Take a film through the steps.

    Args:
        square: (size, size) uint8, at least 16 pixels a side, as `pixels.preprocess` gives it.
        steps: in order.

    Raises:
        ValueError: it is not such a square.
    """
    if square.ndim != 2 or square.shape[0] != square.shape[1] or square.shape[0] < 16 or square.dtype != np.uint8:
        raise ValueError(f"a prepared film starts as a square of 16 pixels or more in uint8, not {square.shape}")
    prepared = Prepared((Stage("", square),))
    for step in steps:
        prepared = _STEPS[step](prepared)
    return prepared


def _denoise(before: Prepared) -> Prepared:
    """Non-local means (Buades et al., CVPR 2005): a pixel becomes the mean of those with like surroundings."""
    return _then(before, "denoise", cv2.fastNlMeansDenoising(before.square, None, *_NLM))


def _smooth(before: Prepared) -> Prepared:
    """A Gaussian."""
    return _then(before, "smooth", cv2.GaussianBlur(before.square, (0, 0), _sigma(before.square)))


def _binarise(before: Prepared) -> Prepared:
    """Otsu's threshold (IEEE Trans. SMC 9, 1979); the body is the hull of the largest dense piece."""
    film = before.square
    if film.min() == film.max():
        return _then(before, "binarise", film, note="no body found: one grey value throughout; nothing was taken out")
    _, dense = cv2.threshold(film, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(dense, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    body = np.zeros_like(film)
    cv2.fillConvexPoly(body, cv2.convexHull(max(outlines, key=cv2.contourArea)), 1)
    if body.mean() < _SMALLEST_BODY:
        note = f"no body found: the largest dense piece spans {body.mean():.0%} of the film; nothing was taken out"
        return _then(before, "binarise", film, dense > 0, note)
    return _then(before, "binarise", film * body, dense > 0)


def _frame(before: Prepared) -> Prepared:
    """The smallest upright box around both lungs becomes the frame, a margin left free."""
    film, lungs = before.square, lungs_of(before.square)
    size = len(film)
    corners = []
    for axis in (0, 1):
        filled = np.flatnonzero(lungs.mask.any(axis=axis))
        corners.append((float(filled[0]) - 0.5, float(filled[-1]) + 0.5))
    # Borders of pixels, half a pixel before their middles, from the film to the frame.
    across, down = (size * (1 - 2 * _MARGIN) / (end - start) for start, end in corners)
    first = size * _MARGIN - 0.5
    to_frame = np.array([[across, 0, first - across * corners[0][0]], [0, down, first - down * corners[1][0]]])
    framed = cv2.warpAffine(film, to_frame, (size, size), flags=cv2.INTER_LINEAR, borderValue=0)
    mask = cv2.warpAffine(lungs.mask.astype(np.float32), to_frame, (size, size), flags=cv2.INTER_LINEAR) > 0.5
    after = _then(before, "frame", framed, lungs.mask, lungs.note)
    return replace(after, lungs=replace(lungs, mask=np.asarray(mask)))


def _restore(before: Prepared) -> Prepared:
    """Wiener's filter against a Gaussian blur (Hunt, IEEE Trans. Computers C-22, 1973; scikit-image)."""
    from skimage.restoration import wiener

    sigma = _sigma(before.square)
    reach = int(np.ceil(4 * sigma))
    line = cv2.getGaussianKernel(2 * reach + 1, sigma)
    # The filter takes the film as if it went on at its other side: mirrored borders keep that out of it.
    room = 2 * reach
    wide = cv2.copyMakeBorder(before.square, room, room, room, room, cv2.BORDER_REFLECT)
    sharp = wiener(wide.astype(np.float64) / 255, line @ line.T, _BALANCE)[room:-room, room:-room]
    return _then(before, "restore", np.rint(np.clip(sharp, 0, 1) * 255).astype(np.uint8))


_STEPS: dict[Step, Callable[[Prepared], Prepared]] = {
    "denoise": _denoise,
    "smooth": _smooth,
    "binarise": _binarise,
    "frame": _frame,
    "restore": _restore,
}


def _then(before: Prepared, step: Step, square: NDArray[Any], mask: Mask | None = None, note: str = "") -> Prepared:
    stage = Stage(step, np.asarray(square, dtype=np.uint8), mask)
    return replace(before, stages=(*before.stages, stage), notes=(*before.notes, note) if note else before.notes)


def _sigma(film: Square) -> float:
    return _BLUR * len(film) / _SIDE
