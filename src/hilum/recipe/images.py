"""Tables of a recipe about films as pictures: `[pixels]` and `[batches]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]


class Pixels(Struct, frozen=True, forbid_unknown_fields=True):
    """How a decoded film becomes the grey square that a model sees.

    Attributes:
        size: side of the square, in pixels.
        resize: `squash` both sides to it; `pad` the longer side's square with black; scale the shorter
            side to it and `crop` the middle.
        crop: the fraction of each side that is cut away at each border, before resizing.
        denoise: `median` (3×3), `gaussian` (sigma 1) or `nlm` (non-local means), at the film's own resolution.
        equalise: `clahe`: contrast-limited adaptive histogram equalisation (limit 2, 8×8 tiles), after resizing.
        window: centre and width, in the modality's units (HU for CT), that replace a DICOM's own; without it
            a CT slice gets the lung window (-600, 1500) and a radiograph the window stored in it.
    """

    size: Annotated[int, Meta(ge=16, le=1024)] = 128
    resize: Literal["squash", "pad", "crop"] = "squash"
    crop: Annotated[float, Meta(ge=0, le=0.4)] = 0.0
    denoise: Literal["none", "median", "gaussian", "nlm"] = "none"
    equalise: Literal["none", "clahe"] = "none"
    window: tuple[float, Positive] | None = None


class Augment(Struct, frozen=True, forbid_unknown_fields=True):
    """How far a drawn view may stray from the film; zeros leave it as it is.

    Attributes:
        rotation: at most so many degrees either way.
        scale: zoom between 1/(1+scale) and 1+scale.
        aspect: width against height between 1/(1+aspect) and 1+aspect.
        translation: at most this fraction of the side, either way.
        flip: probability of mirroring left and right.
        black: probability that a view shows black where the film has ended; otherwise the film is mirrored there.
        gamma: exponent between 1/(1+gamma) and 1+gamma, about the film's own range.
        contrast: factor about the film's mean between 1/(1+contrast) and 1+contrast.
        blur: probability, and the largest Gaussian sigma in pixels of the model's input.
        noise: probability, and the largest standard deviation of added noise (films range over 0 to 1).
        jpeg: probability, and the lowest quality of a JPEG re-compression (1 to 100).
    """

    rotation: Annotated[float, Meta(ge=0, le=180)] = 0.0
    scale: Annotated[float, Meta(ge=0, le=3)] = 0.0
    aspect: Annotated[float, Meta(ge=0, le=3)] = 0.0
    translation: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    flip: Fraction = 0.0
    black: Fraction = 1.0
    gamma: Annotated[float, Meta(ge=0, le=9)] = 0.0
    contrast: Annotated[float, Meta(ge=0, le=9)] = 0.0
    blur: tuple[Fraction, Annotated[float, Meta(gt=0, le=5)]] = (0.0, 1.0)
    noise: tuple[Fraction, Annotated[float, Meta(gt=0, le=1)]] = (0.0, 0.05)
    jpeg: tuple[Fraction, Annotated[int, Meta(ge=1, le=100)]] = (0.0, 30)


class Batches(Struct, frozen=True, forbid_unknown_fields=True):
    """How films are drawn and stacked."""

    size: Annotated[int, Meta(ge=2, le=4096)] = 32
    augment: Augment = Augment()
