"""The recipes that come with Hilum, by name."""

from __future__ import annotations

import difflib
from importlib.resources import files
from pathlib import Path

from hilum.errors import RecipeError
from hilum.files import read_regular

_LARGEST = (
    64 << 10
)  # bytes of a recipe; those that come with Hilum have up to 5,000, and larger ones take a parser minutes


def recipe_names() -> tuple[str, ...]:
    """The names of the recipes that come with Hilum, sorted.

    >>> "s1-cnn" in recipe_names()
    True
    """
    found = (files("hilum") / "recipes").iterdir()
    return tuple(sorted(each.name.removesuffix(".toml") for each in found if each.name.endswith(".toml")))


def recipe_text(recipe: str | Path) -> str:
    """A recipe's TOML with its comments: of a file, or of a recipe that comes with Hilum; a file that exists wins.

    >>> recipe_text("s1-cnn").startswith("# S1 as the study trained it")
    True

    Raises:
        RecipeError: there is neither a file nor a recipe of that name, or the file is larger than any recipe.
        OSError: the file cannot be read.
        UnicodeDecodeError: the file is not text.
    """
    names, path = recipe_names(), Path(recipe)
    if str(recipe) in names and not path.is_file():
        return (files("hilum") / "recipes" / f"{recipe}.toml").read_text(encoding="utf-8")
    try:
        content = read_regular(path)
    except IsADirectoryError:
        raise RecipeError(
            f"{recipe}: a folder, not a TOML file; name a recipe's file, or a recipe by its name"
        ) from None
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name.removesuffix(".toml"), names, n=3)
        meant = f"did you mean {' or '.join(near)}? The" if near else "the"
        raise RecipeError(f"{recipe}: no such file or recipe; {meant} recipes are listed by: hilum recipes") from None
    if len(content) > _LARGEST:
        raise RecipeError(f"{recipe}: {len(content):,} bytes, and a recipe has at most {_LARGEST:,}; name a recipe")
    return content.decode("utf-8-sig")  # as some editors write it
