"""From a decoded film to the square that a model is given: one implementation for training and inference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.pixels.region import Framing, Region, around, doubt_of, finder_of, inside_of, whole, whole_film
from hilum.recipe import Pixels

if TYPE_CHECKING:
    from hilum.lungs import Box, LungFinder

PREPROCESS_VERSION = 2  # raise it whenever the result changes for any film: the pixel caches are named by it

_SCALES = (8, 4, 2)  # at which a JPEG can be decoded from the low frequencies of its blocks
_KEPT = 2  # pixels of a scaled film to one of the square, at least, along each side
_LUNGS_SIDE = 128  # of the square that the lung network takes
_PERCENTILES = (1, 99)  # inside the lungs' hull, which become black and white


class Shown(NamedTuple):
    """A film as a recipe shows it.

    Attributes:
        levels: uint8, (size, size).
        lungs: uint8, (size, size), 255 inside the lungs and 0 elsewhere, and so everywhere if none were found; None
            where the recipe shows whole films.
        doubt: why the film is not judged by these levels: "no lungs found: …", or in words that follow "it"; or
            empty.
        remarks: about the lungs, in words.
        framing: how the film was shown; None where the recipe shows whole films.
        whole: uint8, (128, 128), the whole film; None where the recipe shows whole films.
        region: the part of the film that is shown, in pixels of the film.
    """

    levels: NDArray[np.uint8]
    lungs: NDArray[np.uint8] | None = None
    doubt: str = ""
    remarks: tuple[str, ...] = ()
    framing: Framing | None = None
    whole: NDArray[np.uint8] | None = None
    region: Region | None = None


def preprocess(
    grey: NDArray[np.float32], spec: Pixels, lungs: LungFinder | None = None, region: Box | Framing | None = None
) -> NDArray[np.uint8]:
    """Crop, denoise, resize, set the grey scale, equalise and round, in this order.

    The resize is Pillow's bilinear filter, whose support grows with the reduction: antialiased in both axes,
    even if they shrink by different factors.

    Args:
        grey: a decoded film, (height, width), 0 to 1.
        spec: the `[pixels]` of a recipe.
        lungs: the network that finds the lungs where the recipe crops films to them; None takes the one that comes
            with Hilum. A bundle's films are cropped by the bundle's own.
        region: where the lungs lie, where that was found in another film than this one, such as the film as it was
            before its lungs were painted over; the margin is added to it. A `Framing` brings that film's grey scale
            too; with a box alone the grey scale is that of what lies inside it.

    Returns:
        uint8, (spec.size, spec.size).

    Raises:
        ValueError: `grey` is not a two-dimensional array with pixels in it, or `region` is no part of a film.
        RequestError: the recipe names another lung network than this one.
    """
    return preprocess_scaled(grey, spec, grey.shape, 1, lungs, region).levels


def preprocess_scaled(
    grey: NDArray[np.float32],
    spec: Pixels,
    shape: tuple[int, ...],
    scale: int,
    lungs: LungFinder | None = None,
    region: Box | Framing | None = None,
) -> Shown:
    """Preprocess a film that was decoded at a fraction of its size.

    Args:
        grey: (ceil(height / scale), ceil(width / scale)), 0 to 1.
        spec: the `[pixels]` of a recipe.
        shape: height and width of the film itself.
        scale: pixels of the film to one of `grey`, along each side: no more than `largest_scale` says.
        lungs: as for `preprocess`.
        region: as for `preprocess`.

    Raises:
        ValueError: as `preprocess`.
        RequestError: as `preprocess`.
    """
    if grey.ndim != 2 or not grey.size:
        raise ValueError(f"a film is (height, width), not {grey.shape}")
    film = np.ascontiguousarray(grey, dtype=np.float32)
    finder = finder_of(spec, lungs)
    found = finder.find(np.clip(film, 0, 1)) if finder and region is None else None
    framing = region if isinstance(region, Framing) else Framing(found.box if found else region)
    shown = around(framing.box, spec.margin, *shape) if finder and framing.box else whole(*shape)
    shown = shown.without_border(spec.crop)
    if spec.denoise == "none":
        part, of_part = film, shown
    else:  # at the film's own resolution: the scale is 1
        part = _denoise(_cut(film, shown, 1)[0], spec.denoise)
        of_part = whole(*part.shape)
    if spec.resize == "crop":
        # The middle square first: the long side of a strip of 16×100,000 would not fit the memory once scaled.
        shown, of_part = shown.middle(), of_part.middle()
    square = _resize(part, of_part, scale, spec)

    box = None if isinstance(region, Framing) else region
    mask = found.mask if found else inside_of(box, *film.shape) if box else None
    inside = np.zeros(square.shape, dtype=bool)
    if finder and mask is not None:
        inside = _resize(mask.astype(np.float32), shown, scale, spec) >= 0.5
    if spec.grey_from == "lungs" and framing is not region:
        framing = Framing(framing.box, *_black_and_white(square, inside))
    if finder and (framing.black, framing.white) != (0, 1):
        square = (square - np.float32(framing.black)) / np.float32(framing.white - framing.black)
    levels = _levels(square)
    if spec.equalise == "clahe":
        levels = _equalise(levels)
    if found is None:
        return Shown(levels, region=shown)
    small = whole_film(spec)
    entire = preprocess_scaled(film, small, shape, scale).levels if small else None
    lit = inside.astype(np.uint8) * np.uint8(255)
    return Shown(levels, lit, doubt_of(found), found.remarks, framing, entire, shown)


def largest_scale(height: int, width: int, spec: Pixels) -> int:
    """The fraction of its size at which a film may be decoded: 1, 2, 4 or 8 of its pixels to one, along each side.

    As long as two pixels remain for one of the square, the reduction that follows blurs more than the fraction loses:
    on 96 originals of Kermany's films at 128 px, squares differ from those of the whole films by 0.11 grey levels in
    the mean, and by 0.32 in the worst film (`python -m benchmarks.scaled_decoding`). Denoising works at the film's
    own resolution, so it allows no fraction.

    Where the lungs lie is not known before the film is decoded. They are taken to fill half of each side, which few
    films fall short of; and the network that finds them is left two pixels for one of its own too.
    """
    if spec.denoise != "none":
        return 1
    region = whole(height, width).without_border(spec.crop)
    kept = min(height, width) / _LUNGS_SIDE if spec.region == "lungs" else math.inf
    if spec.region == "lungs":
        region = Region(0, 0, max(1, region.height // 2), max(1, region.width // 2))
    if spec.resize == "crop":
        region = region.middle()
    sides = _sides(region, spec)
    kept = min(kept, region.height / sides[0], region.width / sides[1])
    return next((scale for scale in _SCALES if kept >= _KEPT * scale), 1)


def _cut(
    film: NDArray[np.float32], region: Region, scale: int
) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
    """The pixels that show a region, and its box among them: left, top, right, bottom."""
    top, left, bottom, right = region
    y, x = top // scale, left // scale
    box = (left / scale - x, top / scale - y, right / scale - x, bottom / scale - y)
    return np.ascontiguousarray(film[y : -(-bottom // scale), x : -(-right // scale)]), box


def _sides(region: Region, spec: Pixels) -> tuple[int, int]:
    """Height and width, in pixels of the square, of what is shown of a film."""
    if spec.resize != "pad":
        return spec.size, spec.size
    longer = max(region.height, region.width)
    return max(1, round(region.height * spec.size / longer)), max(1, round(region.width * spec.size / longer))


def _denoise(film: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    import cv2

    match how:
        case "median":
            smooth = cv2.medianBlur(film, 3)
        case "gaussian":
            smooth = cv2.GaussianBlur(film, (0, 0), sigmaX=1.0)
        case "nlm":
            # Buades et al. 2005; OpenCV's parameters: strength 3, patches 7×7, searched over 21×21; on 8 bits only.
            smooth = cv2.fastNlMeansDenoising(_levels(film), None, 3.0, 7, 21).astype(np.float32) / np.float32(255)
        case _:
            raise ValueError(f"no such denoising: {how}")
    return np.asarray(smooth, dtype=np.float32)


def _resize(film: NDArray[np.float32], region: Region, scale: int, spec: Pixels) -> NDArray[np.float32]:
    """A region of a film that was decoded at a fraction of its size, fitted to the square."""
    height, width = _sides(region, spec)
    part, box = _cut(film, region, scale)
    shown = np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.BILINEAR, box=box))
    if (height, width) == (spec.size, spec.size):
        return shown
    square = np.zeros((spec.size, spec.size), dtype=np.float32)
    top, left = (spec.size - height) // 2, (spec.size - width) // 2
    square[top : top + height, left : left + width] = shown
    return square


def _black_and_white(square: NDArray[np.float32], lungs: NDArray[np.bool_]) -> tuple[float, float]:
    """The 1st and the 99th percentile of the grey values inside the lungs' hull.

    Without lungs they are those of all that is shown. Where it is even, the grey values stay as they are.
    """
    from hilum.lungs.found import hull_of

    low, high = np.percentile(square[hull_of(lungs)] if lungs.any() else square, _PERCENTILES)
    return (float(low), float(high)) if high - low >= 1 / 255 else (0.0, 1.0)


def _levels(film: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(np.clip(film, 0.0, 1.0) * np.float32(255)).astype(np.uint8)
    return levels


def _equalise(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994)."""
    import cv2

    equalised = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(levels)
    return np.asarray(equalised, dtype=np.uint8)
