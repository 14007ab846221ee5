"""`hilum fuse`: several bundles to one, whose probabilities are the mean of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hilum.cli.options import ClassName, Data
from hilum.cli.terminal import app, tell


@app.command()
def fuse(
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE BUNDLE…", help="Bundles' folders, or 'shipped'.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Gets the new bundle, in OUT/bundle.")],
    shares: Annotated[
        Literal["mean", "fitted"],
        typer.Option("--shares", help="Equal ones, or those with the smallest log loss on the val films."),
    ] = "mean",
    name: Annotated[
        str | None, typer.Option("--name", help="What the new bundle is called; OUT's name without.")
    ] = None,
    class_name: ClassName = None,
) -> None:
    """Fuse bundles that see the same films and know the same classes into one, which averages their probabilities.

    Where it decides is chosen on the val films of --data, by the first bundle's rule and with its drawn views. A
    bundle that was fused itself brings its networks, each with its part of the bundle's share.
    """
    from hilum.films import parse_class_names
    from hilum.workflows.fuse import fuse as library_fuse

    named = parse_class_names(class_name or ())
    fused = library_fuse(bundles, data, out, shares=shares, name=name or "", class_names=named)
    split = "test" if any(film.split == "test" for film in fused.manifest) else "val"
    where = f"--data {data} --split {split} --out {out / split}"
    tell(f"{fused.bundle}: done. Next: hilum evaluate {fused.bundle} {where}")
