"""Tables of a recipe about learning and what comes of it: `[training]` and `[bundle]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class Training(Struct, frozen=True, forbid_unknown_fields=True):
    """The learning scheme.

    Attributes:
        epochs: at most so many.
        min_epochs: no checkpoint is kept as the best, and none stops early, before this epoch.
        keep: `best` keeps the checkpoint with the lowest validation loss, `last` that of the last epoch.
        early_stopping: stop after so many epochs without a better validation loss; 0 never stops.
        optimizer: `sgd` (momentum 0.9, weight decay as L2), `adam` (weight decay as L2) or `adamw`.
        learning_rate: at the start, or at the peak after the warm-up.
        weight_decay: L2 for sgd and adam, decoupled for adamw.
        schedule: `plateau` multiplies by `plateau_factor` after `plateau_patience` epochs without a better
            validation loss, down to `min_learning_rate`; `cosine` falls to `min_learning_rate` at the last step.
        warmup_epochs: the learning rate rises from 0 over so many epochs.
        class_weights: `balanced` weighs a class by the share of films that are not of it (the study's
            [3876, 1342] / 5218), `none` weighs all alike.
        label_smoothing: the share of certainty taken from the label.
        average: decay, a step, of an exponential moving average of the weights, which is then what is validated and
            kept; 0 keeps none.
        precision: `bfloat16` computes in it where that is safe, `float32` throughout; `auto` takes
            bfloat16 where the processor has instructions for it.
    """

    epochs: Annotated[int, Meta(ge=1)] = 30
    min_epochs: Annotated[int, Meta(ge=1)] = 1
    keep: Literal["best", "last"] = "best"
    early_stopping: Annotated[int, Meta(ge=0)] = 0
    optimizer: Literal["sgd", "adam", "adamw"] = "adam"
    learning_rate: Positive = 1e-4
    weight_decay: NotNegative = 0.0
    schedule: Literal["plateau", "cosine", "constant"] = "plateau"
    plateau_factor: Annotated[float, Meta(gt=0, lt=1)] = 0.3
    plateau_patience: Annotated[int, Meta(ge=0)] = 2
    min_learning_rate: NotNegative = 1e-6
    warmup_epochs: NotNegative = 0.0
    class_weights: Literal["balanced", "none"] = "balanced"
    label_smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"

    def __post_init__(self) -> None:
        if self.min_epochs > self.epochs:
            raise ValueError(f"min_epochs ({self.min_epochs}) is larger than epochs ({self.epochs})")


class Bundle(Struct, frozen=True, forbid_unknown_fields=True):
    """How the detector is stored and where it decides.

    Attributes:
        weights: number format of the stored weights. `float16` halves the bundle; the weights are rounded before
            anything is measured, so every figure is of the stored ones.
        operating_point: how the threshold is chosen on validation: `youden` (largest sensitivity + specificity), or
            `half` (a probability of 0.5).
        operating_views: how many augmented views of each validation film join the film itself when the threshold is
            chosen. A detector that separates clean validation perfectly has a whole range of best thresholds there.
    """

    weights: Literal["float32", "float16"] = "float32"
    operating_point: Literal["youden", "half"] = "youden"
    operating_views: Annotated[int, Meta(ge=0, le=64)] = 0
