"""The recipe as a whole: its tables, and what they must be to each other."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hilum.recipe.classical import Classical
from hilum.recipe.images import Batches, Pixels
from hilum.recipe.learning import BundleSettings, Training
from hilum.recipe.network import Init, Model, Transfer, Weights
from hilum.recipe.outlines import Outlines
from hilum.recipe.several import Members, Teacher
from hilum.recipe.tune import Tune


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """Every choice of one training run.

    Attributes:
        name: Name of the run in tables and model cards.
        seed: Seed of all random draws of the run.
        data: Where the films come from, their licence and whom to cite; the bundle's model card repeats it.
        labels: What the class of a film is: its `label`, or its `subtype` (such as bacteria or virus) where it has
            one.
        classes: Names of the classes, the positive one last; without them, those of the films, with a class called
            normal (or healthy, negative, no finding) first.
        leaks_allowed: Reason why training may proceed although a patient is in train and in val, or a film byte for
            byte in two splits; without one, such films are refused.
        pixels: How a film becomes the square that a model takes.
        batches: How films are drawn, augmented and stacked.
        model: Which network is built.
        weights: Where its initial weights come from.
        init: How a deep VGG is initialised from a trained VGG-11.
        transfer: Which parts of the network are trained, and when.
        training: How the network is trained.
        teacher: Trained networks whose probabilities the network is trained on.
        members: How many networks are trained and how they are combined.
        bundle: How the detector is stored, and how its operating point is chosen.
        tune: What `hilum tune` tries.
        classical: A system without a deep network, in place of the one that `[model]` to `[members]` describe.
        outlines: A network that outlines lungs, in place of the classifier that `[model]` describes.
    """

    name: str
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 1
    data: str = ""
    labels: Literal["label", "subtype"] = "label"
    classes: tuple[str, ...] = ()
    leaks_allowed: str = ""
    pixels: Pixels = Pixels()
    batches: Batches = Batches()
    model: Model = Model()
    weights: Weights = Weights()
    init: Init = Init()
    transfer: Transfer = Transfer()
    training: Training = Training()
    teacher: Teacher = Teacher()
    members: Members = Members()
    bundle: BundleSettings = BundleSettings()
    tune: Tune = Tune()
    classical: Classical | None = None
    outlines: Outlines | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise ValueError("name: holds line breaks or control characters; write it in one line")
        if self.classical:
            self._refuse_network()
        self._refuse_unfit_for_outlines()
        held, (_, largest) = self.pixels.size, self.batches.scales or (0, self.batches.crop)
        if largest > held:
            raise ValueError(
                f"batches.crop and batches.scales reach {largest} pixels, and films are kept at {held}; "
                f"set pixels.size={largest}"
            )
        if self.transfer.views and self.batches.augment.match:
            raise ValueError(
                "batches.augment.match needs a second film, which a stored view (transfer.views) does not have"
            )
        if self.pixels.region == "film" and (self.batches.augment.outside or self.batches.augment.blank):
            raise ValueError(
                'batches.augment.outside and blank need the lungs of the films: set pixels.region = "lungs" too'
            )
        if self.transfer.frozen and (self.batches.augment.outside or self.batches.augment.blank):
            raise ValueError(
                "batches.augment.outside and blank exclude transfer.frozen: features are stored of films as they are"
            )
        if self.batches.mixup and self.batches.augment.blank:
            raise ValueError(
                "batches.mixup and batches.augment.blank exclude each other: a blanked film has no label"
            )
        if self.teacher.sources and self.transfer.frozen:
            raise ValueError("teacher.sources and transfer.frozen exclude each other: a teacher needs films")
        if self.training.val_shifts and self.transfer.frozen:
            raise ValueError(
                "training.val_shifts and transfer.frozen exclude each other: features are stored without shifts"
            )
        if self.bundle.scales and not self.batches.crop:
            raise ValueError(
                "bundle.scales are for a network that is trained on crops: name batches.crop too, or omit them"
            )
        for side in self.bundle.scales:
            if not self.side <= side <= held:
                raise ValueError(
                    f"bundle.scales: {side} is not between the crop's {self.side} pixels (batches.crop) and the "
                    f"film's {held} (pixels.size)"
                )

    def _refuse_network(self) -> None:
        for_networks = {
            "batches.crop": self.batches.crop,
            "weights.source": self.weights.source,
            "init.from": self.init.source,
            "transfer.frozen": self.transfer.frozen,
            "teacher.sources": self.teacher.sources,
            "members": self.members.several,
            "bundle.operating_views": self.bundle.operating_views,
            "bundle.flips": self.bundle.flips,
            "tune": self.tune != Tune(),
        }
        for key, asked in for_networks.items():
            if asked:
                raise ValueError(f"{key} is for networks, and [classical] is a system without one; omit one of them")

    def _refuse_unfit_for_outlines(self) -> None:
        of_dice = self.training.monitor.endswith("dice")
        if not self.outlines:
            if of_dice:
                raise ValueError(f"training.monitor = {self.training.monitor} is for [outlines], which is missing")
            return
        for_classes = {
            "classical": self.classical is not None,
            "labels": self.labels != "label",
            "classes": bool(self.classes),
            "pixels.region": self.pixels.region != "film",
            "batches.crop": bool(self.batches.crop),
            "batches.draw": self.batches.draw != "shuffled",
            "batches.mixup": bool(self.batches.mixup),
            "batches.augment.match": bool(self.batches.augment.match),
            "model": self.model != Model(),
            "weights.source": bool(self.weights.source),
            "init.from": bool(self.init.source),
            "transfer": self.transfer != Transfer(),
            "teacher.sources": bool(self.teacher.sources),
            "members": self.members.several,
            "training.val_shifts": self.training.val_shifts,
            "training.logit_adjustment": bool(self.training.logit_adjustment),
            "tune": self.tune != Tune(),
        }
        for key, asked in for_classes.items():
            if asked:
                raise ValueError(f"{key} is for detectors, and [outlines] learns where lungs are; omit one of them")
        if not of_dice and self.training.monitor not in ("loss", "views_loss"):
            raise ValueError(
                f"training.monitor = {self.training.monitor} is for detectors; monitor dice, or the loss"
            )
        coarsest = 2 ** (len(self.outlines.widths) - 1)
        if self.pixels.size % coarsest:
            raise ValueError(
                f"pixels.size = {self.pixels.size} cannot be halved {len(self.outlines.widths) - 1} times, as "
                f"outlines.widths asks for; take a multiple of {coarsest}"
            )

    @property
    def system(self) -> str:
        """What is trained: the name of the network, or the stages of a system without one."""
        if self.outlines:
            return "a U-Net that outlines lungs"
        return self.classical.stages if self.classical else self.model.name

    @property
    def side(self) -> int:
        """Side, in pixels, of the network's input in training."""
        return self.batches.crop or self.pixels.size

    @property
    def prediction_sides(self) -> tuple[int, ...]:
        """Sides, in pixels, to which a film is scaled when the trained network predicts it."""
        low, high = self.batches.scales or (self.pixels.size, self.pixels.size)
        return self.bundle.scales or ((low + high) // 2,)
