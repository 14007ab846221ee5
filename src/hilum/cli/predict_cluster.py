"""`hilum predict --engine ray`: what is passed to the cluster, and what is printed when it is done."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from hilum.cli.terminal import tell
from hilum.errors import RequestError


def predict_on_cluster(
    folder: Path,
    paths: list[Path],
    out: Path | None,
    prevalence: float | None,
    address: str | None,
    trusted: Path | None,
    as_json: bool,
    *,
    strict: bool,
    retry: bool,
) -> None:
    """Predict films, folders of them or one list of them, into a folder of Parquet parts."""
    from hilum import films
    from hilum.inference import cluster
    from hilum.inference.film_list import SUFFIXES

    if out is None or out.suffix.lower() == ".csv":
        raise RequestError("--engine ray writes a folder of Parquet parts: name it with --out DIR")
    lists = [path for path in paths if path.suffix.lower() in SUFFIXES]
    if lists and len(paths) > 1:
        raise RequestError(f"{lists[0]}: a list of films comes alone; put all of them into one list")
    found = None if lists else films.find(paths)
    for note in found.notes if found else ():
        tell(f"note: {note}")
    result = cluster.predict_on_cluster(found or lists[0], out, folder, prevalence, address, trusted, retry=retry)
    for path, error in result.failures:
        tell(f"hilum: {path}: {error}")
    if result.failed > len(result.failures):
        tell(f"hilum: … and {result.failed - len(result.failures)} more: the rows in {out} whose error is not empty")
    for part in result.lost:
        tell(f"hilum: {out / part}: not written, four workers died over its films; the same command tries again")
    if as_json:
        counts = {
            "films": result.films,
            "judged_before": result.before,
            "failed": result.failed,
            "stopped": result.stopped,
        }
        typer.echo(json.dumps({"out": str(out), **counts, "lost_parts": result.lost}, indent=1))
    for sentence in result.skipped:
        tell(f"note: {sentence}")
    if result.stopped:
        tell(f"{result.stopped:,} films are not judged, as the gate stopped them: the rows in {out} say why")
    tell("Research only, not a diagnosis.")
    tell(
        f"{out}: {result.films} films, {result.before} of them predicted before. Next: read it as a Parquet data set"
    )
    raise typer.Exit(1 if result.failed or result.lost or (strict and result.stopped) else 0)
