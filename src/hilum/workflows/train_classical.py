"""From a recipe and films to the bundle of a system without a network."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from hilum.errors import RequestError
from hilum.history import Row
from hilum.recipe import Recipe
from hilum.records import Manifest
from hilum.workflows.deployed import DeployedSystem, fit_gate, log_few_films, log_sets, log_without_lungs, summarize
from hilum.workflows.network_start import pin_lungs
from hilum.workflows.train_network import write_run_inputs

logger = logging.getLogger("hilum")


def train_classical(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    *,
    resume: bool = False,
    memory: int | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> Path:
    """Fit a system without a network and write its bundle.

    A run that was stopped has kept the films that it described, which is where its time goes; the rest is repeated.

    Args:
        recipe: with `[classical]`.
        manifest: the films; those of test are not used.
        folder: the run's.
        resume: whether to complete the run in this folder.
        memory: how many bytes it may take; None takes what is free.
        on_row: called with each row of the history; without it, the row is logged.

    Returns:
        The bundle's folder.

    Raises:
        RequestError: films and recipe do not go together, several processes were started, or it would take more
            memory than there is.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError("a system without a network is trained in one process: start it without torchrun")

    from hilum import films, pixels
    from hilum.bundle.write import write
    from hilum.classical.fit_system import check_films, fit_system
    from hilum.history import write_history
    from hilum.machine import free_memory

    films.refuse_leaks(manifest, recipe.leaks_allowed)
    used = manifest.where(lambda film: film.split in ("train", "val")).labelled_by(recipe.labels)
    classes = films.choose_classes(used, recipe.classes)
    room = free_memory() if memory is None else memory
    recipe = pin_lungs(recipe)
    check_films(used, classes, recipe, room)
    cache = pixels.cache(used, recipe.pixels)
    log_without_lungs(used, cache)
    if not resume:
        write_run_inputs(recipe, manifest, folder)
    train, val = used.split("train"), used.split("val")
    logger.info(f"{folder}: {recipe.system}: trained on {len(train)} films, validated on {len(val)}")
    log_few_films(val, classes, "val")
    report = on_row or (lambda row: logger.info(_describe_row(row)))
    fitted = fit_system(used, cache, classes, recipe, memory=room, on_row=report)
    write_history(folder / "history.csv", fitted.history)
    deployed = DeployedSystem(fitted.system)
    decisions = deployed.fit_decisions(val, classes, recipe)
    log_sets(decisions, classes)
    logger.info(f"{folder}: {summarize(decisions)}")
    return write(
        deployed.payload,
        folder / "bundle",
        recipe=recipe,
        classes=classes,
        manifest=used,
        decisions=decisions,
        gate=fit_gate(train, recipe),
        history=fitted.history,
    ).folder


def _describe_row(row: Row) -> str:
    """A row of the history, in a line for a terminal."""
    if "nested_auroc" in row:
        return f"choice {row['choice']:.0f} is taken; the nested AUROC of choosing so is {row['nested_auroc']:.4f}"
    kept = f"{row['selected']:.0f} numbers, " if "selected" in row else ""
    return (
        f"choice {row['choice']:.0f}  {kept}strength {row['strength']:g}  {row['seconds']:.0f} s  "
        f"AUROC {row['folds_auroc']:.4f} on train films of other patients"
    )
