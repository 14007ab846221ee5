"""Tables of a recipe about learning and what comes of it: `[training]` and `[bundle]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hilum.recipe.images import Side

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class Training(Struct, frozen=True, forbid_unknown_fields=True):
    """The learning scheme.

    Attributes:
        epochs: at most so many.
        min_epochs: no checkpoint is kept as the best, and none stops early, before this epoch.
        keep: `best` keeps the checkpoint with the best figure on validation, `last` that of the last epoch; `agreed`
            that of the epoch whose figure is best on average over the seeds of `[members]`, which is less of a lucky
            draw than one run's best.
        monitor: that figure, which plateaus and early stopping go by too: the `loss`, the `accuracy` or the `auroc`
            on the validation films; `views_loss` or `views_auroc`, the same on `val_views` drawn views of each; or
            `shifted_loss` or `shifted_auroc`, the same under `val_shifts`.
        val_views: how many drawn views of each validation film are judged after every epoch.
        val_shifts: whether the validation films are also judged under the ten shifts of `shifts-1` after every epoch
            (the figures are means over the shifts). What has been chosen by them is then flattered by them.
        early_stopping: stop after so many epochs without a better figure; 0 never stops.
        objective: `cross-entropy`, or `focal`, which weighs a film down by how well it is known: (1 - p)^gamma of the
            probability p of what it shows (Lin et al., ICCV 2017).
        focal_gamma: that exponent.
        class_weights: `balanced` weighs a class by the share of films that are not of it (the study's
            [3876, 1342] / 5218), `none` weighs all alike; or one weight a class.
        logit_adjustment: tau of the logarithms of the classes' shares that are added to the logits in training
            alone (Menon et al., ICLR 2021); 0 adds nothing.
        label_smoothing: the share of certainty taken from the label.
        optimizer: `sgd` (momentum 0.9, weight decay as L2), `adam` (weight decay as L2) or `adamw`.
        learning_rate: at the start, or at the peak after the warm-up.
        weight_decay: L2 for sgd and adam, decoupled for adamw.
        clip_norm: gradients are scaled down to this norm over all weights; 0 leaves them.
        schedule: `plateau` multiplies by `plateau_factor` after `plateau_patience` epochs without a better
            figure, down to `min_learning_rate`; `cosine` falls to `min_learning_rate` at the last step; `one-cycle`
            rises from a 25th over the first 30% of the steps and falls likewise (Smith & Topin, 2018).
        plateau_factor: what `plateau` multiplies the learning rate by.
        plateau_patience: after so many epochs without a better figure.
        min_learning_rate: the learning rate never falls below it.
        warmup_epochs: the learning rate rises from 0 over so many epochs.
        average: decay, a step, of an exponential moving average of the weights, which is then what is validated and
            kept; 0 keeps none.
        precision: `bfloat16` computes in it where that is safe, `float32` throughout; `auto` takes
            bfloat16 where a short measurement on this machine finds it faster, and a run writes down which it took.
        shared_batch_norm: several processes take their batch norms' statistics over the whole batch, as one process
            would.
        checkpoint_minutes: at most so much work is lost when a run is killed; an epoch's end is a checkpoint too.
    """

    epochs: Annotated[int, Meta(ge=1)] = 30
    min_epochs: Annotated[int, Meta(ge=1)] = 1
    keep: Literal["best", "last", "agreed"] = "best"
    monitor: Literal["loss", "accuracy", "auroc", "views_loss", "views_auroc", "shifted_loss", "shifted_auroc"] = (
        "loss"
    )
    val_views: Annotated[int, Meta(ge=0, le=64)] = 0
    val_shifts: bool = False
    early_stopping: Annotated[int, Meta(ge=0)] = 0
    objective: Literal["cross-entropy", "focal"] = "cross-entropy"
    focal_gamma: NotNegative = 2.0
    class_weights: Literal["balanced", "none"] | tuple[Positive, ...] = "balanced"
    logit_adjustment: NotNegative = 0.0
    label_smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    optimizer: Literal["sgd", "adam", "adamw"] = "adam"
    learning_rate: Positive = 1e-4
    weight_decay: NotNegative = 0.0
    clip_norm: NotNegative = 0.0
    schedule: Literal["plateau", "cosine", "one-cycle", "constant"] = "plateau"
    plateau_factor: Annotated[float, Meta(gt=0, lt=1)] = 0.3
    plateau_patience: Annotated[int, Meta(ge=0)] = 2
    min_learning_rate: NotNegative = 1e-6
    warmup_epochs: NotNegative = 0.0
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    shared_batch_norm: bool = True
    checkpoint_minutes: NotNegative = 5.0

    def __post_init__(self) -> None:
        if self.min_epochs > self.epochs:
            raise ValueError(
                f"min_epochs ({self.min_epochs}) is larger than epochs ({self.epochs}); "
                f"set training.min_epochs={self.epochs}"
            )
        if self.monitor.startswith("views") and not self.val_views:
            raise ValueError(f"monitor = {self.monitor} is of drawn views, and none are judged; set val_views=4")
        if self.monitor.startswith("shifted") and not self.val_shifts:
            raise ValueError(f"monitor = {self.monitor} is of shifted films; set val_shifts=true")
        if self.warmup_epochs and self.schedule == "one-cycle":
            raise ValueError("one-cycle has a warm-up of its own; leave warmup_epochs away")


class Bundle(Struct, frozen=True, forbid_unknown_fields=True):
    """How the detector is stored and where it decides.

    Attributes:
        weights: number format of the stored weights. `float16` halves the bundle; the weights are rounded before
            anything is measured, so every figure is of the stored ones.
        operating_point: how the threshold is chosen on validation: `youden` (largest sensitivity + specificity);
            `sensitivity` or `specificity`, the highest other figure where this one is at least `operating_at`; `cost`
            (where misses and false alarms cost least); or `half` (a probability of 0.5).
        operating_at: that sensitivity or specificity.
        miss_cost: for `cost`, how many false alarms a miss is worth.
        prevalence: for `cost`, the share of positive films where the detector is to work; None takes validation's.
        operating_views: how many augmented views of each validation film join the film itself when the threshold is
            chosen. A detector that separates clean validation perfectly has a whole range of best thresholds there.
        scales: sides, in pixels, to which a film is scaled for a network that learnt from crops (`batches.crop`): it
            looks wherever a crop may lie, and its probabilities are averaged over the scales (Simonyan & Zisserman,
            ICLR 2015, section 3.2). Empty takes the middle of `batches.scales`, or the film as it is.
        flips: also average the probabilities of the film and its mirror image.
        calibration: how probabilities are corrected, fitted on the films and views that the threshold is chosen on:
            `temperature`, `platt`, `isotonic` (these two for two classes), `none`; or `best`, the simplest of these
            among the best by cross-validation over patients.
        coverage: the share of a class's films that are to have it in their prediction set.
    """

    weights: Literal["float32", "float16"] = "float32"
    operating_point: Literal["youden", "sensitivity", "specificity", "cost", "half"] = "youden"
    operating_at: Annotated[float, Meta(gt=0, le=1)] = 0.95
    miss_cost: Positive = 1.0
    prevalence: Annotated[float, Meta(gt=0, lt=1)] | None = None
    operating_views: Annotated[int, Meta(ge=0, le=64)] = 0
    scales: tuple[Side, ...] = ()
    flips: bool = False
    calibration: Literal["none", "temperature", "platt", "isotonic", "best"] = "none"
    coverage: Annotated[float, Meta(gt=0, lt=1)] = 0.9

    def __post_init__(self) -> None:
        if len(set(self.scales)) < len(self.scales):
            raise ValueError(f"scales names a side twice: {', '.join(map(str, self.scales))}")
