"""`hilum index`: find films, read labels, patients and splits, write the manifest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from hilum.cli.options import ClassName, Json, PatientPattern, SplitBy
from hilum.cli.terminal import app, tell
from hilum.errors import RequestError
from hilum.locks import one_writer


@app.command()
@one_writer("out", folder=False)
def index(
    sources: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="Folders, tables (CSV) or MedMNIST archives.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The manifest to write.")] = Path("manifest.csv"),
    val_fraction: Annotated[float, typer.Option(help="Share of the training films that validation gets.")] = 0.1,
    split_by: SplitBy = "patient",
    patient_pattern: PatientPattern = None,
    path_column: Annotated[str | None, typer.Option(help="A table's column of paths.")] = None,
    label_column: Annotated[str | None, typer.Option(help="A table's column of labels.")] = None,
    patient_column: Annotated[str | None, typer.Option(help="A table's column of patients.")] = None,
    split_column: Annotated[str | None, typer.Option(help="A table's column of splits: train, val, test.")] = None,
    class_name: ClassName = None,
    uncertain: Annotated[
        Literal["positive", "negative", "leave-out"],
        typer.Option(help="What a finding counts as that a table marks as uncertain (-1, in CheXpert and MIMIC)."),
    ] = "leave-out",
    as_json: Json = False,
) -> None:
    """Find films, read labels, patients and splits, and write the manifest that training reads."""
    from hilum import auditing, films
    from hilum.records import write_manifest

    found = films.index(
        *sources,
        val_fraction=val_fraction,
        split_by=cast(Literal["patient", "film"], split_by),
        patient_pattern=patient_pattern,
        path_column=path_column,
        label_column=label_column,
        patient_column=patient_column,
        split_column=split_column,
        class_names=films.parse_class_names(class_name or ()),
        uncertain=uncertain,
    )
    if os.path.realpath(out) in {
        os.path.realpath(path) for path in (*map(str, sources), *(film.path for film in found.films))
    }:
        raise RequestError(f"--out {out}: that is read here, and is never replaced; name another file")
    write_manifest(found, out)
    counts = {"films": len(found), "splits": found.counts()}
    typer.echo(json.dumps(counts, indent=1) if as_json else found.summary())
    for note in (*found.notes, *(finding.sentence for finding in auditing.quick_audit(found))):
        tell(f"note: {note}")
    tell(f"{out}: {len(found)} films. Next: hilum train hilum --data {out}")
