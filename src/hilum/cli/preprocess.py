"""`hilum preprocess`: what a recipe does with a film before anything is learnt from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from hilum.cli import app, tell
from hilum.errors import RequestError
from hilum.extras import require
from hilum.recipe import Pixels, read_recipe
from hilum.recipe.classical import Step


@app.command()
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
    if out.suffix.lower() != ".png":
        raise RequestError(f"--out {out}: the picture is a PNG; name a file that ends in .png")
    spec, steps = Pixels(size=224), get_args(Step)
    if recipe is not None:
        read = read_recipe(recipe)
        spec, steps = read.pixels, read.classical.steps if read.classical else ()

    require("evaluate", "drawing a film's preparation")

    from hilum import pixels
    from hilum.classical import prepare, steps_picture
    from hilum.files import replacing

    grey = pixels.decode(str(film), spec.window)
    prepared = prepare(pixels.preprocess(grey, spec), steps)
    drawn = steps_picture(grey, prepared, " ".join(film.name.split()))
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as temporary:
        temporary.write_bytes(drawn)
    for note in prepared.notes:
        tell(f"note: {film}: {note}")
    done = ", ".join(("grey, scaled", *steps))
    tell(f"{out}: {film}, {done}{'' if steps else '; this recipe prepares films no further'}")
    tell("Next: hilum train RECIPE --data DIR learns from films that are prepared so")
