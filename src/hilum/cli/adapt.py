"""`hilum adapt`: a detector for another hospital, and the old one where no adapted one is better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import BundleFolder, ClassName, Data
from hilum.cli.terminal import app, tell


@app.command()
def adapt(
    bundle: BundleFolder,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Gets the detector to use, in OUT/bundle.")],
    up_to: Annotated[
        str,
        typer.Option("--up-to", help="The most that is fitted: decisions, 'last layer' or 'whole network'."),
    ] = "whole network",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="bundle.KEY=VALUE", help="What is chosen, and how.")
    ] = None,
    class_name: ClassName = None,
) -> None:
    """Adapt a detector to labelled films of another hospital: 25 to 500 of them, minutes on two cores.

    Calibration, threshold and prediction sets are fitted to any number of films, the last layer from 50 on, the
    whole network from 200 on: whichever does best on patients held out. Where it is not shown to be better than the
    detector as it is, OUT/bundle is a copy of that. The gate learns from the films too, where more of them
    are then shown to pass, and pictures of other kinds are not. Films of a split called test are left for measuring.
    """
    from hilum.films import parse_class_names
    from hilum.workflows.adapt import adapt as run

    named = parse_class_names(class_name or ())
    adapted = run(bundle, data, out, settings=settings or (), up_to=up_to, class_names=named)
    tell(f"Next: hilum evaluate {adapted.bundle} --data DIR --out DIR")
