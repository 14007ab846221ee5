"""Tables of a recipe about more than one network: `[members]` and `[teacher]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Members(Struct, frozen=True, forbid_unknown_fields=True):
    """How many networks are trained by the recipe, and how they are combined.

    Attributes:
        seeds: Number of networks that are trained on the same films, each with a seed of its own.
        folds: Number of networks of a cross-validation, each of which holds out another part of the patients for its
            validation; 0 uses the manifest's split.
        folds_by: What a fold holds out. `patient` draws patients; `acquisition` holds out the films that were taken
            alike, by their grey levels, sharpness, framing and letters, with all films of their patients: at most
            `folds` groups, of which those with fewer than 20 films of a class join another.
        fuse: How the networks are combined. `mean` writes one bundle whose probabilities are the mean of theirs;
            `fitted` weighs them so that the log loss on validation is smallest; `none` writes a bundle for each.
    """

    seeds: Annotated[int, Meta(ge=1, le=100)] = 1
    folds: Annotated[int, Meta(ge=0, le=100)] = 0
    folds_by: Literal["patient", "acquisition"] = "patient"
    fuse: Literal["mean", "fitted", "none"] = "mean"

    def __post_init__(self) -> None:
        if self.folds == 1:
            raise ValueError("one fold leaves nothing to learn from; take 2 or more, or 0 for none")
        if self.folds_by == "acquisition" and not self.folds:
            raise ValueError("folds_by says what a fold holds out, and there are none; take members.folds=5")
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
    """Trained networks whose probabilities a smaller network is trained on (knowledge distillation).

    Source: Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015.

    Attributes:
        sources: Folders of the teachers' bundles; of several, the mean of the probabilities is used.
        weight: Weight of the loss on the teacher's probabilities; the loss on the labels has the rest.
        temperature: Divisor of the logits of teacher and student: a higher one shows more of what the teacher thinks
            possible.
    """

    sources: tuple[str, ...] = ()
    weight: Annotated[float, Meta(ge=0, le=1)] = 0.5
    temperature: Annotated[float, Meta(gt=0, le=100)] = 2.0
