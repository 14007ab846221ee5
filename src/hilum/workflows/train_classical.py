"""The path from a manifest to a bundle of a system without a network: what `train` and `calibrate` put together."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import RequestError
from hilum.recipe import Recipe
from hilum.records import Manifest
from hilum.workflows.deployed import DeployedSystem, fit_gate, summarize
from hilum.workflows.train_network import write_request

if TYPE_CHECKING:
    from hilum.bundle import Bundle

logger = logging.getLogger("hilum")


def learn_system(
    recipe: Recipe, manifest: Manifest, folder: Path, *, resume: bool = False, memory: int | None = None
) -> Path:
    """Train a system without a network and write its bundle; returns the bundle's folder.

    A run that was stopped has kept the films that it described, and does the rest anew: that is where its time goes.

    Args:
        recipe: with `[classical]`.
        manifest: the films; those of test are not looked at.
        folder: the run's.
        resume: go on with the run that lies there.
        memory: bytes that it may take; None takes what is free.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError("a system without a network learns in one process: start it without torchrun")

    from hilum import films, pixels
    from hilum.bundle.write import write
    from hilum.classical.fit_system import check_films, fit_system
    from hilum.history import write_history
    from hilum.machine import free_memory

    films.refuse_leaks(manifest, recipe.leaks_allowed)
    used = manifest.where(lambda film: film.split in ("train", "val")).labelled_by(recipe.labels)
    classes = films.choose_classes(used, recipe.classes)
    room = free_memory() if memory is None else memory
    check_films(used, classes, recipe, room)
    cache = pixels.cache(used, recipe.pixels)
    if not resume:
        write_request(recipe, manifest, folder)
    train, val = used.split("train"), used.split("val")
    logger.info(f"{folder}: learns from {len(train)} films, is validated on {len(val)}: {recipe.system}")
    learnt = fit_system(used, cache, classes, recipe, memory=room, on_row=lambda row: logger.info(_say(row)))
    write_history(folder / "history.csv", learnt.history)
    deployed = DeployedSystem(learnt.system)
    decisions = deployed.fit_decisions(val, classes, recipe)
    logger.info(f"{folder}: {summarize(decisions)}")
    return write(
        deployed.payload,
        folder / "bundle",
        recipe=recipe,
        classes=classes,
        manifest=used,
        decisions=decisions,
        gate=fit_gate(train, recipe),
        history=learnt.history,
    ).folder


def refuse_system(opened: Bundle, what: str) -> None:
    """Raise RequestError where a bundle holds no network, and `what` is of networks."""
    recipe = opened.spec.recipe
    if recipe.classical:
        raise RequestError(
            f"{opened.folder}: {recipe.name} is a system without a network ({recipe.system}), and {what}; "
            "name a network's bundle"
        )


def _say(row: dict[str, float]) -> str:
    """A row of the history, for a person at a terminal."""
    if "nested_auroc" in row:
        return (
            f"choice {row['choice']:.0f} is taken; what is chosen so has a nested AUROC of {row['nested_auroc']:.4f}"
        )
    kept = f"{row['selected']:.0f} numbers, " if "selected" in row else ""
    return (
        f"choice {row['choice']:.0f}  {kept}strength {row['strength']:g}  {row['seconds']:.0f} s  "
        f"AUROC {row['folds_auroc']:.4f} on train films of other patients"
    )
