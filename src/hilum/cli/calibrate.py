"""`hilum calibrate`: the same detector, with calibration, threshold and prediction sets chosen on other films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import BundleFolder, ClassName, Data
from hilum.cli.terminal import app, tell


@app.command()
def calibrate(
    bundle: BundleFolder,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Gets the new bundle, in OUT/bundle.")],
    split: Annotated[str, typer.Option("--split", help="Whose films choose: val, or all of your own.")] = "val",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="bundle.KEY=VALUE", help="What is chosen, and how.")
    ] = None,
    class_name: ClassName = None,
) -> None:
    """Choose anew, on films of yours, how a bundle's probabilities are corrected and where it decides.

    It is the first rung of `hilum adapt` alone, which also says whether it is worth it.

    The network, or the system without one, stays as it is, and so does its gate, unless --data is what it was
    trained on. Films that it was trained on would make it look better than it is; name others.
    """
    from hilum.films import parse_class_names
    from hilum.workflows.calibrate import calibrate as run

    named = parse_class_names(class_name or ())
    folder = run(bundle, data, out, split=split, settings=settings or (), class_names=named)
    tell(f"Next: hilum evaluate {folder} --data DIR --out DIR")
