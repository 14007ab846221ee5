"""A run's fingerprint, beside its checkpoint: the recipe and the films that it was started with."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from msgspec.structs import replace

from hilum import recipe as recipes
from hilum.errors import RecipeError, RequestError
from hilum.files import read_regular, write_text
from hilum.recipe import Recipe
from hilum.records import Manifest

# What is chosen on validation films after the last epoch: a run that is resumed may be given other values of these.
CHOSEN_LATER = ("calibration", "operating_point", "operating_at", "miss_cost", "prevalence", "coverage")
# As Hilum 0.1.0 called it.
_FORMER_NAME = "origin.json"


def write_run_fingerprint(path: Path, recipe: Recipe, *manifests: Manifest) -> None:
    """Write down recipe and films at the start of a run."""
    write_text(path, json.dumps({"recipe": msgspec.to_builtins(recipe), "films": _films(*manifests)}))


def check_run_fingerprint(path: Path, recipe: Recipe, *manifests: Manifest) -> None:
    """Refuse to resume a run with other films or another recipe, except for what is chosen after the last epoch.

    Raises:
        RequestError: with the differences.
    """
    former = path.with_name(_FORMER_NAME)
    source = former if former.exists() and not path.exists() else path
    try:
        fingerprint = json.loads(read_regular(source))
        was, was_films = recipes.resolved_recipe(fingerprint["recipe"], str(source)), dict(fingerprint["films"])
    except (OSError, ValueError, KeyError, TypeError, RecipeError):
        raise RequestError(f"{source}: what the run was started with cannot be read; start the run again") from None
    chosen_later = {name: getattr(recipe.bundle, name) for name in CHOSEN_LATER}
    changed = recipes.differences(replace(was, bundle=replace(was.bundle, **chosen_later)), recipe)
    if changed:
        raise RequestError(
            f"{path.parents[1]}: its recipe was changed since it was started: "
            f"{recipes.first_few(changed)}; restore it, or start another run"
        )
    films = _films(*manifests)
    changed = [
        f"{(films.get(sha256) or was_films[sha256])[0]} ({_change(was_films.get(sha256), films.get(sha256))})"
        for sha256 in dict.fromkeys([*was_films, *films])
        if was_films.get(sha256, ())[1:] != films.get(sha256, ())[1:]
    ]
    if changed:
        raise RequestError(
            f"{path.parents[1]}: its films were changed since it was started: "
            f"{recipes.first_few(changed)}; restore manifest.csv, or start another run"
        )


def _films(*manifests: Manifest) -> dict[str, list[str]]:
    """By SHA-256: a film's path, and its label, subtype, patient and split. Only the path may change later."""
    return {
        film.sha256: [film.path, film.label, film.subtype, film.patient, film.split]
        for manifest in manifests
        for film in manifest
    }


def _change(was: list[str] | None, now: list[str] | None) -> str:
    if was is None:
        return "new"
    if now is None:
        return "missing"
    changes = zip(was[1:], now[1:], strict=True)
    return ", ".join(f"{old or '(nothing)'} → {new or '(nothing)'}" for old, new in changes if old != new)
