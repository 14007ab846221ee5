"""`hilum train`: from a manifest and a recipe to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer
from msgspec.structs import replace

from hilum.cli import app, tell
from hilum.cli.options import PatientPattern, SplitBy
from hilum.errors import RequestError
from hilum.recipe import Recipe
from hilum.records import Manifest

if TYPE_CHECKING:
    from torch import nn

    from hilum.batches import Batches
    from hilum.features import FeatureBatches
    from hilum.models import Network


@app.command()
def train(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="RECIPE", help="A recipe (TOML), such as those in recipes/.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Films: a folder, a table, a manifest, an .npz.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The run's folder; runs/NAME without it.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change the recipe: section.key=value.")] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with this run's folder.")] = None,
    split_by: SplitBy = "patient",
    patient_pattern: PatientPattern = None,
) -> None:
    """Train a network by a recipe and write its bundle; a run that was stopped goes on with --resume RUN."""
    from hilum import films
    from hilum.recipe import read_recipe
    from hilum.records import read_manifest

    if resume is not None:
        if recipe is not None or data is not None or out is not None or settings:
            raise RequestError(
                "--resume takes recipe and films from the run: leave RECIPE, --data, --out and --set away"
            )
        folder, resolved = resume, read_recipe(resume / "recipe.toml")
        manifest: Manifest = read_manifest(resume / "manifest.csv")
    else:
        if recipe is None or data is None:
            raise RequestError("name a recipe and films: hilum train recipes/hilum.toml --data DIR (or --resume RUN)")
        resolved = read_recipe(recipe, settings or ())
        folder = out if out is not None else Path("runs") / resolved.name
        if (folder / "recipe.toml").exists():
            raise RequestError(f"{folder}: holds a run already; go on with --resume {folder}, or name another --out")
        indexed = films.index(
            data, split_by=cast(Literal["patient", "film"], split_by), patient_pattern=patient_pattern
        )
        for note in indexed.notes:
            tell(f"note: {note}")
        manifest = indexed
    detector = run(resolved, manifest, folder, resume=resume is not None)
    data_args = f"--data {folder / 'manifest.csv'} --split val --out {folder / 'val'}"
    tell(f"{detector}: done. Next: hilum evaluate {detector} {data_args}")


def run(recipe: Recipe, manifest: Manifest, folder: Path, *, resume: bool = False) -> Path:
    """The path from a manifest to a bundle; returns the bundle's folder.

    Nothing is written before recipe, films and weights are known to go together.
    """
    from hilum import films

    learnt = manifest.where(lambda film: film.split in ("train", "val")).labelled_by(recipe.labels)
    classes = films.choose_classes(learnt, recipe.classes)

    from hilum import batches, pixels, training
    from hilum.bundle.onnx_export import round_weights
    from hilum.bundle.write import write
    from hilum.files import write_text
    from hilum.recipe import write_recipe
    from hilum.records import write_manifest

    recipe = pin_weights(recipe)
    network, learner = make_network(recipe, len(classes))
    cache = pixels.cache(learnt, recipe.pixels)
    train_films = batches.of(learnt.split("train"), cache, classes, recipe.batches)
    val_films = batches.of(learnt.split("val"), cache, classes, recipe.batches)
    if not resume:
        write_manifest(manifest, folder / "manifest.csv")
        write_text(folder / "recipe.toml", write_recipe(recipe))
    tell(f"{folder}: {recipe.model.name} learns from {len(train_films)} films, is validated on {len(val_films)}")
    train: batches.Source = train_films
    val: batches.Source = val_films
    if recipe.transfer.frozen:
        train = stored_features(network, train_films, recipe, recipe.transfer.views)
        val = stored_features(
            network, val_films, recipe, max(recipe.bundle.operating_views, recipe.training.val_views)
        )
    finished = training.fit(
        learner, train, val, recipe, folder, resume=resume, on_epoch=lambda row: tell(_say(row, recipe))
    )
    if recipe.bundle.weights == "float16":
        round_weights(network)
    point, figures = training.choose_operating_point(learner, val, recipe)
    threshold = "" if point.threshold is None else f", threshold {point.threshold:.3f}"
    tell(f"{folder}: kept epoch {finished.kept_epoch}; validation AUROC {figures['auroc']}{threshold}")
    return write(
        network.eval(),
        folder / "bundle",
        recipe=recipe,
        classes=classes,
        manifest=learnt,
        operating_point=point,
        figures=figures,
        history=finished.history,
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

    from hilum import models, weights
    from hilum.bundle.onnx_export import round_weights

    torch.manual_seed(recipe.seed)
    network = models.build(recipe.model, recipe.pixels.size, classes)
    if recipe.weights.source:
        tell(weights.load(network, recipe.weights, recipe.model).in_words())
    if recipe.init.source:
        tell(weights.start_from_vgg11(network, recipe.init, recipe.model).in_words())
    if not recipe.transfer.frozen:
        return network, network
    frozen, learner = network.split(recipe.transfer.frozen)
    if recipe.bundle.weights == "float16":
        round_weights(frozen)
    return network, learner


def stored_features(network: Network, films: Batches, recipe: Recipe, views: int) -> FeatureBatches:
    """What the frozen stages give for one split's films."""
    from hilum import features
    from hilum.training.machine import fastest_device, in_bfloat16, keep_freed_memory

    keep_freed_memory()
    transfer = recipe.transfer
    each = f" in {views + 1} views" if views else ""
    tell(f"features behind {transfer.frozen}: {len(films)} {films.manifest.films[0].split} films{each}")
    return features.compute(
        network.split(transfer.frozen)[0],
        films,
        recipe.model,
        recipe.pixels,
        views=views,
        seed=recipe.seed,
        also=transfer.also,
        bfloat16=in_bfloat16(recipe.training),
        device=fastest_device(),
    )


def _say(row: dict[str, float], recipe: Recipe) -> str:
    return (
        f"epoch {row['epoch']:.0f}/{recipe.training.epochs}  {row['seconds']:.0f} s  "
        f"loss {row['train_loss']:.4f}, on validation {row['val_loss']:.4f}  AUROC {row['val_auroc']:.4f}"
    )
