"""The study's preprocessing: named steps, one after the other, each of which leaves a film that can be looked at.

    denoise    grain goes, edges stay
    smooth     what the denoising has left
    binarise   Otsu's threshold divides dense from dark; what lies outside the body becomes black
    frame      an affine map lays the box around both lungs of every film into the same frame
    restore    the edges that smoothing and scaling took come back
    mask       what lies outside the hull of both lungs becomes as grey as the mean inside it

Every step takes the film that the one before it left. A black and white film would be the end of every later step,
so the threshold does not replace the film: its dense tissue says where the body is, and what is outside it (air,
collimation, letters) is taken out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.classical.features.outline import LungOutline, Mask, Square, outline_of
from hilum.lungs import Box, LungFinder, hull_of
from hilum.recipe.classical import Step

_SIDE = 224  # of the films that widths in pixels below are meant for; they grow with a film's side
_NLM = (3.0, 5, 9)  # strength in grey levels, side of a patch, side of the search
_BLUR = 0.8  # sigma in pixels, of smoothing and of what restoring takes back
_BALANCE = 0.005  # of Wiener's filter: what it gives up of sharpness so that grain stays small
_MARGIN = 0.1  # of the width and height of the box around both lungs, beyond it on each side of the frame
_FRAMED = Box(
    _MARGIN / (1 + 2 * _MARGIN),
    _MARGIN / (1 + 2 * _MARGIN),
    (1 + _MARGIN) / (1 + 2 * _MARGIN),
    (1 + _MARGIN) / (1 + 2 * _MARGIN),
)
_SMALLEST_PIECE, _SMALLEST_BODY = 0.005, 0.2  # of the film's area: a dense piece that counts, and a body


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
        lungs: where they lie in the result; None where no step needed them, and the film did not come with them.
        notes: what a step did not find, and what it did instead; empty where all is well.
    """

    stages: tuple[Stage, ...]
    lungs: LungOutline | None = None
    notes: tuple[str, ...] = ()

    @property
    def square(self) -> Square:
        """The film after the last step: (size, size) uint8."""
        return self.stages[-1].square


def prepare(
    square: Square, steps: Sequence[Step], lungs: LungFinder | None = None, known: LungOutline | None = None
) -> Prepared:
    """Take a film through the steps.

    Args:
        square: (size, size) uint8, at least 16 pixels a side, as `pixels.preprocess` gives it.
        steps: in order.
        lungs: what finds the lungs for `frame` and `mask`; None takes the network that comes with Hilum.
        known: where the lungs lie in the square, if that is known; else they are looked for in it.

    Raises:
        ValueError: it is not such a square.
    """
    if square.ndim != 2 or square.shape[0] != square.shape[1] or square.shape[0] < 16 or square.dtype != np.uint8:
        raise ValueError(f"a prepared film starts as a square of 16 pixels or more in uint8, not {square.shape}")
    prepared = Prepared((Stage("", square),), known, (known.note,) if known and known.note else ())
    for step in steps:
        if step in ("frame", "mask"):
            prepared, found = _with_lungs(prepared, lungs)
            prepared = _frame(prepared, found) if step == "frame" else _mask(prepared, found)
        else:
            prepared = _STEPS[step](prepared)
    return prepared


def _with_lungs(before: Prepared, finder: LungFinder | None) -> tuple[Prepared, LungOutline]:
    """The film and its lungs, which are looked for once."""
    if before.lungs is not None:
        return before, before.lungs
    # No step before this one has moved anything, and the lungs are found in films as they come.
    lungs = outline_of(before.stages[0].square, finder)
    return replace(before, lungs=lungs, notes=(*before.notes, lungs.note) if lungs.note else before.notes), lungs


def _denoise(before: Prepared) -> Prepared:
    """Non-local means (Buades et al., CVPR 2005): a pixel becomes the mean of those with like surroundings."""
    return _then(before, "denoise", cv2.fastNlMeansDenoising(before.square, None, *_NLM))


def _smooth(before: Prepared) -> Prepared:
    """A Gaussian."""
    return _then(before, "smooth", cv2.GaussianBlur(before.square, (0, 0), _sigma(before.square)))


def _binarise(before: Prepared) -> Prepared:
    """Otsu's threshold (IEEE Trans. SMC 9, 1979); once more among the dark, it divides the lungs from the air.

    The body is the hull of all but the air, letters left out.
    """
    film = before.square
    if film.min() == film.max():
        return _then(before, "binarise", film, note="no body found: one grey value throughout; nothing was taken out")
    dense = film > _otsu(film)
    exposed = film > _otsu(film[~dense])
    outlines, _ = cv2.findContours(exposed.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pieces = [outline for outline in outlines if cv2.contourArea(outline) >= _SMALLEST_PIECE * film.size]
    body = np.zeros_like(film)
    if pieces:
        cv2.fillConvexPoly(body, cv2.convexHull(np.concatenate(pieces)), 1)
    if body.mean() < _SMALLEST_BODY:
        note = f"no body found: all but the air spans {body.mean():.0%} of the film; nothing was taken out"
        return _then(before, "binarise", film, dense, note)
    return _then(before, "binarise", film * body, dense)


def _frame(before: Prepared, lungs: LungOutline) -> Prepared:
    """The box around both lungs, with a margin, becomes the whole square."""
    film = before.square
    size = len(film)
    corners = frame_in(lungs, size)[:3].astype(np.float32)
    ends = np.array([[0, 0], [size, 0], [size, size]], dtype=np.float32) - np.float32(0.5)
    to_film = cv2.getAffineTransform(ends, corners)

    def pulled(picture: NDArray[Any]) -> NDArray[Any]:
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(picture, to_film, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE))

    after = _then(before, "frame", pulled(film), lungs.mask)
    mask = pulled(lungs.mask.astype(np.float32)) > 0.5
    return replace(after, lungs=replace(lungs, mask=mask, box=_FRAMED))


def _mask(before: Prepared, lungs: LungOutline) -> Prepared:
    """Outside the hull of both lungs the film becomes one grey, the mean of what lies inside it.

    So neither what is there nor the hull's own shape stands out.
    """
    film, inside = before.square, hull_of(lungs.mask)
    grey = np.uint8(np.rint(film[inside].mean())) if inside.any() else np.uint8(0)
    return _then(before, "mask", np.where(inside, film, grey))


def frame_in(lungs: LungOutline, size: int) -> NDArray[np.float64]:
    """The frame's corners in the film: (4, 2), pixels (x, y), clockwise from the one that becomes the upper left.

    Where the lungs lie at the film's border, the frame reaches beyond it.
    """
    top, left, bottom, right = lungs.box
    down, across = (bottom - top) * _MARGIN, (right - left) * _MARGIN
    top, bottom, left, right = top - down, bottom + down, left - across, right + across
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return np.asarray(corners * size - 0.5)


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
    "restore": _restore,
}


def _then(before: Prepared, step: Step, square: NDArray[Any], mask: Mask | None = None, note: str = "") -> Prepared:
    stage = Stage(step, np.asarray(square, dtype=np.uint8), mask)
    return replace(before, stages=(*before.stages, stage), notes=(*before.notes, note) if note else before.notes)


def _otsu(levels: NDArray[np.uint8]) -> float:
    return float(cv2.threshold(levels.reshape(-1, 1), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0])


def _sigma(film: Square) -> float:
    return _BLUR * len(film) / _SIDE
