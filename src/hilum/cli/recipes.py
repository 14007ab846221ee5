"""`hilum recipes`: the recipes that come with Hilum."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from hilum.cli.options import Json
from hilum.cli.terminal import app, tell
from hilum.recipe import list_recipes, recipe_text

recipes = typer.Typer(help="List the recipes that come with Hilum, or print one to change.", rich_markup_mode=None)
app.add_typer(recipes, name="recipes", invoke_without_command=True)


@recipes.callback()
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """List the recipes that come with Hilum, or print one to change."""
    if context.invoked_subcommand is None:
        listed = list_recipes()
        typer.echo(json.dumps([asdict(recipe) for recipe in listed], indent=1) if as_json else repr(listed))
        tell("Next: hilum train NAME --data DIR, or hilum recipes show NAME > mine.toml")


@recipes.command()
def show(name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe's name.")]) -> None:
    """Print a recipe with its comments; redirect it into a file of your own, change it, and train by that."""
    typer.echo(recipe_text(name), nl=False)
