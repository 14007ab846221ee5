"""Table of a recipe about the search for its own best values: `[tune]`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Number = int | float
Choice = bool | int | float | str


class Range(Struct, frozen=True, forbid_unknown_fields=True):
    """An interval of numbers from which each trial takes one.

    Attributes:
        low: Lower bound, inclusive.
        high: Upper bound, inclusive.
        log: Whether the number is drawn on a logarithmic scale.
        step: Distance between the numbers that may be taken: `low`, `low + step`, … up to `high`. Without it, every
            number of the interval, or every integer where the recipe's key is an integer.
    """

    low: Number
    high: Number
    log: bool = False
    step: Number | None = None

    def __post_init__(self) -> None:
        low, high, step = self.low, self.high, self.step
        if not low < high:  # a recipe's numbers are finite
            raise ValueError(f"low ({low}) must be below high ({high})")
        if self.log and low <= 0:
            raise ValueError(f"log = true needs a low above 0, not {low}")
        if step is None:
            return
        if self.log:
            raise ValueError("log and step exclude each other; omit one of them")
        if not 0 < step <= high - low:
            raise ValueError(f"step ({step}) must be between 0 and high - low ({high - low:g})")
        steps = (high - low) / step
        if not math.isclose(steps, round(steps), rel_tol=1e-9):
            raise ValueError(f"high ({high}) is not low plus a whole number of steps; {low + int(steps) * step:g} is")


class Tune(Struct, frozen=True, forbid_unknown_fields=True):
    """What `hilum tune` tries.

    Attributes:
        trials: Number of trials, including those that are pruned or fail.
        prune: Which trials end before their last epoch. `median` ends a trial whose best metric so far is worse than
            the median of the other trials at the same epoch; `hyperband` gives many trials few epochs and the best of
            them more (Li et al., JMLR 18, 2018); `none` ends no trial early.
        prune_after: Number of epochs before which no trial is pruned; none is pruned before `training.min_epochs` or
            during its warm-up either.
        startup_trials: Number of trials that are drawn at random, and that `median` does not prune, before previous
            results guide the search (tree-structured Parzen estimator, Bergstra et al., NIPS 2011).
        space: For each key of a recipe, such as `training.learning_rate`, the `Range` or the choices (strings,
            numbers, booleans) that a trial may take. In TOML a key is written in quotes or as nested tables.
    """

    trials: Annotated[int, Meta(ge=1)] = 20
    prune: Literal["median", "hyperband", "none"] = "median"
    prune_after: Annotated[int, Meta(ge=1)] = 1
    startup_trials: Annotated[int, Meta(ge=1)] = 5
    space: dict[str, Any] = {}

    def __post_init__(self) -> None:
        # msgspec's errors would not name the key ("space[...]"), so the values are read here.
        msgspec.structs.force_setattr(self, "space", dict(_read(self.space, "")))


def _read(table: Mapping[str, Any], within: str) -> Iterator[tuple[str, Range | tuple[Choice, ...]]]:
    """Yield each key with its sections, and the values that it may take."""
    for name, value in table.items():
        key = f"{within}{name}"
        if isinstance(value, Range):
            yield key, value
        elif isinstance(value, Mapping):
            # A table without a key of a range is a section: --set tune.space.training.learning_rate={...}
            if value and not value.keys() & set(Range.__struct_fields__):
                yield from _read(value, f"{key}.")
            else:
                yield key, _range(key, value)
        elif isinstance(value, list | tuple):
            yield key, _choices(key, value)
        else:
            raise ValueError(f"space, '{key}' = {value}: write {{ low = …, high = … }}, or a list of choices")


def _range(key: str, value: Mapping[str, Any]) -> Range:
    unknown = [name for name in value if name not in Range.__struct_fields__]
    if unknown or not {"low", "high"} <= value.keys():
        wrong = f"has no '{unknown[0]}', but" if unknown else "needs"
        raise ValueError(f"space, '{key}': a range {wrong} low and high, and optionally log or step")
    try:
        return msgspec.convert(value, Range)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        where = f", {place.rstrip('`')}" if place else ""
        raise ValueError(f"space, '{key}'{where}: {reason}") from None


def _choices(key: str, values: Sequence[Any]) -> tuple[Choice, ...]:
    for value in values:
        if not isinstance(value, bool | int | float | str):
            raise ValueError(f"space, '{key}': {value} is not a choice; choices are strings, numbers or booleans")
    # 1, 1.0 and true are equal, and a study could not tell them apart.
    if len(values) < 2 or len(set(values)) != len(values):
        raise ValueError(f"space, '{key}' = {list(values)}: name two or more choices, each once")
    return tuple(values)
