"""The recipe as a whole: reading it, applying settings to it, writing it."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
import tomli_w
from msgspec import Meta, Struct

from hilum.errors import RecipeError
from hilum.recipe.classical import Classical
from hilum.recipe.images import Batches, Pixels
from hilum.recipe.included import recipe_text
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


def read_recipe(recipe: str | Path, settings: Iterable[str] = (), *, resolved: bool = False) -> Recipe:
    """Read a recipe and apply `section.key=value` settings to it; values as in TOML, a string may go bare.

    >>> read_recipe("s1-cnn", ["training.epochs=3"]).training.epochs
    3

    Args:
        recipe: a file, or the name of a recipe that comes with Hilum (`list_recipes`); a file that exists wins.
        settings: each `section.key=value`; fewer `training.epochs` than `training.min_epochs` lower that too.
        resolved: whether a run wrote it; keys that it lacks then mean what they meant to the version that wrote it.

    Raises:
        RecipeError: there is no such file or name, it is not TOML, or a key or a value is wrong; the line names it.
    """
    try:
        table = tomllib.loads(recipe_text(recipe))
    except RecursionError:
        raise RecipeError(f"{recipe}: not a recipe (tables or lists nested too deeply)") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{recipe}: not a TOML file, which is UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{recipe}: not a TOML file ({error})") from None
    except ValueError:
        raise RecipeError(f"{recipe}: not a recipe (a number of thousands of digits)") from None
    _apply_settings(table, settings)
    return (resolved_recipe if resolved else parse_recipe)(table, str(recipe))


def parse_recipe(table: dict[str, Any], source: str) -> Recipe:
    """Turn nested tables into a recipe; `source` names them in an error."""
    if place := _not_finite(table):
        raise RecipeError(f"{source}: {place}: must be a finite number")
    try:
        return msgspec.convert(table, Recipe)
    except RecursionError:
        raise RecipeError(f"{source}: not a recipe (tables or lists nested too deeply)") from None
    except msgspec.ValidationError as error:
        reason = _explain(str(error))
        raise RecipeError(f"{source}: {reason if len(reason) <= _LONGEST else f'{reason[:_LONGEST]}…'}") from None


def resolved_recipe(table: dict[str, Any], source: str) -> Recipe:
    """Turn the nested tables of a resolved recipe, which a run wrote down, into a recipe.

    A key that the run's version of Hilum did not know yet means what that version did: without `pixels.grey_scale`
    the scale is set by the extremes.

    >>> resolved_recipe({"name": "old", "pixels": {"size": 64}}, "recipe.toml").pixels.grey_scale
    'extremes'

    Raises:
        RecipeError: a key or a value is wrong; the line names it.
    """
    pixels = table.get("pixels", {}) if isinstance(table, dict) else None
    if isinstance(pixels, dict):
        table = {**table, "pixels": {"grey_scale": "extremes", **pixels}}
    return parse_recipe(table, source)


def with_settings(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """A recipe with `section.key=value` settings applied, as `read_recipe` does.

    Raises:
        RecipeError: a key or a value is wrong; the line names it.
    """
    table = _without_none(msgspec.to_builtins(recipe))
    _apply_settings(table, settings)
    return parse_recipe(table, recipe.name)


def write_recipe(recipe: Recipe) -> str:
    """The recipe as TOML with every key written out; `[tune]` only where the recipe has one.

    Of a system without a network, the tables about networks are omitted where they have their defaults.
    """
    table = _without_none(msgspec.to_builtins(recipe))
    unused = [name for name in _OF_NETWORKS if getattr(recipe, name) == getattr(_DEFAULTS, name)]
    for name in unused if recipe.classical else ("tune",) if recipe.tune == Tune() else ():
        del table[name]
    return tomli_w.dumps(table)


_LONGEST = 600  # characters of a reason, which may quote a value
_DEFAULTS = Recipe("")
_OF_NETWORKS = ("batches", "model", "weights", "init", "transfer", "training", "teacher", "members", "tune")


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: a key that is None is omitted, which is read as None."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }


def _apply_settings(table: dict[str, Any], settings: Iterable[str]) -> None:
    """Lay settings over a table; fewer epochs than the recipe's `min_epochs` lower that too, unless it is set."""
    keys = set()
    for setting in settings:
        _apply_setting(table, setting)
        keys.add(setting.partition("=")[0].strip())
    if "training.epochs" in keys and "training.min_epochs" not in keys:
        training = table["training"]
        epochs, least = training["epochs"], training.get("min_epochs", 1)
        if isinstance(epochs, int) and isinstance(least, int) and 1 <= epochs < least:
            training["min_epochs"] = epochs


def _apply_setting(table: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {setting}: write it as section.key=value, such as training.epochs=3")
    try:
        parsed = tomllib.loads(f"value = {text}")
        value = parsed["value"] if len(parsed) == 1 else text  # a line feed begins no second setting
    except RecursionError:
        raise RecipeError(f"--set {key}=…: lists nested too deeply") from None
    except ValueError:  # no TOML: a string that goes bare
        value = text
    *sections, last = key.strip().split(".")
    if not last or not all(sections):
        raise RecipeError(f"--set {setting}: write it as section.key=value, such as training.epochs=3")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {setting}: '{section}' is a value, not a section")
    table[last] = value


def _explain(message: str) -> str:
    """msgspec's message with the place first, and the key that was probably meant."""
    reason, _, place = message.partition(" - at `$")
    place = place.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.*?)`", reason, re.DOTALL)
    if not unknown:
        if reason.startswith("Invalid enum value"):
            reason += f"; there are {', '.join(map(str, _literals(_kind_at(place))))}"
        if missing := re.fullmatch(r"Object missing required field `(.*?)`", reason):
            return f"the key '{f'{place}.' if place else ''}{missing[1]}' is missing"
        return f"{place}: {reason}" if place else reason
    struct = next((each for each in get_args(_kind_at(place)) if each is not type(None)), _kind_at(place))
    known = [field.encode_name for field in msgspec.structs.fields(struct)]
    near = difflib.get_close_matches(unknown[1], known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
    key = f"{place}.{unknown[1]}" if place else unknown[1]
    return f"unknown key '{key if key.isprintable() else ascii(key)[1:-1]}'; {hint}"


def _kind_at(place: str) -> Any:
    """The type of what a recipe has at a place, such as `training.monitor` or `classical.steps[...]`."""
    kind: Any = Recipe
    for section in filter(None, re.sub(r"\[.*?\]", "", place).split(".")):
        struct = next(
            (each for each in get_args(kind) if each is not type(None)), kind
        )  # a table that may be missing
        kind = next(field.type for field in msgspec.structs.fields(struct) if field.encode_name == section)
    return kind


def _not_finite(table: dict[str, Any]) -> str:
    """Where a table holds NaN or infinity, which TOML knows and no recipe needs; empty where nowhere."""
    waiting: list[tuple[str, Any]] = [("", table)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{place}.{key}" if place else str(key), each) for key, each in value.items())
        elif isinstance(value, list | tuple):
            waiting.extend((place, each) for each in value)
        elif isinstance(value, float) and not math.isfinite(value):
            return place
    return ""


def _literals(kind: Any) -> list[str | int]:
    """The words and numbers that a type allows, wherever they stand in it."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [word for part in get_args(kind) for word in _literals(part)]
