"""Recipes as TOML: reading them, applying settings to them, writing them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from hilum.errors import RecipeError
from hilum.recipe.included import recipe_text
from hilum.recipe.recipe import Recipe
from hilum.recipe.toml_files import TomlFile
from hilum.recipe.tune import Tune

_RECIPES = TomlFile(Recipe, "a recipe", RecipeError)
_DEFAULTS = Recipe("")
_OF_NETWORKS = ("batches", "model", "weights", "init", "transfer", "training", "teacher", "members", "tune")


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
        text = recipe_text(recipe)
    except UnicodeDecodeError:
        raise _RECIPES.not_text(str(recipe)) from None

    def change(table: dict[str, Any]) -> None:
        _apply_settings(table, settings)
        if resolved:
            _complete(table)

    return _RECIPES.read(text, str(recipe), change)


def parse_recipe(table: dict[str, Any], source: str) -> Recipe:
    """Turn nested tables into a recipe; `source` names them in an error."""
    return _RECIPES.convert(table, source)


def resolved_recipe(table: dict[str, Any], source: str) -> Recipe:
    """Turn the nested tables of a resolved recipe, which a run wrote down, into a recipe.

    A key that the run's version of Hilum did not know yet means what that version did: without `pixels.grey_scale`
    the scale is set by the extremes.

    >>> resolved_recipe({"name": "old", "pixels": {"size": 64}}, "recipe.toml").pixels.grey_scale
    'extremes'

    Raises:
        RecipeError: a key or a value is wrong; the line names it.
    """
    if isinstance(table, dict):
        table = dict(table)
        _complete(table)
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


def _complete(table: dict[str, Any]) -> None:
    """Write into a resolved recipe's tables what the version of Hilum that wrote them did without saying so."""
    pixels = table.get("pixels", {})
    if isinstance(pixels, dict):
        table["pixels"] = {"grey_scale": "extremes", **pixels}


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
