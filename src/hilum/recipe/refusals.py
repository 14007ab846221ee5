"""What is wrong with the tables of a recipe, or of another TOML file: where, and what was probably meant."""

from __future__ import annotations

import difflib
import math
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

_LONGEST = 600  # characters of a reason, which may quote a value


def explained(message: str, root: type[msgspec.Struct]) -> str:
    """msgspec's message with the place first, and the key that was probably meant; cut where it is very long.

    Args:
        message: of a `msgspec.ValidationError`.
        root: what the tables were converted to.
    """
    reason = _with_place_first(message, root)
    return reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}…"


def not_finite(table: dict[str, Any]) -> str:
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


def _with_place_first(message: str, root: type[msgspec.Struct]) -> str:
    reason, _, place = message.partition(" - at `$")
    place = place.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `(.*?)`", reason, re.DOTALL)
    if not unknown:
        if reason.startswith("Invalid enum value"):
            reason += f"; there are {', '.join(map(str, _literals(_kind_at(place, root))))}"
        if missing := re.fullmatch(r"Object missing required field `(.*?)`", reason):
            return f"the key '{f'{place}.' if place else ''}{missing[1]}' is missing"
        return f"{place}: {reason}" if place else reason
    kind = _kind_at(place, root)
    struct = next((each for each in get_args(kind) if each is not type(None)), kind)
    known = [field.encode_name for field in msgspec.structs.fields(struct)]
    near = difflib.get_close_matches(unknown[1], known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
    key = f"{place}.{unknown[1]}" if place else unknown[1]
    return f"unknown key '{key if key.isprintable() else ascii(key)[1:-1]}'; {hint}"


def _kind_at(place: str, root: type[msgspec.Struct]) -> Any:
    """The type of what a file has at a place, such as `training.monitor` or `classical.steps[...]`."""
    kind: Any = root
    for section in filter(None, re.sub(r"\[.*?\]", "", place).split(".")):
        struct = next(
            (each for each in get_args(kind) if each is not type(None)), kind
        )  # a table that may be missing
        kind = next(field.type for field in msgspec.structs.fields(struct) if field.encode_name == section)
    return kind


def _literals(kind: Any) -> list[str | int]:
    """The words and numbers that a type allows, wherever they stand in it."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [word for part in get_args(kind) for word in _literals(part)]
