"""`hilum preprocess`: what a recipe does with a film before anything is learnt from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.terminal import app, tell
from hilum.locks import one_writer


@app.command()
@one_writer("out", folder=False)
def preprocess(
    film: Annotated[Path, typer.Argument(metavar="FILE", help="A film.")],
    out: Annotated[Path, typer.Option("--out", help="The picture, a .png.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="RECIPE",
            help="A recipe's name or file; its steps; without one, all of them at 224 pixels.",
        ),
    ] = None,
) -> None:
    """Draw a film after every step of its preparation, as one picture."""
    from hilum.workflows.preprocess import draw_preprocessing

    drawn = draw_preprocessing(film, out, recipe)
    for note in drawn.notes:
        tell(f"note: {film}: {note}")
    done = ", ".join(("grey, scaled", *drawn.steps))
    tell(f"{out}: {film}, {done}{'' if drawn.steps else '; this recipe prepares films no further'}")
    tell("Next: hilum train RECIPE --data DIR learns from films that are prepared so")
