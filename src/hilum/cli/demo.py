"""`hilum demo`: the whole path on films that are at hand."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.terminal import app, tell
from hilum.errors import RequestError
from hilum.extras import missing_packages, require
from hilum.recipe import parse_recipe

# The recipe of the demo: the custom CNN on small whole films, so that it ends while a person waits.
RECIPE = {
    "name": "demo",
    "batches": {
        "augment": {
            "rotation": 15,
            "scale": 0.2,
            "aspect": 0.2,
            "translation": 0.1,
            "flip": 0.5,
            "black": 0.3,
            "gamma": 0.5,
            "contrast": 0.5,
            "blur": [0.5, 1.5],
            "noise": [0.5, 0.05],
            "jpeg": [0.5, 20],
        }
    },
    "training": {"epochs": 3, "keep": "last", "optimizer": "adamw", "learning_rate": 1e-3, "schedule": "cosine"},
}


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option("--data", help="Your own films.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The run's folder.")] = Path("demo"),
) -> None:
    """Index, train, evaluate and predict in a few minutes, on your films or on some that are at hand."""
    require("train", "the demo")

    from hilum import films
    from hilum.inference import Detector
    from hilum.records import Manifest
    from hilum.workflows.demo_films import at_hand
    from hilum.workflows.evaluate import evaluate
    from hilum.workflows.train import train

    if (out / "recipe.toml").exists():
        raise RequestError(f"{out}: holds a run already; remove it, or name another --out")
    source, what, recipe_data = at_hand(data, out)
    tell(f"1/4 index: {what}")
    manifest = films.index(source)
    recipe = parse_recipe({**RECIPE, "data": recipe_data}, "the demo's recipe")
    tell("2/4 train")
    bundle = train(recipe, manifest, out).bundle or out / "bundle"
    split = "test" if any(film.split == "test" for film in manifest) else "val"
    tell(f"3/4 evaluate: the {split} films")
    typer.echo(str(evaluate(bundle, out / "manifest.csv", split, out=out / "report")))
    film = manifest.split(split).films[0]
    tell(f"4/4 predict: {film.path}")
    (row,) = Detector(bundle).predict(Manifest((film,)))
    typer.echo(f"{row.film.path}: {row.answer}, labelled {row.film.label}. {row.why}")
    tell(f"The report: {os.path.abspath(out / 'report' / 'report.html')}")
    program = "hilum" if shutil.which("hilum") else _program()
    tell(f"Research only, not a diagnosis. Next, on the command line: {program} predict {bundle} YOUR_FILM.png")
    before = 'pip install "hilum[serve]", then ' if missing_packages("serve") else ""
    tell(f"Or on a page that you drop films on: {before}{program} serve {bundle}")


def _program() -> str:
    """How Hilum was started, where the shell does not find it by its name: `.venv/bin/hilum`, as `make demo` does."""
    started = Path(sys.argv[0])
    return f"{sys.executable} -m hilum" if started.name == "__main__.py" else os.path.relpath(started)
