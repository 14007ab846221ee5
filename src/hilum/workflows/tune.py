"""The search for a recipe's best values: trials are trained in turn, and compared on the validation films."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hilum.errors import HilumError, LayoutError, RecipeError, RequestError
from hilum.extras import require
from hilum.recipe import Recipe, read_recipe, with_settings
from hilum.records import SPLITS, Manifest, read_manifest
from hilum.workflows.network_start import pin_lungs, pin_weights
from hilum.workflows.train_network import fit_network

if TYPE_CHECKING:
    from hilum.tuning import StudySummary, Train

logger = logging.getLogger("hilum")

# What training.monitor is called in sentences and on axes.
DESCRIPTIONS = {
    "loss": "loss on validation",
    "accuracy": "accuracy on validation",
    "auroc": "AUROC on validation",
    "dice": "Dice coefficient on validation",
    "views_dice": "Dice coefficient on validation's views",
    "views_loss": "loss on validation's views",
    "views_auroc": "AUROC on validation's views",
    "shifted_loss": "loss on shifted validation",
    "shifted_auroc": "AUROC on shifted validation",
}


def tune(
    recipe: Recipe | str | Path,
    films: Manifest | str | Path,
    out: str | Path,
    *,
    settings: Sequence[str] = (),
    trials: int | None = None,
    storage: str | None = None,
    split_by: Literal["patient", "film"] = "patient",
    patient_pattern: str | None = None,
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> StudySummary:
    """Search for a recipe's best values: train trial after trial, compared by `training.monitor` on validation.

    The recipe's `[tune]` says what may vary and how many trials to run. Test films are not read. `out` gets
    `best.toml`, a recipe to train by, and `study.html`, a page on all trials, while the study runs. The same call
    continues a study that was stopped, and its unfinished trials; several processes may share one study.

    Args:
        recipe: a recipe, a file, or the name of a recipe that comes with Hilum.
        films: a manifest, or a folder, a table, a manifest's file or a MedMNIST archive.
        out: the study's folder.
        settings: changes of the recipe, each `section.key=value`.
        trials: how many to run in all; None takes the recipe's `tune.trials`.
        storage: the URL of a database that workers on several machines share; None keeps one in `out`.
        split_by: as for `hilum.index`, if films have to be split.
        patient_pattern: as for `hilum.index`, likewise.
        class_names: as for `hilum.index`.

    Returns:
        The state of the study.

    Raises:
        RecipeError: the recipe has no search space, or cannot be tuned on these films.
        RequestError: torch is not installed, the study was started with something else, or its first trials all
            failed.
        LayoutError: the films cannot be found, labelled or split.
        FilmError: a film cannot be read.
    """
    require("train", "tuning")
    from hilum import tuning
    from hilum.training.model_selection import MONITORED

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError("tune trains each trial in one process: start several hilum tune instead of torchrun")
    resolved = with_settings(recipe, settings) if isinstance(recipe, Recipe) else read_recipe(recipe, settings)
    source = resolved.name if isinstance(recipe, Recipe) else str(recipe)
    if resolved.classical:
        raise RecipeError(
            f"{source}: a system without a network tries its own values, by cross-validation, while it is trained: "
            "list them in classical.strengths and classical.selected, and run hilum train"
        )
    if resolved.outlines:
        raise RecipeError(
            f"{source}: outlines of lungs are learnt without trials; run hilum train {source} with --outlines FOLDER"
        )
    if resolved.members.several or resolved.training.keep == "agreed":
        raise RecipeError(
            f"{source}: a trial trains one network; set members.seeds=1, members.folds=0, training.keep=best, "
            "and put them back into best.toml"
        )
    if isinstance(films, Manifest):
        found = _without_test(films)
    else:
        found = films_to_tune_on(Path(films), split_by, patient_pattern, class_names)
    classes = check_films(resolved, found)
    space = tuning.read_space(pin_lungs(pin_weights(resolved)), source, check=network_check(classes))
    column, minimize = MONITORED[resolved.training.monitor]
    objective = tuning.StudyObjective(column, DESCRIPTIONS[resolved.training.monitor], minimize)
    return tuning.tune(space, found, Path(out), trainer(found), objective, trials=trials, storage=storage)


def films_to_tune_on(
    data: Path,
    split_by: Literal["patient", "film"],
    patient_pattern: str | None,
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> Manifest:
    """The films to train and to validate on.

    The test films of a manifest are not touched. A folder or a table is indexed as for training, which reads each
    file's bytes to find duplicates across splits, and decodes none.
    """
    from hilum import films

    if data.suffix.lower() == ".csv" and data.is_file() and not class_names:
        with suppress(LayoutError):  # a table, which films.index reads
            listed = read_manifest(data)
            known = {film.split for film in listed} <= {"", *SPLITS}  # else films.index says what is wrong
            if known and _without_test(listed).films:
                return _without_test(listed)
    indexed = films.index(data, split_by=split_by, patient_pattern=patient_pattern, class_names=class_names)
    for note in indexed.notes:
        logger.info(f"note: {note}")
    return _without_test(indexed)


def _without_test(manifest: Manifest) -> Manifest:
    return Manifest(tuple(film for film in manifest if film.split in ("train", "val")))


def check_films(recipe: Recipe, manifest: Manifest) -> int:
    """The number of classes; films that no trial could be trained or validated on are refused."""
    import numpy as np

    from hilum import films
    from hilum.training.model_selection import check_monitor

    labelled = manifest.labelled_by(recipe.labels)
    classes = films.choose_classes(labelled, recipe.classes)
    check_monitor(recipe.training, np.array([film.label for film in labelled.split("val")]))
    return len(classes)


def network_check(classes: int) -> Callable[[Recipe], None]:
    """A function that refuses a recipe whose network cannot be built; no weights are allocated."""
    import torch

    from hilum import models

    built = set()

    def check(recipe: Recipe) -> None:
        which = recipe.model, recipe.side, recipe.transfer.frozen
        if which in built:
            return
        with torch.device("meta"):
            network = models.build(recipe.model, recipe.side, classes)
        if recipe.transfer.frozen:
            network.split(recipe.transfer.frozen)
        built.add(which)

    return check


def trainer(manifest: Manifest) -> Train:
    """The function that trains a study's trials."""

    def train(recipe: Recipe, folder: Path, *, on_epoch: Callable[[dict[str, float]], None]) -> int:
        import torch

        from hilum.history import read_history

        gc.collect()  # the last trial's network and optimiser refer to each other
        resume = (folder / "recipe.toml").exists()
        if resume:
            # An epoch that was trained but not reported, because the process was killed in between.
            for row in read_history(folder / "history.csv"):
                on_epoch(row)
        try:
            return fit_network(recipe, manifest, folder, resume=resume, on_row=on_epoch).result.kept_epoch
        except torch.OutOfMemoryError:
            raise HilumError("the device's memory does not hold it") from None

    return train
