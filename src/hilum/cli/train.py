"""`hilum train`: from a manifest and a recipe to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from hilum.cli import app, tell
from hilum.cli.options import PatientPattern, SplitBy
from hilum.errors import LayoutError, RequestError
from hilum.recipe import Recipe
from hilum.records import Manifest

NEGATIVE_NAMES = ("normal", "healthy", "negative", "no finding", "no_finding")


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

    Nothing is written before recipe and films are known to go together.
    """
    classes = choose_classes(recipe, manifest)
    train_films, val_films = manifest.split("train"), manifest.split("val")
    for films in (train_films, val_films):
        missing = sorted(set(classes) - set(films.labels))
        if missing:
            raise LayoutError(
                f"no {films.films[0].split} film is labelled {' or '.join(missing)}; both classes are needed"
            )

    import torch

    from hilum import batches, models, pixels, training
    from hilum.bundle.onnx_export import round_weights
    from hilum.bundle.write import write
    from hilum.files import write_text
    from hilum.recipe import write_recipe
    from hilum.records import write_manifest

    learnt = manifest.where(lambda film: film.split in ("train", "val"))
    cache = pixels.cache(learnt, recipe.pixels)
    train_batches = batches.of(train_films, cache, classes, recipe.batches)
    val_batches = batches.of(val_films, cache, classes, recipe.batches)
    torch.manual_seed(recipe.seed)
    model = models.build(recipe.model, recipe.pixels.size)
    if not resume:
        write_manifest(manifest, folder / "manifest.csv")
        write_text(folder / "recipe.toml", write_recipe(recipe))
    tell(f"{folder}: {recipe.model.name} learns from {len(train_films)} films, is validated on {len(val_films)}")
    finished = training.fit(
        model, train_batches, val_batches, recipe, folder, resume=resume, on_epoch=lambda row: tell(_say(row, recipe))
    )
    if recipe.bundle.weights == "float16":
        round_weights(finished.model)
    point, figures = training.choose_operating_point(finished.model, val_batches, recipe)
    auroc = figures["auroc"]
    tell(
        f"{folder}: kept epoch {finished.kept_epoch}; validation AUROC {auroc.value:.4f} "
        f"({auroc.low:.4f} to {auroc.high:.4f}), threshold {point.threshold:.3f}"
    )
    return write(
        finished.model,
        folder / "bundle",
        recipe=recipe,
        classes=classes,
        manifest=learnt,
        operating_point=point,
        figures=figures,
        history=finished.history,
    ).folder


def choose_classes(recipe: Recipe, manifest: Manifest) -> tuple[str, ...]:
    """The classes, the positive one last: the recipe's, or the films' where one is plainly the negative."""
    labels = manifest.labels
    if recipe.classes:
        if len(set(recipe.classes)) != 2:
            raise RequestError(
                "the recipe's classes must be two, the positive one last, such as ['NORMAL', 'PNEUMONIA']"
            )
        return recipe.classes
    if len(labels) != 2:
        raise RequestError(
            f"these films have {len(labels)} classes ({', '.join(labels)}); networks with two are trained so far"
        )
    negative = [label for label in labels if label.lower() in NEGATIVE_NAMES]
    if len(negative) != 1:
        raise RequestError(
            f"which of {labels[0]} and {labels[1]} is the finding? Say it, the finding last: "
            f'--set \'classes=["{labels[0]}", "{labels[1]}"]\''
        )
    return (negative[0], next(label for label in labels if label != negative[0]))


def _say(row: dict[str, float], recipe: Recipe) -> str:
    return (
        f"epoch {row['epoch']:.0f}/{recipe.training.epochs}  {row['seconds']:.0f} s  "
        f"loss {row['train_loss']:.4f}, on validation {row['val_loss']:.4f}  AUROC {row['val_auroc']:.4f}"
    )
