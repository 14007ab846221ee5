"""The part of a film that a recipe shows: all of it, or its lungs with a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hilum.errors import RequestError
from hilum.recipe import Pixels
from hilum.records.reasons import LOOKS_ROTATED, NO_LUNGS

if TYPE_CHECKING:
    from hilum.lungs import Box, LungFinder, Lungs

WHOLE_SIDE = 128  # of the square that shows the whole film beside its lungs, in pixels
REGION_VERSION = 1  # raise it whenever a film is cropped to another part: the pixel caches of crops are named by it

_OF_REGIONS = ("region", "margin", "grey_from", "lungs_sha256")  # keys that whole films do not depend on


class Region(NamedTuple):
    """A part of a film, in its own pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    def without_border(self, share: float) -> Region:
        """What is left where this share of each side is cut off at each border."""
        rows, columns = int(self.height * share), int(self.width * share)
        return Region(self.top + rows, self.left + columns, self.bottom - rows, self.right - columns)

    def middle(self) -> Region:
        """The square in the middle."""
        shorter = min(self.height, self.width)
        top, left = self.top + (self.height - shorter) // 2, self.left + (self.width - shorter) // 2
        return Region(top, left, top + shorter, left + shorter)


class Framing(NamedTuple):
    """How a film was shown, so that another one can be shown as it was (`preprocess`).

    Attributes:
        box: of the lungs, in parts of the film's sides, before the margin; None where none were found.
        black: the grey value, from 0 to 1, that became black.
        white: that which became white.
    """

    box: Box | None
    black: float = 0.0
    white: float = 1.0


def whole(height: int, width: int) -> Region:
    """All of a film."""
    return Region(0, 0, height, width)


def around(box: Box, margin: float, height: int, width: int) -> Region:
    """The lungs with a margin, as far as the film reaches; never less than a pixel.

    Args:
        box: of the lungs, in parts of the film's sides.
        margin: beyond it on each side, in parts of the box's own sides.
        height: of the film, in pixels.
        width: of the film, in pixels.

    Raises:
        ValueError: the box lies outside the film, or holds nothing.
    """
    if not (0 <= box.top < box.bottom <= 1 and 0 <= box.left < box.right <= 1):
        raise ValueError(f"a region lies between 0 and 1 of a film's sides and is not empty; this one is {box}")
    wide = box.with_margin(margin)
    top, left = min(round(wide.top * height), height - 1), min(round(wide.left * width), width - 1)
    return Region(top, left, max(top + 1, round(wide.bottom * height)), max(left + 1, round(wide.right * width)))


def inside_of(box: Box, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels of a film that lie inside a box."""
    region, inside = around(box, 0, height, width), np.zeros((height, width), dtype=bool)
    inside[region.top : region.bottom, region.left : region.right] = True
    return inside


def finder_of(spec: Pixels, lungs: LungFinder | None = None) -> LungFinder | None:
    """The network that finds the lungs for these `[pixels]`; None where they show whole films.

    Args:
        spec: the `[pixels]` of a recipe.
        lungs: a bundle's own; None takes the one that comes with Hilum.

    Raises:
        RequestError: the recipe names another network than this one.
    """
    if spec.region == "film":
        return None
    if lungs is None:
        from hilum.lungs import shipped_finder

        lungs = shipped_finder()
    if spec.lungs_sha256 and spec.lungs_sha256 != lungs.sha256:
        raise RequestError(
            f"pixels.lungs_sha256: films were cropped by the lung network {spec.lungs_sha256[:16]}, and this one is "
            f"{lungs.sha256[:16]}; install the Hilum that began this run, or start a new one with "
            '--set pixels.lungs_sha256=""'
        )
    return lungs


def pin_lungs(spec: Pixels, lungs: LungFinder | None = None) -> Pixels:
    """The same with the SHA-256 of the network that finds the lungs, where the films are cropped to them.

    Raises:
        RequestError: as `finder_of`.
    """
    finder = finder_of(spec, lungs)
    return spec if finder is None else replace(spec, lungs_sha256=finder.sha256)


def whole_film(spec: Pixels) -> Pixels | None:
    """`[pixels]` that show the whole film in 128 × 128 pixels, where these show its lungs; else None."""
    if spec.region == "film":
        return None
    return Pixels(size=WHOLE_SIDE, window=spec.window, grey_scale=spec.grey_scale)


def shows_whole(spec: Pixels) -> bool:
    """Whether the whole film, undistorted but for its sides, is at hand with these `[pixels]`."""
    plain = spec.resize == "squash" and not spec.crop and spec.equalise == "none"
    return plain or spec.region == "lungs"


def key_parts(spec: Pixels, lungs: LungFinder | None = None) -> list[object]:
    """What the square of a film depends on besides the film and the versions of decoding and preprocessing.

    Of whole films it is what it was before there were regions, so that their caches stay.
    """
    if spec.region == "lungs":
        return [pin_lungs(spec, lungs), REGION_VERSION]
    fields = msgspec.to_builtins(spec)
    before = {name: value for name, value in fields.items() if name not in _OF_REGIONS}
    return [msgspec.Raw(msgspec.json.encode(before))]  # a dictionary's keys would be sorted


def doubt_of(found: Lungs) -> str:
    """Why a film is not judged by what is shown of it: "no lungs found: …", or in words that follow "it"; or "".

    The lungs of a film that lies on its side are found; detectors have learnt from upright ones.
    """
    return NO_LUNGS + found.reason if found.mask is None else LOOKS_ROTATED.get(found.rotation, "")
