"""`hilum models`: every architecture that a recipe can name."""

from __future__ import annotations

import json

import typer

from hilum.cli import app, tell
from hilum.cli.options import Json


@app.command()
def models(as_json: Json = False) -> None:
    """List every architecture: parameters as Keras counts them, and the input that its source gives."""
    import torch

    from hilum.models import REGISTRY, count_parameters

    rows = []
    for name, architecture in sorted(REGISTRY.items()):
        with torch.device("meta"):
            counts = count_parameters(architecture.build(architecture.input_size, 1))
        rows.append(
            {
                "name": name,
                "parameters": counts.total,
                "trainable": counts.trainable,
                "not_trainable": counts.not_trainable,
                "input": architecture.input_size,
                "source": architecture.source,
            }
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        typer.echo(f"{'name':<12}{'parameters':>12}{'trainable':>12}{'input':>7}  source")
        for row in rows:
            typer.echo(
                f"{row['name']:<12}{row['parameters']:>12,}{row['trainable']:>12,}{row['input']:>7}  {row['source']}"
            )
    tell("Next: hilum train recipes/s1-cnn.toml --data DIR")
