"""`hilum models`: every architecture that a recipe can name, what it costs and how far it sees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Annotated, Any, Literal

import typer

from hilum.cli import app, tell
from hilum.cli.options import Json
from hilum.extras import require
from hilum.progress import track
from hilum.recipe import Model

# The study's networks as it builds them: the films' side, and the last stage that it freezes.
SYSTEMS = (
    ("S1 (s1-cnn, 128 px)", Model(), 128, ""),
    ("S2 (vgg16, 256 px, head s2)", Model("vgg16", channels=3, normalise="vgg", head="s2"), 256, "trunk"),
    ("S3 (resnet50, 224 px)", Model("resnet50", channels=3, normalise="imagenet", output="softmax"), 224, ""),
)
STUDY = "The systems of “Pneumonia Detection using CNN” (2021)"
_LINE = "{:<27}{:>12}{:>6}{:>12}{:>10}{:>6}{:>7}{:>5}{:>6}  {}"
_HEADER = (
    _LINE.format("", "parameters", "paper", "Keras", "mult-adds", "paper", "sees", "step", "input", ""),
    _LINE.format("", "", "×10⁶", "", "×10⁹", "×10⁹", "pixels", "GB", "", ""),
)
_LEGEND = """
paper      what the source prints, where it prints it
Keras      counts the running mean and variance of batch norms too
mult-adds  of convolutions and dense layers, for one film
sees       receptive field of one value of the trunk's last maps
step       memory of a training step: 32 films, Adam, float32
input      channels × side
stages     what transfer.frozen takes, as it does 'trunk', which is all before the dense layers"""


@app.command()
def models(
    size: Annotated[int | None, typer.Option(min=1, help="Side of the films in pixels.")] = None,
    channels: Annotated[Literal[1, 3] | None, typer.Option(help="Of the first convolution.")] = None,
    outputs: Annotated[int | None, typer.Option(min=1, help="Logits.")] = None,
    head: Annotated[Literal["default", "s2", "linear"], typer.Option(help="Dense layers.")] = "default",
    as_json: Json = False,
) -> None:
    """List every architecture: parameters, multiply-adds, receptive field, memory of a training step, input.

    Without options each is as its source gives it; the study's systems always are.
    """
    require("train", "listing architectures")
    rows = list(_rows(size, channels, outputs, head))
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        _print(rows)
    tell("Next: hilum train hilum --set model.name=NAME --data DIR")


def _rows(
    size: int | None, channels: Literal[1, 3] | None, outputs: int | None, head: Literal["default", "s2", "linear"]
) -> Iterator[dict[str, Any]]:
    """The study's systems, then the registry; papers' figures only beside what the papers describe."""
    from hilum.models import REGISTRY
    from hilum.models.profile import PUBLISHED

    for name, spec, side, frozen in SYSTEMS:
        yield _row(name, STUDY, spec, side, 2, frozen)
    as_published = (size, channels, outputs, head) == (None, None, None, "default")
    for name, architecture in track(REGISTRY.items(), "models", len(REGISTRY)):
        spec = Model(name, channels or architecture.channels, head=head, output="softmax")
        row = _row(name, architecture.source, spec, size or architecture.input_size, outputs or architecture.outputs)
        if as_published and name in PUBLISHED:
            row["published"] = PUBLISHED[name]._asdict()
        yield row


def _row(name: str, source: str, spec: Model, size: int, classes: int, frozen: str = "") -> dict[str, Any]:
    from hilum.models import outputs_for
    from hilum.models.profile import BATCH, profile

    return {
        "name": name,
        "source": source,
        "input": [spec.channels, size, size],
        "outputs": outputs_for(spec, classes),
        "head": spec.head,
        **asdict(profile(spec, size, classes, frozen)),
        "step_films": BATCH,
        "published": {},
    }


def _print(rows: list[dict[str, Any]]) -> None:
    """The table in 120 columns, its rows under the publication that they come from."""
    typer.echo("\n".join(line.rstrip() for line in _HEADER))
    for publication, group in groupby(rows, lambda row: _cut(row["source"])[0]):
        lines = list(group)
        stages = {" ".join(row["stages"]) for row in lines}
        typer.echo(f"\n{publication}" + (f"; stages {stages.pop()}" if len(stages) == 1 else ""))
        for row in lines:
            typer.echo(_LINE.format(*_cells(row)).rstrip())
    typer.echo(_LEGEND)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    published, (channels, side, _) = row["published"], row["input"]
    return (
        row["name"],
        f"{row['parameters']:,}",
        f"{published['million_parameters']:g}" if published.get("million_parameters") else "",
        f"{row['keras_total']:,}",
        f"{row['multiply_adds'] / 1e9:.2f}",
        f"{published['billion_multiply_adds']:g}" if published.get("billion_multiply_adds") else "",
        f"{row['receptive_field']:,}",
        f"{row['step_bytes'] / 1e9:.1f}",
        f"{channels}×{side}",
        _cut(row["source"])[1] or f"{row['trainable']:,} train",
    )


def _cut(source: str) -> tuple[str, str]:
    """A source up to its year, and which of its networks this is."""
    found = re.fullmatch(r"(.*\d{4}\)?), (.*)", source)
    return (found[1], found[2]) if found else (source, "")
