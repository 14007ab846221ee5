"""Tables of a recipe about more than one network: `[members]` and `[teacher]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Members(Struct, frozen=True, forbid_unknown_fields=True):
    """How many networks learn by the recipe, and how they judge together.

    Attributes:
        seeds: networks that learn from the same films, each from a seed of its own.
        folds: networks that each leave out another part of the patients, by which it is validated
            (cross-validation); 0 takes the manifest's split.
        fuse: `mean` makes one bundle whose probabilities are the mean of theirs, `fitted` weighs them by what costs
            least on validation, `none` leaves a bundle each.
    """

    seeds: Annotated[int, Meta(ge=1, le=100)] = 1
    folds: Annotated[int, Meta(ge=0, le=100)] = 0
    fuse: Literal["mean", "fitted", "none"] = "mean"

    def __post_init__(self) -> None:
        if self.folds == 1:
            raise ValueError("one fold leaves nothing to learn from; take 2 or more, or 0 for none")
        if self.folds and self.seeds > 1:
            raise ValueError("folds and seeds exclude each other: take members.seeds=1 or members.folds=0")
        if self.folds and self.fuse == "fitted":
            raise ValueError(
                "no film is left to fit shares on, where each network was validated on its own fold; take fuse=mean"
            )

    @property
    def several(self) -> bool:
        """Whether more than one network learns."""
        return self.seeds > 1 or self.folds > 0


class Teacher(Struct, frozen=True, forbid_unknown_fields=True):
    """Networks that have learnt, and whose probabilities a smaller one learns from.

    Source: Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015.

    Attributes:
        sources: their bundles' folders; of several, the mean of the probabilities is taught.
        weight: how much the teacher's answer counts; the label counts for the rest.
        temperature: by which both sides' logits are divided: a higher one tells more of what the teacher thinks
            possible.
    """

    sources: tuple[str, ...] = ()
    weight: Annotated[float, Meta(ge=0, le=1)] = 0.5
    temperature: Annotated[float, Meta(gt=0, le=100)] = 2.0
