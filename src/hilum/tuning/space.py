"""The search space: which keys of the recipe vary, and in which range."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.inspect import FloatType, IntType, StructType, Type, type_info
from msgspec.structs import replace
from optuna import Trial
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hilum.errors import RecipeError, RequestError
from hilum.recipe import Choice, Range, Recipe, Tune, parse_recipe

Values = Mapping[str, Choice]

# Keys that must not be searched, each with the rest of a sentence that begins with "it".
_FIXED = {
    "tune": "controls the search itself",
    "name": "names the study",
    "data": "only describes the films",
    "labels": "defines the task; trials of two tasks cannot be compared",
    "classes": "defines the task; trials of two tasks cannot be compared",
    "training.monitor": "is the figure that trials are compared by",
}
# Keys that the monitored figure itself depends on, by a part of its name.
_DEPENDS_ON = {
    "loss": ("training.class_weights",),
    "views": ("training.val_views", "batches.augment", "seed"),
}


@dataclass(frozen=True, slots=True)
class Space:
    """A recipe and its search space.

    Attributes:
        recipe: the recipe with its `[tune]`.
        distributions: for each key, what Optuna draws from.
        source: the recipe's name in errors.
    """

    recipe: Recipe
    distributions: dict[str, BaseDistribution]
    source: str

    def draw(self, trial: Trial) -> dict[str, Choice]:
        """Draw a trial's value for each key; a key that the trial has drawn before keeps its value."""
        return {key: _draw(trial, key, distribution) for key, distribution in self.distributions.items()}

    def recipe_with(self, values: Values) -> Recipe:
        """The recipe with these values and without `[tune]`.

        Raises:
            RecipeError: the values do not fit together.
        """
        return with_values(self.recipe, values, f"{self.source} with {format_values(values)}")


def read_space(recipe: Recipe, source: str, check: Callable[[Recipe], None] = lambda recipe: None) -> Space:
    """Read a recipe's `[tune.space]`, and check both ends of each range and every choice.

    Args:
        recipe: the recipe with its `[tune]`.
        source: the recipe's name in errors.
        check: raises RequestError for a recipe that is valid and yet cannot be trained (an unknown network).

    Raises:
        RecipeError: there is no search space; a key is not in recipes, or must not be searched; the end of a range or
            a choice gives no valid recipe.
    """
    if not recipe.tune.space:
        raise RecipeError(
            f"{source}: has no search space; add [tune.space], such as "
            '"training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }'
        )
    distributions = {}
    for key, what in recipe.tune.space.items():
        where = f"{source}: tune.space, '{key}'"
        _refuse_fixed(recipe, key, where)
        for value in (what.low, what.high) if isinstance(what, Range) else what:
            varied = with_values(recipe, {key: value}, f"{where} = {value}")
            try:
                check(varied)
            except RequestError as error:
                raise RecipeError(f"{where} = {value}: {error}") from None
        distributions[key] = _range(where, what, _type_of(key)) if isinstance(what, Range) else _choices(what)
    return Space(recipe, distributions, source)


def with_values(recipe: Recipe, values: Values, source: str) -> Recipe:
    """A recipe with other values for some of its keys, and without `[tune]`.

    Raises:
        RecipeError: a key or a value is wrong; the message begins with `source`.
    """
    table = copy.deepcopy(msgspec.to_builtins(replace(recipe, tune=Tune())))
    for key, value in values.items():
        *sections, last = key.split(".")
        within: Any = table
        for section in sections:
            within = within.setdefault(section, {}) if isinstance(within, dict) else None
        if not isinstance(within, dict):
            raise RecipeError(f"{source}: '{'.'.join(sections)}' is a value, not a section")
        within[last] = value
    return parse_recipe(table, source)


def format_values(values: Values) -> str:
    """`training.learning_rate=0.00123, batches.size=32`, for messages."""
    return ", ".join(f"{key}={format_value(value)}" for key, value in values.items())


def format_value(value: Choice | None) -> str:
    """A value for messages: a float to four digits, an integer or a word in full."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def recipe_value(recipe: Recipe, key: str) -> Any:
    """The recipe's own value for a key."""
    value = msgspec.to_builtins(recipe)
    for section in key.split("."):
        value = value[section]
    return value


def _refuse_fixed(recipe: Recipe, key: str, where: str) -> None:
    for fixed, why in _FIXED.items():
        if key == fixed or key.startswith(f"{fixed}."):
            raise RecipeError(f"{where}: it {why}; choose another key")
    monitor = recipe.training.monitor
    for kind, keys in _DEPENDS_ON.items():
        for dependency in keys:
            if kind in monitor and f"{key}.".startswith(f"{dependency}."):
                raise RecipeError(
                    f"{where}: training.monitor = {monitor} depends on it, so trials could not be compared; "
                    "set training.monitor=auroc"
                )


def _type_of(key: str) -> Type:
    """The type of a recipe's key, which is known to exist."""
    found = type_info(Recipe)
    for section in key.split("."):
        assert isinstance(found, StructType)
        found = next(field.type for field in found.fields if field.encode_name == section)
    return found


def _range(where: str, what: Range, kind: Type) -> BaseDistribution:
    low, high, step = what.low, what.high, what.step
    if isinstance(kind, FloatType):
        return FloatDistribution(float(low), float(high), log=what.log, step=step)
    if not isinstance(kind, IntType):
        raise RecipeError(
            f"{where}: is not a number, so it has no range from {low} to {high}; list the choices instead"
        )
    if not all(isinstance(number, int) for number in (low, high, step or 1)):
        raise RecipeError(f"{where}: is an integer; give integers for low, high and step")
    return IntDistribution(int(low), int(high), log=what.log, step=int(step or 1))


def _choices(what: tuple[Choice, ...]) -> BaseDistribution:
    return CategoricalDistribution(what)


def _draw(trial: Trial, key: str, distribution: BaseDistribution) -> Choice:
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(
            key, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(
            key, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    assert isinstance(distribution, CategoricalDistribution)
    chosen = trial.suggest_categorical(key, distribution.choices)
    assert chosen is not None  # Optuna's choices may be, a recipe's are not
    return chosen


def ranges(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Each key of the search space, with its range in words."""
    for key, what in recipe.tune.space.items():
        if not isinstance(what, Range):
            yield key, ", ".join(format_value(value) for value in what)
            continue
        step = f" in steps of {format_value(what.step)}" if what.step is not None else ""
        yield (
            key,
            f"{format_value(what.low)} to {format_value(what.high)}{step}{', on a log scale' if what.log else ''}",
        )
