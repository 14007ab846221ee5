"""`hilum node`: films from a hospital's network, and reports back into it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from hilum.cli.terminal import app, tell
from hilum.errors import RequestError
from hilum.extras import require


@app.command()
def node(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The node's settings in TOML; see --example.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Open everything, ask sources and destinations, say whether it would start, end."
        ),
    ] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print a file with every key, explained, and end.")
    ] = False,
    log: Annotated[
        Literal["text", "json"], typer.Option("--log", help="How lines on stderr are written: for people, or JSON.")
    ] = "text",
) -> None:
    """Answer chest films that a PACS or a machine sends by DICOM, and send a report and a picture back."""
    if example:
        from hilum.pacs.settings_file import example_text

        typer.echo(example_text(), nl=False)
        return
    if file is None:
        raise RequestError("name the node's file; hilum node --example > node.toml writes one to begin with")
    require("pacs", "hilum node")
    from hilum.pacs.settings_file import read_settings

    settings = read_settings(file)
    if check:
        from hilum.pacs.starting import check_start

        for line in check_start(settings):
            tell(line)
        tell("It would start.")
        return
    from hilum.answering.readers import start_ahead
    from hilum.machine import processors
    from hilum.pacs.logs import begin_log

    begin_log(sys.stderr, log)
    start_ahead(max(1, min(settings.node.workers or processors(), processors() - 1)))  # one is this process's own
    from hilum.pacs.running import run_node

    run_node(settings)
