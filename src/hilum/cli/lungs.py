"""`hilum lungs`: where the lungs of films are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import Json
from hilum.cli.terminal import app, tell


@app.command()
def lungs(
    paths: Annotated[list[Path], typer.Argument(metavar="FILES|DIR…", help="Films, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", help="The picture, a .png, of one film; or a folder for several.")],
    as_json: Json = False,
) -> None:
    """Draw the outline of the lungs on films, and say what is unusual about how they lie."""
    import msgspec

    from hilum.workflows.lungs import draw_lungs

    found = draw_lungs(paths, out)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
    else:
        for film in found:
            if not film.error:
                typer.echo(str(film))
    for film in found:
        if film.error:
            tell(f"hilum: {film}")
    tell(f"Next: look at {out}; hilum explain BUNDLE FILES… --out DIR shows what a detector reads")
    raise typer.Exit(1 if any(film.error for film in found) else 0)
