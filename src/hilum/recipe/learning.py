"""Tables of a recipe about learning and what comes of it: `[training]` and `[bundle]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hilum.recipe.images import Side

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


class Training(Struct, frozen=True, forbid_unknown_fields=True):
    """How the network is trained.

    Attributes:
        epochs: Largest number of epochs.
        min_epochs: First epoch whose weights may be kept as the best; early stopping does not count earlier ones.
        keep: Which epoch's weights are kept. `best` keeps those with the best monitored metric on validation; `last`
            those of the last epoch; `agreed` those of the epoch whose metric is best on average over the seeds of
            `[members]`, which depends less on chance than the best epoch of one run.
        monitor: Metric that decides about the weights that are kept, plateaus and early stopping: the `loss`, the
            `accuracy` or the `auroc` on the validation films, or, for `[outlines]`, the Dice coefficient `dice`;
            `views_loss`, `views_auroc` or `views_dice`, the same on `val_views` augmented views of each; or
            `shifted_loss` or `shifted_auroc`, the same under `val_shifts`.
        val_views: Number of augmented views of each validation film on which every epoch is also measured.
        val_shifts: Whether every epoch is also measured on the validation films under the ten acquisition shifts of
            `shifts-1`; the metrics are averaged over the shifts. Metrics by which something was chosen are optimistic
            for it.
        early_stopping: Number of epochs without a better metric after which training stops; 0 never stops early.
        objective: Loss function: `cross-entropy`, or `focal`, which multiplies the loss of a film by (1 - p)^gamma,
            where p is the predicted probability of its label (Lin et al., ICCV 2017).
        focal_gamma: Exponent gamma of the focal loss.
        class_weights: Weights of the classes in the loss. `balanced` weighs a class by the fraction of films that are
            not of it (the study's [3876, 1342] / 5218); `none` weighs all classes the same; a list gives one weight
            for each class.
        logit_adjustment: Factor tau of the logarithms of the class frequencies that are added to the logits during
            training (Menon et al., ICLR 2021); 0 adds nothing.
        label_smoothing: Fraction of each label's probability that is spread evenly over all classes.
        optimizer: Optimiser: `sgd` (momentum 0.9), `adam` or `adamw`.
        learning_rate: Learning rate at the start, or at the peak after a warm-up.
        weight_decay: Weight decay: an L2 penalty for `sgd` and `adam`, decoupled for `adamw`.
        clip_norm: Largest norm of the gradient over all weights, to which larger gradients are scaled down; 0 clips
            none.
        schedule: Learning-rate schedule. `plateau` multiplies the rate by `plateau_factor` after `plateau_patience`
            epochs without a better metric, down to `min_learning_rate`; `cosine` decreases it to `min_learning_rate`
            at the last step; `one-cycle` increases it from a 25th over the first 30% of the steps and then decreases
            it likewise (Smith & Topin, 2018); `constant` keeps it.
        plateau_factor: Factor by which the `plateau` schedule reduces the learning rate.
        plateau_patience: Number of epochs without a better metric that the `plateau` schedule tolerates.
        min_learning_rate: Lowest learning rate of a schedule.
        warmup_epochs: Number of epochs, which may be a fraction, over which the learning rate rises from 0.
        average: Decay per step of an exponential moving average of the weights, which is then what is validated and
            kept; 0 keeps no average.
        precision: Number format: `bfloat16` uses it where that is safe, `float32` throughout; `auto` takes bfloat16
            where a short measurement finds this machine faster with it, and the run's recipe records which it took.
        shared_batch_norm: Whether several processes compute the statistics of batch norms over the whole batch, as
            one process does.
        checkpoint_minutes: Minutes between two checkpoints, the most work that a killed run loses; every epoch also
            ends with a checkpoint.
    """

    epochs: Annotated[int, Meta(ge=1)] = 30
    min_epochs: Annotated[int, Meta(ge=1)] = 1
    keep: Literal["best", "last", "agreed"] = "best"
    monitor: Literal[
        "loss",
        "accuracy",
        "auroc",
        "dice",
        "views_loss",
        "views_auroc",
        "views_dice",
        "shifted_loss",
        "shifted_auroc",
    ] = "loss"
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
            raise ValueError(
                f"monitor = {self.monitor} is measured on augmented views, and there are none; set val_views=4"
            )
        if self.monitor.startswith("shifted") and not self.val_shifts:
            raise ValueError(f"monitor = {self.monitor} is measured on shifted films; set val_shifts=true")
        if self.warmup_epochs and self.schedule == "one-cycle":
            raise ValueError("one-cycle has a warm-up of its own; omit warmup_epochs")


class BundleSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the trained detector is stored, and how its operating point is chosen.

    Attributes:
        weights: Number format of the stored weights. `float16` halves the bundle; the weights are rounded before
            anything is measured, so that every metric is one of the stored weights.
        operating_point: How the threshold is chosen on validation. `youden` takes the largest sum of sensitivity and
            specificity; `balanced` the one at which the lower of the two is highest, so that they are close;
            `sensitivity` or `specificity` takes the highest other metric where this one is at least `operating_at`;
            `cost` takes the lowest cost of misses and false alarms; `half` takes a
            probability of 0.5.
        operating_at: Sensitivity or specificity that an operating point of that name has to reach.
        miss_cost: Cost of a missed finding, in false alarms, for the operating point `cost`.
        prevalence: Proportion of positive films where the detector is to be used, for the operating point `cost`;
            without it, that of the validation films.
        operating_views: Number of augmented views of each validation film that are used together with the film itself
            to choose the threshold. A detector that separates clean validation films perfectly has a whole range of
            best thresholds there.
        scales: Sides, in pixels, to which a film is scaled for a network that was trained on crops (`batches.crop`):
            it is applied to every position of the crop, and its probabilities are averaged over positions and scales
            (Simonyan & Zisserman, ICLR 2015, section 3.2). Without it, the middle of `batches.scales`, or the film's
            own size.
        flips: Whether probabilities are also averaged over the film and its mirror image.
        calibration: How probabilities are calibrated, fitted on the films and views on which the threshold is chosen:
            `temperature`, `platt`, `isotonic` (the last two for two classes only), `none`; or `best`, the simplest of
            these among the best by cross-validation over patients.
        coverage: Proportion of each class's films whose prediction set is to contain the class; at most 0.99 in a new
            detector.
        calibrated_under: Batteries of shifts under which the validation films are used as well, in place of augmented
            views (`operating_views`), to choose the threshold, the calibration and the prediction sets: `shifts-1`,
            `familiar-1`, `shifts-2`. The sets then hold their promise for the worst of the batteries and of the
            groups of films that were taken alike.
    """

    weights: Literal["float32", "float16"] = "float32"
    operating_point: Literal["youden", "balanced", "sensitivity", "specificity", "cost", "half"] = "youden"
    operating_at: Annotated[float, Meta(gt=0, le=1)] = 0.95
    miss_cost: Positive = 1.0
    prevalence: Annotated[float, Meta(gt=0, lt=1)] | None = None
    operating_views: Annotated[int, Meta(ge=0, le=64)] = 0
    scales: tuple[Side, ...] = ()
    flips: bool = False
    calibration: Literal["none", "temperature", "platt", "isotonic", "best"] = "none"
    coverage: Annotated[float, Meta(gt=0, lt=1)] = 0.9
    calibrated_under: tuple[Literal["shifts-1", "familiar-1", "shifts-2"], ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.scales)) < len(self.scales):
            raise ValueError(f"scales names a side twice: {', '.join(map(str, self.scales))}")
        if len(set(self.calibrated_under)) < len(self.calibrated_under):
            raise ValueError(f"calibrated_under names a battery twice: {', '.join(self.calibrated_under)}")
        if self.calibrated_under and self.operating_views:
            raise ValueError(
                f"calibrated_under chooses on shifted films, and operating_views = {self.operating_views} on "
                "augmented views; set operating_views=0"
            )
