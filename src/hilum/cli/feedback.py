"""`hilum feedback`: what readers said of films, for training and evaluating."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import DEFAULT_STORE, StoreUrl
from hilum.cli.terminal import app, tell
from hilum.extras import require

feedback = typer.Typer(
    help="Take readers' verdicts out of the service's database.", rich_markup_mode=None, no_args_is_help=True
)
app.add_typer(feedback, name="feedback")


@feedback.callback()
def _is_a_group() -> None:
    """Take readers' verdicts out of the service's database."""


@feedback.command()
def export(
    out: Annotated[Path, typer.Option("--out", help="An empty folder: feedback.csv, and the films beside it.")],
    store_url: StoreUrl = DEFAULT_STORE,
    unaided: Annotated[
        bool, typer.Option("--unaided", help="Only verdicts that were given before the answer was shown.")
    ] = False,
    model: Annotated[str | None, typer.Option("--model", help="Only those on this detector's answers.")] = None,
) -> None:
    """Write the films that readers gave a class, and a table of them that hilum index takes."""
    require("serve", "hilum feedback")
    from hilum.store import export_feedback, open_store

    with open_store(store_url, create=False) as store:
        exported = export_feedback(store.database, out, unaided=unaided, model=model)
    typer.echo(f"{exported.films:,} films")
    reasons = (
        (exported.gone, "are gone, and cannot be trained on (hilum serve --keep-films keeps them)"),
        (exported.disputed, "are left out: their readers name different classes"),
        (exported.without_label, "are left out: no reader names a class"),
    )
    for count, why in reasons:
        if count:
            tell(f"note: {count:,} more {why}")
    tell(f"{exported.table}: next: hilum index {exported.table} --split-by film")
