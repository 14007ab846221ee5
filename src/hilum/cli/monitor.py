"""`hilum monitor`: a look over time at the detectors of the reading room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import DEFAULT_STORE, StoreUrl
from hilum.cli.terminal import app, tell

_STATES = {"changed": "CHANGED", "as expected": "as expected", "not known": "to weigh"}


@app.command()
def monitor(
    store_url: StoreUrl = DEFAULT_STORE,
    bundles: Annotated[
        list[Path] | None,
        typer.Option("--bundle", help="A bundle to compare with its validation; without one, 'shipped'. Repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The report to write, one HTML file.")] = None,
) -> None:
    """Look over time: films a day, what was not answered, scores against validation's, agreement with readers.

    Ends with 1 where something has changed, so that whatever runs it each night can tell.
    """
    from hilum.monitoring import statements
    from hilum.workflows.monitor import monitor as run

    detectors = run(store_url, bundles or [Path("shipped")], out)
    changed = False
    for each in detectors:
        first, last = each.days[0].day, each.days[-1].day
        typer.echo(f"{each.model or 'A detector'} ({each.seal[:16]}): {each.films:,} films from {first} to {last}")
        for statement in statements(each):
            changed |= statement.state == "changed"
            typer.echo(f"  {_STATES[statement.state]}: {statement.sentence}")
    if out is not None:
        tell(f"The report: {out}")
    raise typer.Exit(1 if changed else 0)
