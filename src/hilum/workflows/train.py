"""From a recipe and films to a run with its bundle: networks, ensembles of them, and systems without a network."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from hilum.errors import RecipeError, RequestError
from hilum.progress import first_process
from hilum.recipe import Recipe, read_recipe, with_settings
from hilum.records import Manifest, read_manifest
from hilum.workflows.run import Run, free_folder, read_run

logger = logging.getLogger("hilum")


def train(
    recipe: Recipe | str | Path,
    films: Manifest | str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    settings: Sequence[str] = (),
    memory: int | str | None = None,
    split_by: Literal["patient", "film"] = "patient",
    patient_pattern: str | None = None,
) -> Run:
    """Train by a recipe on films and write the bundle of what was trained.

    The test films are not read. Nothing is written before recipe, films and weights are known to go together. A run
    that is stopped, by Ctrl-C too, is completed by `resume`.

    Args:
        recipe: a recipe, a file, or the name of a recipe that comes with Hilum (`list_recipes`); a file that exists
            wins over a name.
        films: a manifest, or what `index` takes.
        out: the run's folder; without it `runs/NAME`, or `runs/NAME-2` and so on where there is a run already. Under
            `torchrun`, whose processes have to agree on one, it is `runs/NAME` alone.
        settings: changes of the recipe, each `section.key=value`, such as `training.epochs=3`.
        memory: what training may take, in bytes or as text such as `8GB`; None takes what is free.
        split_by: as for `index`, where films have to be split.
        patient_pattern: as for `index`, likewise.

    Returns:
        The run. Under `torchrun` only the first process writes the bundle, and the others may return before it does.

    Raises:
        RecipeError: there is no such recipe, or it does not go with these films.
        LayoutError: the films cannot be found, labelled or split.
        RequestError: `out` holds a run already, or a package that training needs is not installed.
        FilmError: a film cannot be read.
    """
    from hilum.extras import require
    from hilum.films import as_manifest
    from hilum.machine import parse_memory

    resolved = with_settings(recipe, settings) if isinstance(recipe, Recipe) else read_recipe(recipe, settings)
    require("evaluate" if resolved.classical else "train", "training")
    at_most = parse_memory(memory) if isinstance(memory, str) else memory
    folder = free_folder(resolved.name) if out is None else Path(out)
    if first_process() and (folder / "recipe.toml").exists():
        raise RequestError(
            f"{folder}: holds a run already; go on with --resume {folder} (hilum.resume), or name another --out"
        )
    manifest = as_manifest(films, split_by=split_by, patient_pattern=patient_pattern)
    for note in manifest.notes:
        logger.info(f"note: {note}")
    return _run(resolved, manifest, folder, resume=False, memory=at_most)


def resume(folder: str | Path, *, memory: int | str | None = None) -> Run:
    """Complete a run that was stopped; the result is that of a run that was not.

    Args:
        folder: the run's, with its recipe and manifest in it.
        memory: as for `train`.

    Raises:
        RequestError: the folder holds no run, or its films, recipe or machine are not those that it began with.
    """
    from hilum.extras import require
    from hilum.machine import parse_memory

    started = read_run(folder)
    require("evaluate" if started.recipe.classical else "train", "training")
    at_most = parse_memory(memory) if isinstance(memory, str) else memory
    manifest = read_manifest(started.folder / "manifest.csv")
    return _run(started.recipe, manifest, started.folder, resume=True, memory=at_most)


def _run(recipe: Recipe, manifest: Manifest, folder: Path, *, resume: bool, memory: int | None) -> Run:
    """Train what the recipe describes: a system without a network, several networks, or one."""
    from hilum.workflows.ensemble import train_members
    from hilum.workflows.train_classical import train_classical
    from hilum.workflows.train_network import train_network

    if recipe.training.keep == "agreed" and recipe.members.seeds < 2:
        raise RecipeError("training.keep = agreed is the epoch that several seeds agree on; set members.seeds=3")
    with _resumable(folder):
        if recipe.classical:
            train_classical(recipe, manifest, folder, resume=resume, memory=memory)
        elif recipe.members.several:
            train_members(recipe, manifest, folder, resume=resume, memory=memory)
        else:
            train_network(recipe, manifest, folder, resume=resume, memory=memory)
    return read_run(folder)


@contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    """Say after Ctrl-C how to go on; what is in the folder is whole."""
    try:
        yield
    except KeyboardInterrupt:
        if (folder / "recipe.toml").exists():
            logger.warning(f"{folder}: stopped; go on with: hilum train --resume {folder} (or hilum.resume)")
        raise
