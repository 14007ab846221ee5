"""Table of a recipe that learns to outline lungs: `[outlines]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from hilum.recipe.images import Fraction


class Outlines(Struct, frozen=True, forbid_unknown_fields=True):
    """How a network learns to outline the lungs of films, and to tell how a film lies.

    Source of the network: Ronneberger, Fischer & Brox, "U-Net", MICCAI 2015.

    Attributes:
        widths: Number of channels at each resolution of the network, from the film's own down to the coarsest; each
            resolution is half of the one before.
        view_weight: Weight, in the loss, of the cross-entropy of the film's view.
        opacities: Probability that opacities are painted into the lungs of a training film, so that a white lung
            keeps its outline.
        turned: Probability that a training film is rotated by 90, 180 or 270 degrees, each equally often.
        others: Probability that a training film is replaced by a picture that is no chest film: shuffled tiles or a
            small part of the film, drawn limbs and shapes, noise, text.
        folds: Number of parts into which the patients are divided; one of them is the validation films.
        left_out: Names of films (without folder and ending) whose outlines were looked at and are wrong: nothing is
            learnt from them, and nothing measured on them.
    """

    widths: Annotated[tuple[Annotated[int, Meta(ge=1, le=1024)], ...], Meta(min_length=2, max_length=8)] = (
        8,
        16,
        32,
        64,
        96,
        128,
    )
    view_weight: Annotated[float, Meta(ge=0, le=100)] = 0.2
    opacities: Fraction = 0.6
    turned: Fraction = 0.24
    others: Fraction = 0.12
    folds: Annotated[int, Meta(ge=2, le=1000)] = 10
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.turned + self.others > 1:
            raise ValueError(
                f"outlines.turned + outlines.others is {self.turned + self.others:g}; together they are at most 1"
            )
