"""`hilum train`: from a manifest and a recipe to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from hilum.cli.options import ClassName, PatientPattern, SplitBy
from hilum.cli.terminal import app, tell
from hilum.errors import RequestError


@app.command()
def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe's name (hilum recipes), or a TOML file.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Films: a folder, a table, a manifest, an .npz; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; runs/NAME, runs/NAME-2, … without it.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change the recipe: section.key=value.")] = None,
    outlines: Annotated[
        Path | None, typer.Option("--outlines", help="Folder of the lungs' outlines, for the recipe lungs.")
    ] = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Complete the run in this folder.")] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", help="What training may take, such as 8GB; what is free without.")
    ] = None,
    split_by: SplitBy = "patient",
    patient_pattern: PatientPattern = None,
    class_name: ClassName = None,
) -> None:
    """Train by a recipe, a network or a system without one, and write its bundle; --resume RUN completes a run."""
    from hilum.films import parse_class_names
    from hilum.workflows import train as library

    if resume is not None:
        if recipe is not None or data or out is not None or settings or outlines is not None:
            raise RequestError(
                "--resume takes recipe and films from the run: omit RECIPE, --data, --outlines, --out and --set"
            )
        run = library.resume(resume, memory=memory)
    elif recipe is None or not data:
        raise RequestError("name a recipe and films: hilum train hilum --data DIR (or --resume RUN)")
    else:
        run = library.train(
            recipe,
            data,
            out,
            settings=settings or (),
            outlines=outlines,
            memory=memory,
            split_by=cast(Literal["patient", "film"], split_by),
            patient_pattern=patient_pattern,
            class_names=parse_class_names(class_name or ()),
        )
    if run.bundle is None:
        tell(f"{run.folder}: done")
        return
    if run.recipe.outlines:
        tell(f"{run.bundle}: done. It holds lungs.onnx, which finds lungs")
        return
    data_args = f"--data {run.folder / 'manifest.csv'} --split val --out {run.folder / 'val'}"
    tell(f"{run.bundle}: done. Next: hilum evaluate {run.bundle} {data_args}")
