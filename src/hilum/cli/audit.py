"""`hilum audit`: what is wrong with a set of films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import ClassName, Json, PatientPattern
from hilum.cli.terminal import app, tell
from hilum.extras import require


@app.command()
def audit(
    data: Annotated[
        Path,
        typer.Argument(metavar="DIR|MANIFEST", help="A folder of films, a table, a manifest or a MedMNIST .npz."),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The folder for audit.json and audit.html.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", help="A predictions.csv of these films, to look for wrong labels with."),
    ] = None,
    patient_pattern: PatientPattern = None,
    class_name: ClassName = None,
    as_json: Json = False,
) -> None:
    """Find duplicates, leaks, shortcuts, outliers and label errors. Nothing is changed.

    The splits are those of the folders or of the manifest; nothing is cut.
    """
    require("evaluate", "auditing")

    from hilum import films
    from hilum.auditing import audit as run
    from hilum.auditing import audit_json, write_audit
    from hilum.records import read_predictions

    named = films.parse_class_names(class_name or ())
    manifest = films.index(data, cut=False, patient_pattern=patient_pattern, class_names=named)
    predicted = read_predictions(predictions, manifest.labels, None) if predictions else None
    found = run(manifest, predicted)
    if out is not None:
        write_audit(found, out)
    typer.echo(audit_json(found) if as_json else repr(found))
    for note in manifest.notes:
        if note.startswith(f"{data}"):  # what was left out of the folder; the audit itself says the rest
            tell(f"note: {note}")
    for error in found.seen.unreadable:
        tell(f"hilum: {error}")
    tell(f"Next: open {out / 'audit.html'}" if out else f"Next: hilum audit {data} --out DIR to see the films")
    raise typer.Exit(1 if found.seen.unreadable else 0)
