"""`hilum index`: find films, read labels, patients and splits, write the manifest."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from hilum.cli import app, tell
from hilum.cli.options import Json, PatientPattern, SplitBy
from hilum.records import SPLITS, Manifest


@app.command()
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
    )
    write_manifest(found, out)
    table = _count(found)
    typer.echo(json.dumps({"films": len(found), "splits": table}, indent=1) if as_json else _lay_out(table))
    for note in (*found.notes, *(finding.sentence for finding in auditing.quick_audit(found))):
        tell(f"note: {note}")
    tell(f"{out}: {len(found)} films. Next: hilum train hilum --data {out}")


def _count(manifest: Manifest) -> dict[str, dict[str, int]]:
    """Films by split and by class (and cause), and patients."""
    table: dict[str, dict[str, int]] = {}
    for split in (*SPLITS, ""):
        films = [film for film in manifest if film.split == split]
        if films:
            names = Counter(f"{film.label}/{film.subtype}".strip("/") or "unlabelled" for film in films)
            patients = len({film.patient for film in films if film.patient})
            table[split or "none"] = {**dict(sorted(names.items())), "films": len(films), "patients": patients}
    return table


def _lay_out(table: dict[str, dict[str, int]]) -> str:
    names = list(dict.fromkeys(name for row in table.values() for name in row))
    names.sort(key=lambda name: (name in ("films", "patients"), name))
    width = max(map(len, names))
    lines = [" " * width + "".join(f"{split:>8}" for split in table)]
    lines += [f"{name:<{width}}" + "".join(f"{row.get(name, 0):>8}" for row in table.values()) for name in names]
    return "\n".join(lines)
