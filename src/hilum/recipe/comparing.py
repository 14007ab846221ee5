"""What differs between two recipes, or between any two nested tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

NOTHING = "(nothing)"


def differences(was: Struct | Mapping[str, Any], now: Struct | Mapping[str, Any], within: str = "") -> list[str]:
    """List every value that differs, by its full key.

    >>> from hilum.recipe import Recipe, Training
    >>> differences(Recipe("a"), Recipe("a", seed=2, training=Training(epochs=5)))
    ['seed 1 → 2', 'training.epochs 30 → 5']

    Args:
        was: a recipe, one of its tables, or any nested table.
        now: another one of the same kind.
        within: the prefix of all keys, such as `pixels.`.
    """
    return list(_differences(_table(was), _table(now), within))


def first_few(changes: Sequence[str], shown: int = 3) -> str:
    """The first few of several differences, for one line of an error.

    >>> first_few(["seed 1 → 2", "name a → b", "classes A → B", "model.name s1-cnn → vgg11"])
    'seed 1 → 2, name a → b, classes A → B, and 1 more'
    """
    more = f", and {len(changes) - shown} more" if len(changes) > shown else ""
    return ", ".join(changes[:shown]) + more


def _differences(was: Mapping[str, Any], now: Mapping[str, Any], within: str) -> Iterator[str]:
    for key in dict.fromkeys([*was, *now]):
        old, new = was.get(key, NOTHING), now.get(key, NOTHING)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{within}{key}.")
        elif msgspec.json.encode(old) != msgspec.json.encode(new):  # a tuple equals a list, and 1 is not true
            yield f"{within}{key} {old} → {new}"


def _table(values: Struct | Mapping[str, Any]) -> Mapping[str, Any]:
    table: Mapping[str, Any] = msgspec.to_builtins(values)
    return table
