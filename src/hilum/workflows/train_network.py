"""From a recipe and films to a trained network, and from there to its bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import RequestError
from hilum.history import Row
from hilum.progress import first_process
from hilum.recipe import Recipe
from hilum.records import Manifest
from hilum.workflows.deployed import DeployedNetworks, fit_gate, log_few_films, log_sets, log_without_lungs, summarize
from hilum.workflows.network_start import build_network, compute_features, pin_lungs, pin_weights
from hilum.workflows.seen_films import notes_on_start

if TYPE_CHECKING:
    from torch import nn

    from hilum.batches import BatchSource, FilmBatches
    from hilum.models import Network
    from hilum.training import FitResult

logger = logging.getLogger("hilum")


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A trained network, and what is needed to validate it and to write its bundle.

    Attributes:
        recipe: resolved.
        classes: the positive one last.
        manifest: the films of training and validation.
        network: the whole network, with the weights that were kept.
        trained_part: the network, or the stages of it that were trained.
        val: the validation films as `trained_part` takes them.
        val_films: the validation films themselves.
        result: the history, and which epoch was kept.
    """

    recipe: Recipe
    classes: tuple[str, ...]
    manifest: Manifest
    network: Network
    trained_part: nn.Module
    val: BatchSource
    val_films: FilmBatches
    result: FitResult


def train_network(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    *,
    resume: bool = False,
    memory: int | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> Path | None:
    """Train a network and write its bundle.

    Args:
        recipe: how to train.
        manifest: the films; those of test are not used.
        folder: the run's.
        resume: whether to complete the run in this folder.
        memory: how many bytes a training step may take; None takes what is free.
        on_row: called with the history's row of each finished epoch; without it, the row is logged.

    Returns:
        The bundle's folder; None in all but the first of several processes.

    Raises:
        HilumError: recipe, films and weights do not go together.
    """
    trained = fit_network(recipe, manifest, folder, resume=resume, memory=memory, on_row=on_row)
    return write_bundle(trained) if first_process() else None


def fit_network(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    *,
    resume: bool = False,
    memory: int | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> TrainedNetwork:
    """Train a network by a recipe on a manifest's films; those of test are not used.

    Nothing is written before recipe, films and weights are known to go together.

    Args:
        recipe: how to train.
        manifest: the films.
        folder: the run's.
        resume: whether to complete the run in this folder.
        memory: how many bytes a training step may take; None takes what is free.
        on_row: called with the history's row of each finished epoch; without it, the row is logged.

    Raises:
        HilumError: recipe, films and weights do not go together.
    """
    from hilum import films

    films.refuse_leaks(manifest, recipe.leaks_allowed)
    used = manifest.where(lambda film: film.split in ("train", "val")).labelled_by(recipe.labels)
    classes = films.choose_classes(used, recipe.classes)

    from hilum import batches, pixels, training
    from hilum.training.parallel import exit_on_lost_peer

    recipe = pin_lungs(pin_weights(recipe))
    if not resume:
        recipe = training.pin_precision(recipe)
    network, trained_part = build_network(recipe, len(classes))
    cache = pixels.cache(used, recipe.pixels)
    log_without_lungs(used, cache)
    train_films = batches.make_batches(used.split("train"), cache, classes, recipe.batches)
    val_films = batches.make_batches(used.split("val"), cache, classes, recipe.batches)
    training.check_recipe(train_films, val_films, recipe)
    if not resume:
        write_run_inputs(recipe, manifest, folder)
    logger.info(f"{folder}: {recipe.model.name}: trained on {len(train_films)} films, validated on {len(val_films)}")
    log_few_films(used.split("val"), classes, "val")
    for source in dict.fromkeys((recipe.weights.source, recipe.init.source, *recipe.teacher.sources)):
        for note in notes_on_start(source, used):
            logger.info(f"note: {note}")
    train: BatchSource = train_films
    val: BatchSource = val_films
    if recipe.transfer.frozen:
        train = compute_features(network, train_films, recipe, recipe.transfer.views)
        views = max(recipe.bundle.operating_views, recipe.training.val_views)
        val = compute_features(network, val_films, recipe, views)
    with exit_on_lost_peer(folder):
        result = training.fit(
            trained_part,
            train,
            val,
            recipe,
            folder,
            resume=resume,
            memory=memory,
            on_epoch=on_row or (lambda row: logger.info(_describe_epoch(row, recipe))),
        )
    return TrainedNetwork(recipe, classes, used, network, trained_part, val, val_films, result)


def write_run_inputs(recipe: Recipe, manifest: Manifest, folder: Path) -> None:
    """Write `recipe.toml` and `manifest.csv`, from which a run is resumed, in the first of several processes."""
    from hilum.files import write_text
    from hilum.recipe import write_recipe
    from hilum.records import write_manifest

    if first_process():
        write_manifest(manifest, folder / "manifest.csv")
        write_text(folder / "recipe.toml", write_recipe(recipe))


def write_bundle(trained: TrainedNetwork) -> Path:
    """Choose calibration and operating point on validation, and write the bundle; returns its folder, RUN/bundle."""
    from hilum import models, training
    from hilum.bundle.network_payload import NetworkPayload
    from hilum.bundle.onnx_export import round_weights
    from hilum.bundle.write import write

    recipe, folder = trained.recipe, trained.result.folder
    if recipe.bundle.weights == "float16":
        round_weights(trained.network)
    deployed = DeployedNetworks(NetworkPayload([trained.network], recipe))
    try:
        if deployed.payload.model is trained.network and not recipe.bundle.calibrated_under:
            decisions = training.choose_operating_point(trained.trained_part, trained.val, recipe)
            shown = models.InParts(trained.network), trained.val_films
            decisions = training.with_controls(decisions, [shown], recipe)
        else:  # on films as the bundle is shown them, and not as training was: crops, features, no shifts
            decisions = deployed.fit_decisions(trained.manifest.split("val"), trained.classes, recipe)
    except RequestError as error:
        raise RequestError(f"{error} (in {folder}/recipe.toml; --resume then trains nothing again)") from None
    log_sets(decisions, trained.classes)
    logger.info(f"{folder}: kept epoch {trained.result.kept_epoch}; {summarize(decisions)}")
    return write(
        deployed.payload,
        folder / "bundle",
        recipe=recipe,
        classes=trained.classes,
        manifest=trained.manifest,
        decisions=decisions,
        gate=fit_gate(trained.manifest.split("train"), recipe),
        history=trained.result.history,
    ).folder


def _describe_epoch(row: Row, recipe: Recipe) -> str:
    """A row of the history, in a line for a terminal."""
    return (
        f"epoch {row['epoch']:.0f}/{recipe.training.epochs}  {row['seconds']:.0f} s  "
        f"loss {row['train_loss']:.4f}, on validation {row['val_loss']:.4f}  AUROC {row['val_auroc']:.4f}"
    )
