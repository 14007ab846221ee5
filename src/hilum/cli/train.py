"""`hilum train`: from a manifest and a recipe to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from hilum.cli import app, tell
from hilum.cli.options import PatientPattern, SplitBy
from hilum.errors import RecipeError, RequestError
from hilum.progress import first_process
from hilum.records import Manifest


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
    memory: Annotated[
        str | None, typer.Option("--memory", help="What training may take, such as 8GB; what is free without.")
    ] = None,
    split_by: SplitBy = "patient",
    patient_pattern: PatientPattern = None,
) -> None:
    """Train by a recipe, a network or a system without one, and write its bundle; --resume RUN goes on with a run."""
    from hilum import films
    from hilum.machine import parse_memory
    from hilum.recipe import read_recipe
    from hilum.records import read_manifest
    from hilum.workflows.ensemble import learn_members
    from hilum.workflows.train_classical import learn_system
    from hilum.workflows.train_network import learn, write_bundle

    at_most = parse_memory(memory) if memory is not None else None
    if resume is not None:
        if recipe is not None or data is not None or out is not None or settings:
            raise RequestError(
                "--resume takes recipe and films from the run: leave RECIPE, --data, --out and --set away"
            )
        if not (resume / "recipe.toml").exists():
            raise RequestError(
                f"{resume}: holds no run (no recipe.toml); name a run's, or start one: hilum train RECIPE --data DIR"
            )
        folder, resolved = resume, read_recipe(resume / "recipe.toml")
        manifest: Manifest = read_manifest(resume / "manifest.csv")
    else:
        if recipe is None or data is None:
            raise RequestError("name a recipe and films: hilum train recipes/hilum.toml --data DIR (or --resume RUN)")
        resolved = read_recipe(recipe, settings or ())
        folder = out if out is not None else Path("runs") / resolved.name
        if first_process() and (folder / "recipe.toml").exists():
            raise RequestError(f"{folder}: holds a run already; go on with --resume {folder}, or name another --out")
        indexed = films.index(
            data, split_by=cast(Literal["patient", "film"], split_by), patient_pattern=patient_pattern
        )
        for note in indexed.notes:
            tell(f"note: {note}")
        manifest = indexed
    if resolved.training.keep == "agreed" and resolved.members.seeds < 2:
        raise RecipeError("training.keep = agreed is the epoch that several seeds agree on; set members.seeds=3")
    if resolved.classical:
        detector: Path | None = learn_system(resolved, manifest, folder, resume=resume is not None, memory=at_most)
    elif resolved.members.several:
        detector = learn_members(resolved, manifest, folder, resume=resume is not None, memory=at_most)
    else:
        learnt = learn(resolved, manifest, folder, resume=resume is not None, memory=at_most)
        detector = write_bundle(learnt) if first_process() else None
    if detector is None:
        tell(f"{folder}: done")
        return
    data_args = f"--data {folder / 'manifest.csv'} --split val --out {folder / 'val'}"
    tell(f"{detector}: done. Next: hilum evaluate {detector} {data_args}")
