"""Tables of a recipe about films as pictures: `[pixels]` and `[batches]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
Side = Annotated[int, Meta(ge=16, le=1024)]


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

    size: Side = 128
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
        intensity: standard deviation of a shift of all grey values, in units of √3 times the film's own variance:
            what a shift along the principal colours is for grey (Krizhevsky et al., NIPS 2012, section 4.1, has 0.1).
        match: probability that a film takes another film's histogram.
        sharpen: probability, and the largest amount of an unsharp mask.
        erase: probability, and the largest part of the area of a box that becomes one even grey (Zhong et al.,
            AAAI 2020).
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
    intensity: Annotated[float, Meta(ge=0, le=1)] = 0.0
    match: Fraction = 0.0
    sharpen: tuple[Fraction, Annotated[float, Meta(gt=0, le=10)]] = (0.0, 1.0)
    erase: tuple[Fraction, Annotated[float, Meta(gt=0, le=0.5)]] = (0.0, 0.2)


class Batches(Struct, frozen=True, forbid_unknown_fields=True):
    """How films are drawn and stacked.

    Attributes:
        size: films a batch.
        draw: `shuffled` takes every film once an epoch; `stratified` too, with each group's share of the films in
            every batch; `balanced` takes every group equally often, films of small groups several times.
        by: what a group is: a `label`, or a `cause` (a film's subtype where it has one).
        mixup: alpha of the Beta distribution that films and labels are mixed by (Zhang et al., ICLR 2018); 0 mixes
            none.
        crop: side, in pixels, of what is cut out of each film for the network; 0 shows it the whole film.
        scales: shortest and longest side to which a film is scaled before the crop is cut, drawn film by film
            (Simonyan & Zisserman, ICLR 2015, section 3.1, has 256 and 512); empty cuts from the film as it is.
    """

    size: Annotated[int, Meta(ge=2, le=4096)] = 32
    draw: Literal["shuffled", "stratified", "balanced"] = "shuffled"
    by: Literal["label", "cause"] = "label"
    mixup: Annotated[float, Meta(ge=0, le=10)] = 0.0
    crop: Annotated[int, Meta(ge=0, le=1024)] = 0
    scales: tuple[Side, Side] | None = None
    augment: Augment = Augment()

    def __post_init__(self) -> None:
        if 0 < self.crop < 16:
            raise ValueError(f"batches.crop: {self.crop} pixels show nothing; take 16 or more, or 0 for all of it")
        if self.scales is None:
            return
        low, high = self.scales
        if not self.crop:
            raise ValueError("batches.scales are of crops: name batches.crop too")
        if not self.crop <= low <= high:
            raise ValueError(
                f"batches.scales: a crop of {self.crop} pixels, cut from {low} to {high}; they must rise"
            )
