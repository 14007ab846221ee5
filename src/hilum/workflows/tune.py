"""What a study needs of films and recipes, and how one of its trials is trained."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hilum.errors import HilumError, LayoutError
from hilum.recipe import Recipe
from hilum.records import SPLITS, Manifest, read_manifest
from hilum.workflows.train_network import learn

if TYPE_CHECKING:
    from hilum.tuning import Train

logger = logging.getLogger("hilum")


def films_to_tune_on(data: Path, split_by: Literal["patient", "film"], patient_pattern: str | None) -> Manifest:
    """The films to learn from and to be validated on.

    Of a manifest no test film is touched. A folder or a table is indexed as for training, which reads each file's
    bytes to find copies in two splits, and decodes none.
    """
    from hilum import films

    def without_test(manifest: Manifest) -> Manifest:
        return Manifest(tuple(film for film in manifest if film.split in ("train", "val")))

    if data.suffix.lower() == ".csv" and data.is_file():
        with suppress(LayoutError):  # a table, which films.index reads
            listed = read_manifest(data)
            known = {film.split for film in listed} <= {"", *SPLITS}  # else films.index says what is wrong
            if known and without_test(listed).films:
                return without_test(listed)
    indexed = films.index(data, split_by=split_by, patient_pattern=patient_pattern)
    for note in indexed.notes:
        logger.info(f"note: {note}")
    return without_test(indexed)


def check_films(recipe: Recipe, manifest: Manifest) -> int:
    """How many classes there are; refuses films that no trial could be trained or judged on."""
    import numpy as np

    from hilum import films
    from hilum.training.model_selection import check_monitor

    labelled = manifest.labelled_by(recipe.labels)
    classes = films.choose_classes(labelled, recipe.classes)
    check_monitor(recipe.training, np.array([film.label for film in labelled.split("val")]))
    return len(classes)


def network_check(classes: int) -> Callable[[Recipe], None]:
    """Refuses a recipe whose network cannot be built; none of its weights is made."""
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
    """What a study calls for each of its trials."""

    def train(recipe: Recipe, folder: Path, *, on_epoch: Callable[[dict[str, float]], None]) -> int:
        import torch

        from hilum.history import read_history

        gc.collect()  # the last trial's network and optimiser held each other
        resume = (folder / "recipe.toml").exists()
        if resume:
            # An epoch that was done and not reported any more, because the process was killed in between.
            for row in read_history(folder / "history.csv"):
                on_epoch(row)
        try:
            return learn(recipe, manifest, folder, resume=resume, on_epoch=on_epoch).run.kept_epoch
        except torch.OutOfMemoryError:
            raise HilumError("the device's memory does not hold it") from None

    return train
