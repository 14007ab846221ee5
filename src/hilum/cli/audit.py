"""`hilum audit`: what is wrong with these films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli import app, tell
from hilum.cli.options import Json, PatientPattern

if TYPE_CHECKING:
    from hilum.auditing import Audit

_HEADINGS = {"error": "To mend first", "warning": "To look at", "note": "Good to know"}


@app.command()
def audit(
    data: Annotated[
        Path,
        typer.Argument(metavar="DIR|MANIFEST", help="A folder of films, a table, a manifest or a MedMNIST .npz."),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Gets audit.json and audit.html.")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", help="A predictions.csv on these films, to look for wrong labels with."),
    ] = None,
    patient_pattern: PatientPattern = None,
    as_json: Json = False,
) -> None:
    """Find copies, leaks, shortcuts, odd films and doubtful labels. Nothing is changed.

    The splits are those of the folders or of the manifest; nothing is cut.
    """
    from hilum import films
    from hilum.auditing import audit as run
    from hilum.auditing import write_audit
    from hilum.records import read_predictions

    manifest = films.index(data, cut=False, patient_pattern=patient_pattern)
    told = read_predictions(predictions, manifest.labels, None) if predictions else None
    made = run(manifest, told)
    if out is not None:
        write_audit(made, out)
    typer.echo(json.dumps(made.as_dict(), indent=1) if as_json else lay_out(made))
    for error in made.seen.unreadable:
        tell(f"hilum: {error}")
    tell(
        f"Next: open {out / 'audit.html'}" if out else f"Next: hilum audit {data} --out DIR for the films themselves"
    )
    raise typer.Exit(1 if made.seen.unreadable else 0)


def lay_out(made: Audit) -> str:
    """The findings for a terminal, worst first."""
    from hilum.auditing import SEVERITIES, sentences

    lines = [f"{len(made.seen):,} films audited{f' in {made.folder}' if made.folder else ''}"]
    for severity in SEVERITIES:
        told = sentences(made.findings, severity)
        if told:
            lines += [f"-- {_HEADINGS[severity]}", *(f"   {line}" for line in told)]
    if made.not_checked:
        lines += ["-- Not checked", *(f"   {what}: {why}" for what, why in made.not_checked.items())]
    return "\n".join(lines)
