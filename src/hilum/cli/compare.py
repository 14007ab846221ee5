"""`hilum compare`: detectors side by side on the same films, with paired tests, and what each one costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import ClassName, Json
from hilum.cli.terminal import app, tell


@app.command()
def compare(
    entries: Annotated[
        list[Path],
        typer.Argument(
            metavar="ENTRY ENTRY…",
            help="Runs, bundles, 'shipped', folders of hilum evaluate --out, or tables (CSV: path, prob_CLASS…).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Gets comparison.json and comparison.html.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="What runs and bundles are evaluated on; without it, a run's own manifest."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Of --data: train, val, test, or all.")] = "val",
    timing: Annotated[
        bool, typer.Option("--timing/--no-timing", help="Measure films a second, where the bundle is at hand.")
    ] = True,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="Of tables of two classes: the second is called from here on (0.5)."),
    ] = None,
    class_name: ClassName = None,
    as_json: Json = False,
) -> None:
    """Put detectors side by side on the same films: DeLong, McNemar, paired bootstrap, Holm-corrected, with costs."""
    from hilum.comparison.comparison_file import as_json as to_json
    from hilum.films import parse_class_names
    from hilum.workflows.compare import compare as run

    named = parse_class_names(class_name or ())
    compared = run(entries, data, split=split, out=out, timing=timing, threshold=threshold, class_names=named)
    typer.echo(json.dumps(to_json(compared), indent=1) if as_json else str(compared))
    tell(f"Next: open {out / 'comparison.html'}")
