"""What the recipes that come with Hilum do, and what each needs."""

from __future__ import annotations

from dataclasses import dataclass

from hilum.recipe.included import recipe_names, recipe_text
from hilum.recipe.recipe import Recipe
from hilum.recipe.toml import read_recipe
from hilum.records import Listing


@dataclass(frozen=True, slots=True)
class RecipeInfo:
    """A recipe that comes with Hilum.

    Attributes:
        name: what `train` takes.
        title: what it does, in a sentence.
        system: the network, or the stages of a system without one.
        size: the side, in pixels, of the films that it learns from.
        needs: what has to be there besides films, such as ImageNet's weights.
    """

    name: str
    title: str
    system: str
    size: int
    needs: tuple[str, ...]

    def cells(self) -> dict[str, str]:
        """The recipe's line in a table."""
        return {"recipe": self.name, "px": str(self.size), "needs": ", ".join(self.needs), "title": self.title}


def list_recipes() -> Listing[RecipeInfo]:
    """The recipes that come with Hilum, by name.

    >>> [recipe.name for recipe in list_recipes()][:3]
    ['adults', 'hilum', 'hilum-causes']
    """
    return Listing(_info(name) for name in recipe_names())


def _info(name: str) -> RecipeInfo:
    recipe = read_recipe(name)
    return RecipeInfo(name, _title(recipe_text(name)), recipe.system, recipe.side, _needs(recipe))


def _title(text: str) -> str:
    """The comment's first sentences, up to its first empty line."""
    lines = []
    for line in text.splitlines():
        line = line.removeprefix("#").strip()
        if not line:
            break
        lines.append(line)
    return " ".join(lines)


def _needs(recipe: Recipe) -> tuple[str, ...]:
    sources = [recipe.weights.source, recipe.init.source, *recipe.teacher.sources]
    return tuple(source for source in sources if source)
