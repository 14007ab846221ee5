"""The path from a manifest to a trained network, and from there to a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hilum.errors import RequestError
from hilum.progress import first_process
from hilum.recipe import Recipe
from hilum.records import Manifest
from hilum.workflows.deployed import DeployedNetworks, fit_gate, summarize

if TYPE_CHECKING:
    from torch import nn

    from hilum.batches import FilmBatches, Source
    from hilum.features import FeatureBatches
    from hilum.models import Network
    from hilum.training import FitResult

logger = logging.getLogger("hilum")


@dataclass(frozen=True, slots=True)
class Learnt:
    """A network that has learnt, and what is needed to judge it and to write its bundle.

    Attributes:
        recipe: resolved.
        classes: the positive one last.
        manifest: the films that it learnt from and was validated on.
        network: the whole network, with the weights that were kept.
        learner: the part of it that learnt.
        val: the validation films as the learner is shown them.
        run: what training gave.
    """

    recipe: Recipe
    classes: tuple[str, ...]
    manifest: Manifest
    network: Network
    learner: nn.Module
    val: Source
    run: FitResult


def learn(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    *,
    resume: bool = False,
    memory: int | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> Learnt:
    """Train by a recipe on a manifest's films; the test films are not looked at.

    Nothing is written before recipe, films and weights are known to go together.

    Args:
        recipe: what to do.
        manifest: the films.
        folder: the run's.
        resume: go on with the run that lies there.
        memory: bytes that a training step may take; None takes what is free.
        on_epoch: is told of every finished epoch; without it, a line is printed.
    """
    from hilum import films

    films.refuse_leaks(manifest, recipe.leaks_allowed)
    learnt = manifest.where(lambda film: film.split in ("train", "val")).labelled_by(recipe.labels)
    classes = films.choose_classes(learnt, recipe.classes)

    from hilum import batches, pixels, training
    from hilum.training.parallel import exit_on_lost_peer

    recipe = pin_weights(recipe)
    if not resume:
        recipe = training.pin_precision(recipe)
    network, learner = make_network(recipe, len(classes))
    cache = pixels.cache(learnt, recipe.pixels)
    train_films = batches.make_batches(learnt.split("train"), cache, classes, recipe.batches)
    val_films = batches.make_batches(learnt.split("val"), cache, classes, recipe.batches)
    training.check(train_films, val_films, recipe)
    if not resume:
        write_request(recipe, manifest, folder)
    logger.info(
        f"{folder}: {recipe.model.name} learns from {len(train_films)} films, is validated on {len(val_films)}"
    )
    train: Source = train_films
    val: Source = val_films
    if recipe.transfer.frozen:
        train = stored_features(network, train_films, recipe, recipe.transfer.views)
        views = max(recipe.bundle.operating_views, recipe.training.val_views)
        val = stored_features(network, val_films, recipe, views)
    with exit_on_lost_peer(folder):
        run = training.fit(
            learner,
            train,
            val,
            recipe,
            folder,
            resume=resume,
            memory=memory,
            on_epoch=on_epoch or (lambda row: logger.info(_say(row, recipe))),
        )
    return Learnt(recipe, classes, learnt, network, learner, val, run)


def write_request(recipe: Recipe, manifest: Manifest, folder: Path) -> None:
    """Write down what a run was asked to do, for `--resume`: `recipe.toml` and `manifest.csv`; one process does."""
    from hilum.files import write_text
    from hilum.recipe import write_recipe
    from hilum.records import write_manifest

    if first_process():
        write_manifest(manifest, folder / "manifest.csv")
        write_text(folder / "recipe.toml", write_recipe(recipe))


def write_bundle(learnt: Learnt) -> Path:
    """Choose where the network decides, and write its bundle into the run's folder; returns the bundle's."""
    from hilum import training
    from hilum.bundle.network_payload import NetworkPayload
    from hilum.bundle.onnx_export import round_weights
    from hilum.bundle.write import write

    recipe, folder = learnt.recipe, learnt.run.folder
    if recipe.bundle.weights == "float16":
        round_weights(learnt.network)
    deployed = DeployedNetworks(NetworkPayload([learnt.network], recipe))
    try:
        if deployed.payload.model is learnt.network:
            decisions = training.choose_operating_point(learnt.learner, learnt.val, recipe)
        else:  # it is shown more of a film than what learnt: crops of it, or half a network its stored features
            decisions = deployed.fit_decisions(learnt.manifest.split("val"), learnt.classes, recipe)
    except RequestError as error:
        raise RequestError(f"{error} (in {folder}/recipe.toml: it has learnt already, --resume goes on)") from None
    logger.info(f"{folder}: kept epoch {learnt.run.kept_epoch}; {summarize(decisions)}")
    return write(
        deployed.payload,
        folder / "bundle",
        recipe=recipe,
        classes=learnt.classes,
        manifest=learnt.manifest,
        decisions=decisions,
        gate=fit_gate(learnt.manifest.split("train"), recipe),
        history=learnt.run.history,
    ).folder


def pin_weights(recipe: Recipe) -> Recipe:
    """The recipe with the hash of the weights that it names, so that a resumed run starts from no others."""
    if not recipe.weights.source or recipe.weights.sha256:
        return recipe
    from hilum import weights
    from hilum.files import sha256_of

    found = sha256_of(weights.locate(recipe.weights.source))
    return replace(recipe, weights=replace(recipe.weights, sha256=found))


def make_network(recipe: Recipe, classes: int) -> tuple[Network, nn.Module]:
    """The recipe's network with the weights that it starts from, and the part of it that learns."""
    import torch

    from hilum import features, models, weights
    from hilum.bundle.onnx_export import round_weights

    torch.manual_seed(recipe.seed)
    network = models.build(recipe.model, recipe.side, classes)
    if recipe.weights.source:
        logger.info(weights.load(network, recipe.weights, recipe.model).summary())
    if recipe.init.source:
        logger.info(weights.start_from_vgg11(network, recipe.init, recipe.model).summary())
    if not recipe.transfer.frozen:
        return network, network
    frozen, learner = network.split(recipe.transfer.frozen)
    features.refuse_unknown_stages(frozen, recipe.transfer.also)
    if recipe.bundle.weights == "float16":
        round_weights(frozen)
    return network, learner


def stored_features(network: Network, films: FilmBatches, recipe: Recipe, views: int) -> FeatureBatches:
    """What the frozen stages give for one split's films."""
    from hilum import features
    from hilum.training.device import fastest_device, keep_freed_memory
    from hilum.training.precision import uses_bfloat16

    keep_freed_memory()
    transfer = recipe.transfer
    each = f" in {views + 1} views" if views else ""
    logger.info(f"features behind {transfer.frozen}: {len(films)} {films.manifest.films[0].split} films{each}")
    return features.extract_features(
        network.split(transfer.frozen)[0],
        films,
        recipe.model,
        recipe.pixels,
        views=views,
        seed=recipe.seed,
        also=transfer.also,
        bfloat16=uses_bfloat16(recipe.training),
        device=fastest_device(),
    )


def _say(row: dict[str, float], recipe: Recipe) -> str:
    return (
        f"epoch {row['epoch']:.0f}/{recipe.training.epochs}  {row['seconds']:.0f} s  "
        f"loss {row['train_loss']:.4f}, on validation {row['val_loss']:.4f}  AUROC {row['val_auroc']:.4f}"
    )
