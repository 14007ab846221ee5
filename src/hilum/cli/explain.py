"""`hilum explain`: what speaks for a class on each film."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hilum.cli.options import BundleFolder, Json, Trusted
from hilum.cli.terminal import app, tell


@app.command()
def explain(
    bundle: BundleFolder,
    paths: Annotated[list[Path], typer.Argument(metavar="FILES|DIR…", help="Films, or folders of them.")],
    out: Annotated[
        Path, typer.Option("--out", help="The folder for index.html, explain.json and a picture of each film.")
    ],
    method: Annotated[
        Literal["gradcam", "gradcam++", "integrated-gradients", "occlusion"],
        typer.Option("--method", help="How heat maps are made; the last two take a second or more for each film."),
    ] = "gradcam",
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class", help="The class to explain. Default: the positive one of two classes, or the predicted one."
        ),
    ] = None,
    randomise: Annotated[
        bool,
        typer.Option("--randomise", help="Also explain up to 8 films by a network with randomised weights."),
    ] = False,
    trusted: Trusted = None,
    as_json: Json = False,
) -> None:
    """Show on each film what speaks for a class, and measure how far that can be trusted."""
    from hilum.workflows.explain import explain as run

    explained = run(
        str(bundle), paths, method=method, class_name=class_name, randomise=randomise, out=out, trusted=trusted
    )
    if as_json:
        from hilum.explanation import explanation_json

        typer.echo(explanation_json(explained))
    else:
        typer.echo(repr(explained))
    for film in explained.explained:
        tell(f"{film.path}: {film.answer}: {film.why}")
    for film in explained.failed:
        tell(f"hilum: {film.path}: {film.error}")
    tell(f"Research only, not a diagnosis: {explained.bundle}, {explained.system}.")
    tell(f"Next: open {out / 'index.html'}")
    raise typer.Exit(1 if explained.failed else 0)
