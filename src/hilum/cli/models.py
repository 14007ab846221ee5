"""`hilum models`: every architecture that a recipe can name, what it costs and how far it sees."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hilum.cli.options import Json
from hilum.cli.terminal import app, tell

if TYPE_CHECKING:
    from hilum.models import ModelProfile

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
    from hilum.extras import require

    require("train", "listing architectures")

    from hilum.models import profile_models

    rows = list(profile_models(size, channels, outputs, head))
    if as_json:
        typer.echo(json.dumps([row.to_dict() for row in rows], indent=1))
    else:
        _print(rows)
    tell("Next: hilum train s1-robust --set model.name=NAME --data DIR")


def _print(rows: list[ModelProfile]) -> None:
    """The table in 120 columns, its rows under the publication that they come from."""
    typer.echo("\n".join(line.rstrip() for line in _HEADER))
    for publication, group in groupby(rows, lambda row: _cut(row.source)[0]):
        lines = list(group)
        stages = {" ".join(row.profile.stages) for row in lines}
        typer.echo(f"\n{publication}" + (f"; stages {stages.pop()}" if len(stages) == 1 else ""))
        for row in lines:
            typer.echo(_LINE.format(*_cells(row)).rstrip())
    typer.echo(_LEGEND)


def _cells(row: ModelProfile) -> tuple[str, ...]:
    published, costs, (channels, side, _) = row.published, row.profile, row.input
    return (
        row.name,
        f"{costs.parameters:,}",
        f"{published.million_parameters:g}" if published and published.million_parameters else "",
        f"{costs.keras_total:,}",
        f"{costs.multiply_adds / 1e9:.2f}",
        f"{published.billion_multiply_adds:g}" if published and published.billion_multiply_adds else "",
        f"{costs.receptive_field:,}",
        f"{costs.step_bytes / 1e9:.1f}",
        f"{channels}×{side}",
        _cut(row.source)[1] or f"{costs.trainable:,} train",
    )


def _cut(source: str) -> tuple[str, str]:
    """A source up to its year, and which of its networks this is."""
    found = re.fullmatch(r"(.*\d{4}\)?), (.*)", source)
    return (found[1], found[2]) if found else (source, "")
