"""A recipe: every choice that turns films into a detector, as data.

A recipe is a TOML file with one table for each stage of the path. Each table below is a frozen record that its
stage takes whole. Unknown keys, wrong types and values out of range are refused by name: a misspelt
key that is quietly ignored costs somebody a night of training.
"""

from hilum.recipe.classical import Classical, Genetic, Templates
from hilum.recipe.comparing import differences, first_few
from hilum.recipe.images import Augment, Batches, GreyScale, Pixels
from hilum.recipe.included import recipe_text
from hilum.recipe.learning import BundleSettings, Training
from hilum.recipe.listing import RecipeInfo, list_recipes
from hilum.recipe.network import Init, Model, Transfer, Weights
from hilum.recipe.outlines import Outlines
from hilum.recipe.recipe import Recipe
from hilum.recipe.several import Members, Teacher
from hilum.recipe.toml import parse_recipe, read_recipe, resolved_recipe, with_settings, write_recipe
from hilum.recipe.tune import Choice, Range, Tune

__all__ = [
    "Augment",
    "Batches",
    "BundleSettings",
    "Choice",
    "Classical",
    "Genetic",
    "GreyScale",
    "Init",
    "Members",
    "Model",
    "Outlines",
    "Pixels",
    "Range",
    "Recipe",
    "RecipeInfo",
    "Teacher",
    "Templates",
    "Training",
    "Transfer",
    "Tune",
    "Weights",
    "differences",
    "first_few",
    "list_recipes",
    "parse_recipe",
    "read_recipe",
    "recipe_text",
    "resolved_recipe",
    "with_settings",
    "write_recipe",
]
