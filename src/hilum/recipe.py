"""A recipe: every choice that turns films into a detector, as data.

A recipe is a TOML file with one table for each stage of the path. Each table below is a frozen record that its
stage takes whole. Unknown keys, wrong types and values out of range are refused by name: a misspelt
key that is quietly ignored costs somebody a night of training.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tomli_w
from msgspec import Meta, Struct

from hilum.errors import RecipeError

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


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

    size: Annotated[int, Meta(ge=16, le=1024)] = 128
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


class Batches(Struct, frozen=True, forbid_unknown_fields=True):
    """How films are drawn and stacked."""

    size: Annotated[int, Meta(ge=2, le=4096)] = 32
    augment: Augment = Augment()


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """Which network.

    Attributes:
        name: an architecture of `hilum models`.
        normalise: `film` takes each film's own mean away and divides by its own deviation, inside the
            network; `none` feeds it grey values from 0 to 1.
    """

    name: str = "s1-cnn"
    normalise: Literal["film", "none"] = "film"


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


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """Every choice of one training run.

    Attributes:
        name: what the run is called in tables and cards.
        seed: where every draw of the run starts.
        data: where the films come from, their licence and whom to cite; the bundle's card repeats it.
        classes: the classes, the positive one last; empty takes those of the films, a class called normal (or
            healthy, negative, no finding) first.
    """

    name: str
    seed: Annotated[int, Meta(ge=0)] = 1
    data: str = ""
    classes: tuple[str, ...] = ()
    pixels: Pixels = Pixels()
    batches: Batches = Batches()
    model: Model = Model()
    training: Training = Training()
    bundle: Bundle = Bundle()


def read_recipe(path: Path, settings: Iterable[str] = ()) -> Recipe:
    """Read a recipe and lay `section.key=value` settings over it; values as in TOML, a string may go bare.

    Raises:
        RecipeError: the file is missing or not TOML, or a key or a value is wrong; the line names it.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; the ready ones lie in recipes/") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise RecipeError(f"{path}: not a TOML file ({error})") from None
    for setting in settings:
        _lay_over(table, setting)
    return parse_recipe(table, str(path))


def parse_recipe(table: dict[str, Any], source: str) -> Recipe:
    """Turn nested tables into a recipe; `source` names them in an error."""
    try:
        return msgspec.convert(table, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(f"{source}: {_explain(str(error))}") from None


def write_recipe(recipe: Recipe) -> str:
    """The recipe as TOML with every key written out."""
    return tomli_w.dumps(_without_none(msgspec.to_builtins(recipe)))


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: a key that is None is left out, which reads back as None."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }


def _lay_over(table: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {setting}: write it as section.key=value, such as training.epochs=3")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {setting}: '{section}' is a value, not a section")
    table[last] = value


def _explain(message: str) -> str:
    """msgspec's message with the place first, and the key that was probably meant."""
    reason, _, place = message.partition(" - at `$")
    place = place.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.+?)`", reason)
    if not unknown:
        return f"{place}: {reason}" if place else reason
    struct: Any = Recipe
    for section in filter(None, place.split(".")):
        struct = next(field.type for field in msgspec.structs.fields(struct) if field.name == section)
    known = [field.name for field in msgspec.structs.fields(struct)]
    near = difflib.get_close_matches(unknown[1], known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
    return f"unknown key '{f'{place}.' if place else ''}{unknown[1]}'; {hint}"
