"""From films with outlines of their lungs to a network that finds lungs."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hilum.errors import RequestError
from hilum.films import Outline
from hilum.history import Row
from hilum.recipe import Pixels, Recipe
from hilum.records import Manifest
from hilum.workflows.train_network import write_run_inputs

if TYPE_CHECKING:
    from hilum.batches import OutlineBatches
    from hilum.bundle.lung_record import LungSplit
    from hilum.models import LungNetwork
    from hilum.training import FitResult

logger = logging.getLogger("hilum")


@dataclass(frozen=True, slots=True)
class TrainedLungs:
    """A trained network that finds lungs.

    Attributes:
        recipe: resolved.
        outlines: the films of training and validation, with their outlines.
        network: with the weights that were kept.
        result: the history, and which epoch was kept.
    """

    recipe: Recipe
    outlines: tuple[Outline, ...]
    network: LungNetwork
    result: FitResult


def outlines_of(recipe: Recipe, manifest: Manifest, folder: str | Path) -> tuple[Outline, ...]:
    """The films that have an outline in a folder, split by patients into train and val; those of test are not used.

    Raises:
        LayoutError: no film has an outline, most outlines are wrong, or there are too few patients.
    """
    from hilum import films

    assert recipe.outlines is not None
    used = manifest.where(lambda film: film.split != "test")
    matched = films.match_outlines(used, folder, recipe.outlines.left_out)
    for note in matched.notes:
        logger.info(f"note: {note}")
    return tuple(films.split_outlined(matched.outlines, recipe.outlines.folds, recipe.seed))


def train_lungs(
    recipe: Recipe, outlines: Sequence[Outline], folder: Path, *, resume: bool = False, memory: int | None = None
) -> Path:
    """Train a network that finds lungs, and write it.

    Args:
        recipe: with `[outlines]`.
        outlines: films with their outlines, split into train and val.
        folder: the run's.
        resume: whether to complete the run in this folder.
        memory: how many bytes a training step may take; None takes what is free.

    Returns:
        The folder with `lungs.onnx`, `lungs.json` and `weights.safetensors`.

    Raises:
        RequestError: several processes were started, or the run that is resumed had other films or another recipe.
        FilmError: a film or an outline cannot be read, or an outline was changed since the run was started.
    """
    from hilum.bundle.lung_network import write_lung_network
    from hilum.bundle.lung_record import new_record
    from hilum.models import VIEWS

    trained = fit_lungs(recipe, outlines, folder, resume=resume, memory=memory)
    history, kept = trained.result.history, trained.result.kept_epoch
    measured = {name: value for name, value in history[kept - 1].items() if name.startswith("val_")}
    record = new_record(
        trained.recipe,
        VIEWS,
        data={name: _split_of(outlines, name) for name in ("train", "val")},
        data_fingerprint=_fingerprint(outlines),
        kept_epoch=kept,
        metrics=measured,
        history=history,
    )
    written = folder / "bundle"
    write_lung_network(trained.network, written, record)
    figures = f"Dice {measured['val_dice']:.4f}, 5th percentile {measured['val_dice_p05']:.4f} on validation films"
    logger.info(f"{folder}: kept epoch {kept}; {figures}")
    return written


def fit_lungs(
    recipe: Recipe, outlines: Sequence[Outline], folder: Path, *, resume: bool = False, memory: int | None = None
) -> TrainedLungs:
    """Train a network that finds lungs, without writing more than the run itself; as `train_lungs`."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError("a network that finds lungs is trained in one process: start it without torchrun")

    import torch

    from hilum import films, models, training
    from hilum.training.device import keep_freed_memory

    keep_freed_memory()
    manifest = Manifest(tuple(outline.film for outline in outlines))
    if not resume:
        recipe = training.pin_precision(recipe)
    train, val = (outline_batches(recipe, [each for each in outlines if each.film.split == name])
                  for name in ("train", "val"))  # fmt: skip
    assert recipe.outlines is not None
    torch.manual_seed(recipe.seed)
    network = models.LungNetwork(recipe.outlines.widths)
    training.check_recipe(train, val, recipe)
    if not resume:
        films.write_outlines(outlines, folder / "outlines.csv")
        write_run_inputs(recipe, manifest, folder)
    logger.info(f"{folder}: {recipe.system}: trained on {len(train)} films, validated on {len(val)}")
    result = training.fit(
        network,
        train,
        val,
        recipe,
        folder,
        resume=resume,
        memory=memory,
        on_epoch=lambda row: logger.info(_describe_epoch(row, recipe)),
    )
    return TrainedLungs(recipe, tuple(outlines), network, result)


def outline_batches(recipe: Recipe, outlines: Sequence[Outline]) -> OutlineBatches:
    """Films with outlines as batches: the films from the pixel cache, the outlines read and checked.

    Raises:
        FilmError: a film or an outline cannot be read, or was changed.
    """
    from hilum import pixels
    from hilum.batches import OutlineBatches
    from hilum.models import VIEWS
    from hilum.workers import map_in_order

    assert recipe.outlines is not None
    manifest = Manifest(tuple(outline.film for outline in outlines))
    cache = pixels.cache(manifest, recipe.pixels)
    masks = np.stack(list(map_in_order(lambda each: _square_of(each, recipe.pixels), outlines)))
    films = np.asarray(cache.films[cache.rows(manifest)])
    return OutlineBatches(manifest, films, masks, VIEWS, recipe.batches, recipe.outlines)


def _square_of(outline: Outline, spec: Pixels) -> NDArray[np.uint8]:
    """An outline cut and scaled as its film is: (size, size) uint8, 255 inside the lungs."""
    from hilum import films, pixels

    lungs = films.read_outline(outline.path, outline.sha256).astype(np.float32)
    return pixels.preprocess(lungs, replace(spec, denoise="none", equalise="none"))


def _split_of(outlines: Sequence[Outline], name: str) -> LungSplit:
    from hilum.bundle.lung_record import LungSplit

    films = [outline.film for outline in outlines if outline.film.split == name]
    patients = {film.patient for film in films if film.patient}
    return LungSplit(films=len(films), patients=len(patients), unknown=sum(not film.patient for film in films))


def _fingerprint(outlines: Sequence[Outline]) -> str:
    lines = sorted(f"{each.film.sha256} {each.sha256} {each.film.split}" for each in outlines)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _describe_epoch(row: Row, recipe: Recipe) -> str:
    """A row of the history, in a line for a terminal."""
    return (
        f"epoch {row['epoch']:.0f}/{recipe.training.epochs}  {row['seconds']:.0f} s  "
        f"loss {row['train_loss']:.4f}, on validation {row['val_loss']:.4f}  Dice {row['val_dice']:.4f}, "
        f"5th percentile {row['val_dice_p05']:.4f}"
    )
