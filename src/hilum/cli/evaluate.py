"""`hilum evaluate`: predictions on labelled films, as numbers with intervals and as a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import ClassName, Data, Engine, Json, Precision, Trusted
from hilum.cli.terminal import app, tell


@app.command()
def evaluate(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE", help="A bundle's folder, 'shipped', or another model's table (CSV: path, prob_CLASS…)."
        ),
    ],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Gets metrics.json, predictions.csv and report.html.")],
    split: Annotated[str, typer.Option("--split", help="train, val, test, or all.")] = "test",
    shifts: Annotated[
        bool, typer.Option("--shifts/--no-shifts", help="Also measure under acquisition shifts.")
    ] = False,
    curves: Annotated[
        bool,
        typer.Option("--curves/--no-curves", help="Also under each shift at rising strength, in twice the time."),
    ] = False,
    prevalence: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="Also predictive values where this share of films is positive."),
    ] = None,
    heat_maps: Annotated[
        bool,
        typer.Option(
            "--heat-maps/--no-heat-maps", help="Show what speaks for the predicted class in the worst errors (torch)."
        ),
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Show the worst errors in the report, or only name them.")
    ] = True,
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Also audit all films of --data, as hilum audit does.")
    ] = False,
    checklists: Annotated[
        bool, typer.Option("--checklists/--no-checklists", help="Also drafts of CLAIM 2024 and TRIPOD+AI.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="Of a table of two classes: the second is called from here on (0.5)."),
    ] = None,
    class_name: ClassName = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="NAME,NAME",
            help="The films' names of the detector's classes, in its order; films of other classes are left out.",
        ),
    ] = None,
    engine: Engine = "onnx",
    precision: Precision = "float32",
    trusted: Trusted = None,
    as_json: Json = False,
) -> None:
    """Measure a detector on labelled films, with 95% intervals over patients, and write a report."""
    from hilum.evaluation import as_json as to_json
    from hilum.films import parse_class_names
    from hilum.workflows.evaluate import evaluate as run

    evaluation = run(
        bundle,
        data,
        split,
        out=out,
        shifts=shifts,
        curves=curves,
        prevalence=prevalence,
        audit=audit,
        checklists=checklists,
        heat_maps=heat_maps,
        pictures=pictures,
        engine=engine,
        precision=precision,
        threshold=threshold,
        trusted=trusted,
        class_names=parse_class_names(class_name or ()),
        classes=[name.strip() for name in (classes or "").split(",") if name.strip()],
    )
    typer.echo(json.dumps(to_json(evaluation), indent=1) if as_json else str(evaluation))
    tell(f"Next: open {out / 'report.html'}")
    raise typer.Exit(1 if evaluation.n_failed else 0)
