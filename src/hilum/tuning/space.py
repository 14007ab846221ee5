"""The space that is searched: which keys of the recipe vary, and between what."""

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

# Keys that no search may touch, each with what follows "it".
_FIXED = {
    "tune": "rules the search itself",
    "name": "names the study",
    "data": "only says where the films are from",
    "labels": "says what is learnt; trials of two tasks cannot be compared",
    "classes": "says what is learnt; trials of two tasks cannot be compared",
    "training.monitor": "is what trials are compared by",
}
# What the monitored figure itself depends on, by the end of its name.
_YARDSTICKS = {
    "loss": ("training.class_weights",),
    "views": ("training.val_views", "batches.augment", "seed"),
}


@dataclass(frozen=True, slots=True)
class Space:
    """A recipe and what of it varies.

    Attributes:
        recipe: with its `[tune]`.
        distributions: of each key, as Optuna draws from it.
        source: what the recipe is called in an error.
    """

    recipe: Recipe
    distributions: dict[str, BaseDistribution]
    source: str

    def draw(self, trial: Trial) -> dict[str, Choice]:
        """What a trial takes for each key; a key that the trial has drawn already keeps its value."""
        return {key: _draw(trial, key, distribution) for key, distribution in self.distributions.items()}

    def recipe_with(self, values: Values) -> Recipe:
        """The recipe with these values in it, and without `[tune]`: nothing of it is left to search.

        Raises:
            RecipeError: the values do not go together.
        """
        return with_values(self.recipe, values, f"{self.source} with {format_values(values)}")


def read_space(recipe: Recipe, source: str, check: Callable[[Recipe], None] = lambda recipe: None) -> Space:
    """Check everything that a recipe's `[tune.space]` may lead to, key by key.

    Args:
        recipe: with its `[tune]`.
        source: what the recipe is called in an error.
        check: refuses a recipe that can be read and yet not be trained by (a network that does not exist).

    Raises:
        RecipeError: there is nothing to search; a key is none of the recipe's, or may not be searched; the end of a
            range or a choice gives no valid recipe.
    """
    if not recipe.tune.space:
        raise RecipeError(
            f"{source}: says nothing to search for; add [tune.space], such as "
            '"training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }'
        )
    distributions = {}
    for key, what in recipe.tune.space.items():
        where = f"{source}: tune.space, '{key}'"
        _refuse_fixed(recipe, key, where)
        for value in (what.low, what.high) if isinstance(what, Range) else what:
            laid = with_values(recipe, {key: value}, f"{where} = {value}")
            try:
                check(laid)
            except RequestError as error:
                raise RecipeError(f"{where} = {value}: {error}") from None
        distributions[key] = _range(where, what, _type_of(key)) if isinstance(what, Range) else _choices(what)
    return Space(recipe, distributions, source)


def with_values(recipe: Recipe, values: Values, source: str) -> Recipe:
    """A recipe with other values for some of its keys, and without `[tune]`.

    Raises:
        RecipeError: a key or a value is wrong; `source` begins the line.
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
    """`training.learning_rate=0.00123, batches.size=32`, as a person reads it."""
    return ", ".join(f"{key}={format_value(value)}" for key, value in values.items())


def format_value(value: Choice | None) -> str:
    """A value to four digits, and a whole number or a word in full."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def recipe_value(recipe: Recipe, key: str) -> Any:
    """What the recipe itself has for a key."""
    value = msgspec.to_builtins(recipe)
    for section in key.split("."):
        value = value[section]
    return value


def _refuse_fixed(recipe: Recipe, key: str, where: str) -> None:
    for fixed, why in _FIXED.items():
        if key == fixed or key.startswith(f"{fixed}."):
            raise RecipeError(f"{where}: it {why}; search for another key")
    monitor = recipe.training.monitor
    for kind, yardsticks in _YARDSTICKS.items():
        for yardstick in yardsticks:
            if kind in monitor and f"{key}.".startswith(f"{yardstick}."):
                raise RecipeError(
                    f"{where}: training.monitor = {monitor} is measured by it, so that trials could not be compared; "
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
        raise RecipeError(f"{where}: has no numbers between {low} and {high}; list the choices instead")
    if not all(isinstance(number, int) for number in (low, high, step or 1)):
        raise RecipeError(f"{where}: takes whole numbers; low, high and step have to be such")
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
    """Each key of the space, and in words what it may be."""
    for key, what in recipe.tune.space.items():
        if not isinstance(what, Range):
            yield key, ", ".join(format_value(value) for value in what)
            continue
        step = f" in steps of {format_value(what.step)}" if what.step is not None else ""
        yield (
            key,
            f"{format_value(what.low)} to {format_value(what.high)}{step}{', on a log scale' if what.log else ''}",
        )
