"""Tables of a recipe about films as pictures: `[pixels]` and `[batches]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
Side = Annotated[int, Meta(ge=16, le=1024)]
GreyScale = Literal["exposed", "extremes"]


class Pixels(Struct, frozen=True, forbid_unknown_fields=True):
    """How a decoded film becomes the grey square that a model takes.

    Attributes:
        size: Side of the square, in pixels.
        resize: How the film is fitted to the square. `squash` scales both sides to it; `pad` scales the longer side
            to it and fills the rest with black; `crop` scales the shorter side to it and takes the centre.
        crop: Fraction of each side that is cut off at each border, before resizing.
        denoise: Filter at the film's own resolution: `median` (3×3), `gaussian` (sigma 1), `nlm` (non-local means)
            or `none`.
        equalise: `clahe` applies contrast-limited adaptive histogram equalisation (limit 2, 8×8 tiles) after
            resizing; `none` applies none.
        window: Centre and width of the grey window, in the modality's units (HU for CT), which replaces the one in a
            DICOM file. Without it a CT slice gets the lung window (-600, 1500), and a radiograph its stored window.
        grey_scale: What becomes black and white in a film of more than 8 bits that brings no window: `exposed` takes
            the smallest and the largest value of what was exposed, and leaves out the few pixels (lead markers,
            burnt-in text, dead pixels) and the borders that lie far outside; `extremes` takes those of all pixels, as
            up to 0.2.0. Bundles and runs of those versions keep `extremes`.
        region: Which part of a film becomes the square: the whole `film`, or the smallest box around both `lungs`
            (`hilum.lungs`). A film in which no lungs are found is shown as a whole, and not answered.
        margin: Fraction of the lungs' box by which it is widened on each side, as far as the film goes; for the
            region `lungs`.
        grey_from: What sets the grey scale of the square: the `film` as it was decoded, or the `lungs`: then the 1st
            and the 99th percentile of what lies inside the hull of both lungs become 0 and 1. Needs the region
            `lungs`.
        lungs_sha256: SHA-256 of the lung network by which films are cropped; a run writes it down when it begins, so
            that it is completed, and its bundle used, with no other.
    """

    size: Side = 128
    resize: Literal["squash", "pad", "crop"] = "squash"
    crop: Annotated[float, Meta(ge=0, le=0.4)] = 0.0
    denoise: Literal["none", "median", "gaussian", "nlm"] = "none"
    equalise: Literal["none", "clahe"] = "none"
    window: tuple[float, Positive] | None = None
    grey_scale: GreyScale = "exposed"
    region: Literal["film", "lungs"] = "film"
    margin: Annotated[float, Meta(ge=0, le=1)] = 0.15
    grey_from: Literal["film", "lungs"] = "film"
    lungs_sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""

    def __post_init__(self) -> None:
        if self.region == "film" and self.grey_from == "lungs":
            raise ValueError('grey_from = "lungs" needs the lungs of the film: set region = "lungs" too')


class Augment(Struct, frozen=True, forbid_unknown_fields=True):
    """How far an augmented view may differ from its film; with zeros a view is the film itself.

    Attributes:
        rotation: Largest rotation in degrees, in either direction.
        scale: Strength of zooming: the factor lies between 1/(1+scale) and 1+scale.
        aspect: Strength of stretching: width against height changes by a factor between 1/(1+aspect) and 1+aspect.
        translation: Largest shift in either direction, as a fraction of the side.
        flip: Probability of mirroring left and right.
        black: Probability that the area outside the film is black; otherwise the film is mirrored there.
        gamma: Strength of gamma correction: the exponent lies between 1/(1+gamma) and 1+gamma, and is applied within
            the film's own grey range.
        contrast: Strength of contrast changes: the factor about the film's mean lies between 1/(1+contrast) and
            1+contrast.
        blur: Probability of a Gaussian blur, and its largest sigma in pixels of the model's input.
        noise: Probability of added Gaussian noise, and its largest standard deviation (grey values lie between 0
            and 1).
        jpeg: Probability of a JPEG recompression, and its lowest quality (1 to 100).
        intensity: Standard deviation of a shift of all grey values, in units of √3 times the film's own variance,
            which is what a shift along the principal colours is for grey images (Krizhevsky et al., NIPS 2012,
            section 4.1, use 0.1).
        match: Probability that a film gets the histogram of another film.
        sharpen: Probability of an unsharp mask, and its largest amount.
        erase: Probability that a box is filled with one grey value, and the largest fraction of the area that the box
            may cover (Zhong et al., AAAI 2020).
        outside: Probability that what lies outside the hull of the lungs is replaced: by another film's, a blur,
            noise or one grey, each equally often. Needs `pixels.region = "lungs"`, as `blank` does.
        between: Of the films of `outside`, the fraction in which what lies between the lungs (the heart, the spine)
            is replaced too, so that only the lungs themselves remain.
        blank: Probability that the lungs are made one grey: their hull or, as often, all but a frame of the film.
            What is left is evidence of nothing, and the network is trained to give every class the same probability.
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
    outside: Fraction = 0.0
    between: Fraction = 0.0
    blank: Fraction = 0.0

    def __post_init__(self) -> None:
        if self.between and not self.outside:
            raise ValueError("between is a fraction of the films of outside, and there are none: set outside too")


class Batches(Struct, frozen=True, forbid_unknown_fields=True):
    """How films are drawn, augmented and stacked into batches.

    Attributes:
        size: Number of films in a batch.
        draw: How an epoch draws films. `shuffled` draws every film once; `stratified` does so with each group's
            proportion of the films in every batch; `balanced` draws every group equally often, films of small groups
            repeatedly.
        by: What a group is: the films of one `label`, or of one `cause` (a film's subtype, where it has one).
        mixup: Parameter alpha of the Beta distribution from which the weights of mixup are drawn (Zhang et al., ICLR
            2018); 0 turns mixup off.
        crop: Side, in pixels, of the crop of each film that the network is trained on; 0 trains on whole films.
        scales: Smallest and largest side to which a film is scaled before the crop is taken, drawn for each film
            (Simonyan & Zisserman, ICLR 2015, section 3.1, use 256 and 512); without it the film keeps its size.
        augment: How the augmented views of the films are drawn.
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
