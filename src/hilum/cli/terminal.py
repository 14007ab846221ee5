"""The command's application, which each verb adds itself to, and how it speaks to the person at the terminal."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from hilum import __version__
from hilum.progress import first_process
from hilum.records.text import printable

app = typer.Typer(
    name="hilum",
    help="From a folder of chest X-rays to a pneumonia detector that you can trust. Research only: not a diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hilum {__version__}")
        raise typer.Exit


@app.callback()
def _show_log(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """From a folder of chest X-rays to a pneumonia detector that you can trust. Research only: not a diagnosis."""
    logger = logging.getLogger("hilum")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _Terminal) for handler in logger.handlers):
        logger.addHandler(_Terminal())


class _Terminal(logging.Handler):
    """What the library reports while it works, as lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(record.getMessage())


def tell(line: str) -> None:
    """A line for the person at the terminal, once; what programs read goes to stdout instead."""
    if first_process():
        typer.echo(printable(line), err=True)
