"""Training, from a recipe and films to a run folder with its bundle: networks, ensembles, classical systems."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hilum.errors import RecipeError, RequestError
from hilum.locks import one_writer
from hilum.progress import first_process
from hilum.recipe import Recipe, read_recipe, with_settings
from hilum.records import Manifest, read_manifest
from hilum.workflows.run import Run, free_folder, read_run

if TYPE_CHECKING:
    from hilum.films import Outline

logger = logging.getLogger("hilum")


def train(
    recipe: Recipe | str | Path,
    films: Manifest | str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    settings: Sequence[str] = (),
    outlines: str | Path | None = None,
    memory: int | str | None = None,
    split_by: Literal["patient", "film"] = "patient",
    patient_pattern: str | None = None,
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> Run:
    """Train what a recipe describes on films, and write a bundle: a folder with all that predicting needs.

    The test films are not read. Nothing is written before recipe, films and pretrained weights are known to fit
    together. `resume` completes a run that was stopped, also by Ctrl-C.

    Args:
        recipe: a recipe, a file, or the name of a recipe that comes with Hilum (`list_recipes`); a file that exists
            takes precedence over a name.
        films: a manifest (the list of films that `hilum.index` returns), or what `hilum.index` takes.
        out: the run's folder; by default `runs/NAME`, or `runs/NAME-2` and so on where there is a run already. Under
            `torchrun`, whose processes have to agree on a folder, it is always `runs/NAME`.
        outlines: for a recipe with `[outlines]`: a folder with outlines of the films' lungs, pictures that have their
            film's name and are white inside the lungs; films without one are left out, and classes are not needed.
        settings: changes to the recipe, each `section.key=value`, such as `training.epochs=3`.
        memory: the memory that training may take, in bytes or as text such as `8GB`; None takes what is free.
        split_by: as for `hilum.index`, for films that are not split yet.
        patient_pattern: as for `hilum.index`.
        class_names: as for `hilum.index`.

    Returns:
        The run. Under `torchrun` only the first process writes the bundle, and the others may return before it does.

    Raises:
        RecipeError: there is no such recipe, or it does not fit these films.
        LayoutError: the films cannot be found, labelled or split.
        RequestError: `out` holds a run already, or a package that training needs is not installed.
        FilmError: a film cannot be read.
    """
    from hilum.extras import require
    from hilum.films import as_manifest, find_unclassified, match_classes
    from hilum.machine import parse_memory

    resolved = with_settings(recipe, settings) if isinstance(recipe, Recipe) else read_recipe(recipe, settings)
    require("evaluate" if resolved.classical else "train", "training")
    memory_bytes = parse_memory(memory) if isinstance(memory, str) else memory
    folder = free_folder(resolved.name) if out is None else Path(out)
    if first_process() and (folder / "recipe.toml").exists():
        raise RequestError(
            f"{folder}: holds a run already; continue it with --resume {folder} (hilum.resume), or name another --out"
        )
    if bool(resolved.outlines) != (outlines is not None):
        raise RequestError(
            f"{resolved.name}: learns from outlines of lungs; name their folder with --outlines FOLDER"
            if resolved.outlines
            else f"{resolved.name}: learns classes and no outlines; omit --outlines, or take the recipe lungs"
        )
    if resolved.outlines and not isinstance(films, Manifest):
        sources = [films] if isinstance(films, str | Path) else films
        manifest = find_unclassified(sources, patient_pattern)
    else:
        manifest = as_manifest(films, split_by=split_by, patient_pattern=patient_pattern, class_names=class_names)
    notes = manifest.notes
    if resolved.classes and resolved.labels == "label":
        matched = match_classes(manifest, resolved.classes)
        manifest, notes = matched.manifest, (*notes, *matched.notes)
    for note in notes:
        logger.info(f"note: {note}")
    if outlines is not None:
        from hilum.workflows.train_lungs import outlines_of

        return _run_lungs(
            resolved, outlines_of(resolved, manifest, outlines), folder, resume=False, memory=memory_bytes
        )
    return _run(resolved, manifest, folder, resume=False, memory=memory_bytes)


def resume(folder: str | Path, *, memory: int | str | None = None) -> Run:
    """Complete a run that was stopped; the result is the same as without the interruption.

    Args:
        folder: the run's folder, which holds its recipe and manifest.
        memory: as for `train`.

    Raises:
        RequestError: the folder holds no run, or films, recipe or machine differ from those that it was started with.
    """
    from hilum.extras import require
    from hilum.machine import parse_memory

    started = read_run(folder)
    require("evaluate" if started.recipe.classical else "train", "training")
    memory_bytes = parse_memory(memory) if isinstance(memory, str) else memory
    manifest = read_manifest(started.folder / "manifest.csv")
    if started.recipe.outlines:
        from hilum.films import read_outlines

        outlines = read_outlines(started.folder / "outlines.csv", manifest)
        return _run_lungs(started.recipe, outlines, started.folder, resume=True, memory=memory_bytes)
    return _run(started.recipe, manifest, started.folder, resume=True, memory=memory_bytes)


@one_writer("folder")
def _run(recipe: Recipe, manifest: Manifest, folder: Path, *, resume: bool, memory: int | None) -> Run:
    """Train what the recipe describes: a classical system, the networks of an ensemble, or one network."""
    from hilum.bundle import check_promise
    from hilum.workflows.ensemble import train_members
    from hilum.workflows.train_classical import train_classical
    from hilum.workflows.train_network import train_network

    check_promise(recipe.bundle)
    if recipe.bundle.calibrated_under and recipe.members.folds:
        raise RecipeError(
            "bundle.calibrated_under chooses on the validation films of one split, and members.folds has none; omit "
            "one of them"
        )
    if recipe.training.keep == "agreed" and recipe.members.seeds < 2:
        raise RecipeError(
            "training.keep = agreed keeps the epoch that is best on average over several seeds; set members.seeds=3"
        )
    with _log_how_to_resume(folder):
        if recipe.classical:
            train_classical(recipe, manifest, folder, resume=resume, memory=memory)
        elif recipe.members.several:
            train_members(recipe, manifest, folder, resume=resume, memory=memory)
        else:
            train_network(recipe, manifest, folder, resume=resume, memory=memory)
    return read_run(folder)


@one_writer("folder")
def _run_lungs(recipe: Recipe, outlines: Sequence[Outline], folder: Path, *, resume: bool, memory: int | None) -> Run:
    """Train a network that finds lungs."""
    from hilum.workflows.train_lungs import train_lungs

    with _log_how_to_resume(folder):
        train_lungs(recipe, outlines, folder, resume=resume, memory=memory)
    return read_run(folder)


@contextmanager
def _log_how_to_resume(folder: Path) -> Iterator[None]:
    """After Ctrl-C, log how to resume the run; its files are always complete."""
    try:
        yield
    except KeyboardInterrupt:
        if (folder / "recipe.toml").exists():
            logger.warning(f"{folder}: stopped; continue with: hilum train --resume {folder} (or hilum.resume)")
        raise
