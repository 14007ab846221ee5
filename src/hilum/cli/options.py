"""Options that several verbs take, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle's folder, or 'shipped'.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Data = Annotated[
    Path, typer.Option("--data", help="A folder of films, a table (CSV), a manifest or a MedMNIST .npz.")
]
SplitBy = Annotated[
    str, typer.Option("--split-by", help="Cut validation by 'patient', or by 'film' where nobody knows the patients.")
]
PatientPattern = Annotated[
    str | None,
    typer.Option(
        "--patient-pattern", help="Where a path names its patient: a regular expression with (?P<patient>…)."
    ),
]
Trusted = Annotated[
    Path | None,
    typer.Option(
        "--trusted",
        metavar="KEY",
        help="A public key, or a folder of them: refuse a bundle that none of them signed (hilum sign).",
    ),
]
ClassName = Annotated[
    list[str] | None,
    typer.Option(
        "--class",
        metavar="NAME=NAME,…",
        help="A class, and the names that the films have for it: 'PNEUMONIA=pneumonia,lung opacity'. Repeatable.",
    ),
]
Engine = Annotated[
    Literal["onnx", "openvino", "auto"],
    typer.Option("--engine", help="What computes the network; auto: the fastest here, measured once and kept."),
]
PredictEngine = Annotated[
    Literal["onnx", "openvino", "auto", "ray"],
    typer.Option(
        "--engine", help="What computes the network; auto: the fastest here, measured once; ray: over a cluster."
    ),
]
Precision = Annotated[
    Literal["float32", "bfloat16", "int8", "auto"],
    typer.Option("--precision", help="What it computes in; auto: the fastest that says the same."),
]
StoreUrl = Annotated[
    str,
    typer.Option(
        "--store", metavar="FILE|URL", help="The service's database: a SQLite file, or postgresql://user@host/name."
    ),
]
DEFAULT_STORE = "hilum.db"
