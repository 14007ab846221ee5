"""What a run was started with, so that nothing else goes on with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from hilum.errors import RequestError
from hilum.files import write_text
from hilum.recipe import Recipe
from hilum.records import Manifest

SHOWN = 3  # differences named one by one
# What is decided on validation behind the last epoch: a run that has learnt may be given another of these.
DECIDED_LATER = ("calibration", "operating_point", "operating_at", "miss_cost", "prevalence", "coverage")


def write_origin(path: Path, recipe: Recipe, *manifests: Manifest) -> None:
    """Write down recipe and films at the start of a run."""
    write_text(path, json.dumps({"recipe": msgspec.to_builtins(recipe), "films": _films(*manifests)}))


def check_origin(path: Path, recipe: Recipe, *manifests: Manifest) -> None:
    """Refuse to go on with another recipe (but for what is decided behind the last epoch) or other films.

    Raises:
        RequestError: with what differs.
    """
    try:
        origin = json.loads(path.read_text("utf-8"))
        was, was_films = msgspec.convert(origin["recipe"], Recipe), dict(origin["films"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RequestError(f"{path}: what the run was started with cannot be read; start the run again") from None
    decided = {name: getattr(recipe.bundle, name) for name in DECIDED_LATER}
    was = replace(was, bundle=replace(was.bundle, **decided))
    changed = list(_differences(msgspec.to_builtins(was), msgspec.to_builtins(recipe), ""))
    if changed:
        raise RequestError(
            f"{path.parents[1]}: its recipe was changed since it was started: {_some(changed)}; put it back, or "
            "start another run"
        )
    films = _films(*manifests)
    changed = [
        f"{(films.get(sha256) or was_films[sha256])[0]} ({_change(was_films.get(sha256), films.get(sha256))})"
        for sha256 in dict.fromkeys([*was_films, *films])
        if was_films.get(sha256, ())[1:] != films.get(sha256, ())[1:]
    ]
    if changed:
        raise RequestError(
            f"{path.parents[1]}: its films were changed since it was started: {_some(changed)}; put manifest.csv "
            "back, or start another run"
        )


def _films(*manifests: Manifest) -> dict[str, list[str]]:
    """By content: where a film lies, and what it is taken for. Where it lies may change."""
    return {
        film.sha256: [film.path, film.label, film.subtype, film.patient, film.split]
        for manifest in manifests
        for film in manifest
    }


def _change(was: list[str] | None, now: list[str] | None) -> str:
    if was is None:
        return "new"
    if now is None:
        return "gone"
    changes = zip(was[1:], now[1:], strict=True)
    return ", ".join(f"{old or '(nothing)'} → {new or '(nothing)'}" for old, new in changes if old != new)


def _differences(was: dict[str, Any], now: dict[str, Any], place: str) -> Iterator[str]:
    for key, old in was.items():
        new = now[key]
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{place}{key}.")
        elif old != new:
            yield f"{place}{key} {old} → {new}"


def _some(changes: list[str]) -> str:
    more = f", and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return ", ".join(changes[:SHOWN]) + more
