"""`hilum predict`: films in, probabilities out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Annotated

import typer

from hilum.cli import app, tell
from hilum.cli.options import Json
from hilum.cli.predict_cluster import predict_on_cluster
from hilum.errors import RequestError
from hilum.records import Predictions

_SHOWN = 40


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(metavar="[BUNDLE] FILES|DIR…", help="Films, or folders of them.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write every row here, as CSV.")] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="The share of positive films where these come from, if you know it."),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help="onnx here, or ray over a cluster.")] = "onnx",
    address: Annotated[
        str | None,
        typer.Option("--address", help="The Ray cluster's HOST:PORT; else $RAY_ADDRESS, else this machine."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how probable the finding is on each film, with the given bundle or the one that ships with Hilum."""
    from hilum import films
    from hilum.inference import SHIPPED, Detector
    from hilum.records import write_predictions

    folder = paths.pop(0) if (paths[0] / "bundle.json").exists() else SHIPPED
    if not paths:
        raise RequestError("name films, or folders of them, after the bundle")
    if engine == "ray":
        return predict_on_cluster(folder, paths, out, prevalence, address, as_json)
    if engine != "onnx" or address is not None:
        raise RequestError("--engine is onnx or ray, and --address goes with ray")
    found = films.find(paths)
    detector = Detector(folder)
    predictions = detector.predict(found, prevalence)
    if out is not None:
        write_predictions(predictions, out)
    if as_json:
        typer.echo(json.dumps(_rows(predictions), indent=1))
    elif out is None:
        typer.echo(_lay_out(predictions))
    for note in found.notes:
        tell(f"note: {note}")
    for row in predictions.failed:
        tell(f"hilum: {row.film.path}: {row.error}")
    tell(f"Research only, not a diagnosis: {detector.spec.recipe.name}, {detector.spec.recipe.system}.")
    if out is None:
        tell("Next: keep every row with --out predictions.csv")
    else:
        tell(f"{out}: {len(predictions)} films. Next: hilum evaluate BUNDLE --data DIR, where the labels are known")
    raise typer.Exit(1 if predictions.failed else 0)


def _rows(predictions: Predictions) -> list[dict[str, object]]:
    return [
        {
            "path": row.film.path,
            **{f"prob_{name}": prob for name, prob in zip(predictions.classes, row.probs, strict=False)},
            "prediction": row.prediction,
            "threshold": predictions.threshold,
            "plausible": list(row.plausible),
            "flags": list(row.flags),
            "error": row.error,
        }
        for row in predictions
    ]


def _lay_out(predictions: Predictions) -> str:
    """`path,prob,prediction` as CSV: names may hold spaces, commas and newlines. Of two classes one says it all."""
    shown = slice(-1, None) if len(predictions.classes) == 2 else slice(None)
    columns = [f"prob_{name}" for name in predictions.classes[shown]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", *columns, "prediction"])
    for row in predictions.rows[:_SHOWN]:
        probs = [f"{prob:.4f}" for prob in row.probs[shown]] or [""] * len(columns)
        writer.writerow([row.film.path, *probs, row.prediction or "unreadable"])
    if len(predictions) > _SHOWN:
        writer.writerow([f"… and {len(predictions) - _SHOWN} more: --out predictions.csv keeps them all"])
    return text.getvalue().rstrip("\n")
