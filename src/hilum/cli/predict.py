"""`hilum predict`: films in, probabilities out."""

from __future__ import annotations

import io
import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import Json, Precision, PredictEngine, Trusted
from hilum.cli.predict_cluster import predict_on_cluster
from hilum.cli.terminal import app, tell
from hilum.errors import RequestError
from hilum.progress import track
from hilum.records import ABSTENTIONS, Film, Prediction, Predictions
from hilum.records.csv_text import path_cell, row_writer, text_cell
from hilum.records.text import printable
from hilum.streams import is_stream

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is said of films when all are read.

    Attributes:
        first: the first `_SHOWN` predictions.
        answers: how many films have each answer.
        failed: the first films that could not be read, one more than are named.
        stopped: how many films the gate stopped.
    """

    first: Predictions
    answers: Counter[str]
    failed: list[Prediction]
    stopped: int


@app.command()
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[BUNDLE] FILES|DIR…",
            help="A bundle's folder or 'shipped' (as without one), then films or folders of them.",
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Write every row here, as CSV.")] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="The share of positive films where these come from, if you know it."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep --out's rows, add the rest, try unreadable films again; without it, all are replaced.",
        ),
    ] = False,
    engine: PredictEngine = "onnx",
    precision: Precision = "float32",
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit 1 also where the gate stopped a film, as where one could not be read."),
    ] = False,
    address: Annotated[
        str | None,
        typer.Option("--address", help="The Ray cluster's HOST:PORT; else $RAY_ADDRESS, else this machine."),
    ] = None,
    trusted: Trusted = None,
    as_json: Json = False,
) -> None:
    """Answer for each film: a class, not sure, or not judged; by the given bundle, or the one that ships along."""
    from hilum import films
    from hilum.inference import Detector, PredictionsTable

    if resume and out is None and engine != "ray":
        raise RequestError("--resume keeps the rows of a file and adds the rest; name it with --out predictions.csv")
    named = str(paths[0]) == "shipped" or (paths[0] / "bundle.json").exists()
    bundle = paths.pop(0) if named else Path("shipped")
    if not paths:
        raise RequestError("name films, or folders of them, after the bundle")
    if as_json and out is not None and is_stream(out):
        raise RequestError(f"--json prints the rows as well: omit it, or give --out {out} the name of a file")
    if engine == "ray":
        if precision != "float32":
            raise RequestError("--engine ray computes in float32: omit --precision")
        return predict_on_cluster(
            bundle, paths, out, prevalence, address, trusted, as_json, strict=strict, retry=resume
        )
    if address is not None:
        raise RequestError("--address goes with --engine ray")
    found = films.find(paths)
    detector = Detector(bundle, engine=engine, precision=precision, trusted=trusted)
    if detector.note:
        tell(f"note: {detector.note}")
    for sentence in detector.skipped:
        tell(f"note: {sentence}")
    head = Predictions(detector.classes, detector.threshold(prevalence), ())
    left: Sequence[Film] = found.films
    with ExitStack() as opened:
        table = None
        if out is not None:
            table = opened.enter_context(PredictionsTable(out, head.classes, head.threshold, resume=resume))
            # Of one that is resumed, this detector wrote what is there.
            table.require_same(list(detector.stream(table.last_films, prevalence)))
            left = table.remaining(found.films)
            if there := len(found) - len(left) + table.again:
                again = f"; {table.again} that could not be read are tried again" if table.again else ""
                tell(f"{out}: {there} of {len(found)} films are there already{again}")
        rows = track(detector.stream(left, prevalence), "reading films", len(found))
        try:
            shown = _show(table.append_all(rows) if table else rows, head, as_json=as_json)
        except KeyboardInterrupt:
            if table is None:
                raise
            raise RequestError(f"stopped; {out} holds {table.rows:,} whole rows: continue with --resume") from None
    if out is None and not as_json:
        typer.echo(_lay_out(shown))
    for note in found.notes:
        tell(f"note: {note}")
    for row in shown.failed[:_SHOWN]:
        tell(f"hilum: {row.film.path}: {row.error}")
    if len(shown.failed) > _SHOWN:
        tell("hilum: and more that could not be read; their rows say why")
    if counts := [f"{shown.answers[name]:,} {name}" for name in (*head.classes, *ABSTENTIONS) if shown.answers[name]]:
        tell(f"answers: {', '.join(counts)}")
    tell(f"Research only, not a diagnosis: {detector.spec.recipe.name}, {detector.spec.recipe.system}.")
    if table is None:
        tell("Next: keep every row with --out predictions.csv")
    else:
        tell(f"{out}: {table.rows} films. Next: hilum evaluate BUNDLE --data DIR, where the labels are known")
    failed, stopped = (table.failed, table.stopped) if table else (len(shown.failed), shown.stopped)
    raise typer.Exit(1 if failed or (strict and stopped) else 0)


def _show(rows: Iterable[Prediction], head: Predictions, *, as_json: bool) -> _Shown:
    """Print rows as JSON, or keep the first ones to be laid out."""
    first: list[Prediction] = []
    failed: list[Prediction] = []
    answers: Counter[str] = Counter()
    stopped = 0
    for number, row in enumerate(rows, start=1):
        answers[row.answer] += 1
        stopped += row.stopped
        if number <= _SHOWN:
            first.append(row)
        if row.error and len(failed) <= _SHOWN:
            failed.append(row)
        if as_json:
            typer.echo("[" if number == 1 else ",")
            typer.echo(textwrap.indent(json.dumps(replace(head, rows=(row,)).to_dicts()[0], indent=1), " "), nl=False)
    if as_json:
        typer.echo("\n]" if answers else "[]")
    return _Shown(replace(head, rows=tuple(first)), answers, failed, stopped)


def _lay_out(shown: _Shown) -> str:
    """What a person reads, as CSV: names may hold spaces, commas and newlines. Of two classes one says it all.

    The predicted class is not here: where it is not the answer, it would read as if it were.
    """
    classes, threshold = shown.first.classes, shown.first.threshold
    named = slice(-1, None) if len(classes) == 2 else slice(None)
    columns = [f"prob_{name}" for name in classes[named]]
    decides = "" if threshold is None else f"{threshold:.4f}"
    text = io.StringIO()
    write = row_writer(text)
    write(["path", "answer", *columns, "threshold", "why", "remarks"])
    for row in shown.first.rows:
        probs = [f"{prob:.4f}" for prob in row.probs[named]] or [""] * len(columns)
        cells = [row.answer, *probs, decides, row.why, "; ".join(row.notes)]
        write([path_cell(_without_controls(row.film.path)), *(text_cell(_without_controls(cell)) for cell in cells)])
    if (more := shown.answers.total() - len(shown.first)) > 0:
        write([f"… and {more} more: --out predictions.csv keeps them all"])
    return text.getvalue().rstrip("\n")


def _without_controls(text: str) -> str:
    """Text that a terminal does not act on; a CSV's cells may have line feeds, and names the bytes that they have."""
    return "".join(each if each == "\n" or "\udc80" <= each <= "\udcff" else printable(each) for each in text)
