"""`hilum doctor`: what a report of a problem should say about the machine."""

from __future__ import annotations

import typer

from hilum.cli.terminal import app, tell


@app.command()
def doctor() -> None:
    """Print versions, engines, processors, memory, places and the shipped bundle's check, to paste into a report."""
    from hilum.workflows.doctor import doctor as checkup

    found = checkup()
    for line in found.lines:
        typer.echo(line)
    for problem in found.problems:
        tell(f"hilum: {problem}")
    raise typer.Exit(1 if found.problems else 0)
