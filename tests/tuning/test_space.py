"""What may vary is checked before anything is trained: every key, both ends of every range, every choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from hilum.errors import RecipeError, RequestError
from hilum.recipe import Range, Recipe, Tune, parse_recipe, read_recipe, write_recipe
from hilum.tuning import read_space, with_values
from hilum.tuning.space import ranges
from tests.tuning.conftest import MIXED, RATE, recipe_with, space_of

TEXT = """
name = "one"
[tune]
trials = 7
prune = "hyperband"
[tune.space]
"training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
"training.optimizer" = ["adam", "adamw"]
batches.size = { low = 16, high = 64, step = 16 }
"""


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "one.toml"
    path.write_text(TEXT)
    return path


def test_the_space_stands_in_the_recipe(recipe_file: Path) -> None:
    tune = read_recipe(recipe_file, ["tune.space.training.weight_decay=[0, 0.1]"]).tune
    assert (tune.trials, tune.prune) == (7, "hyperband")
    assert tune.space == {
        "training.learning_rate": Range(1e-5, 1e-2, log=True),
        "training.optimizer": ("adam", "adamw"),
        "batches.size": Range(16, 64, step=16),
        "training.weight_decay": (0, 0.1),
    }


def test_a_recipe_with_a_space_reads_back_as_itself_and_one_without_has_no_table(recipe_file: Path) -> None:
    recipe = read_recipe(recipe_file)
    text = write_recipe(recipe)
    recipe_file.write_text(text)
    assert read_recipe(recipe_file) == recipe
    assert "tune" not in write_recipe(with_values(recipe, {}, ""))


def test_a_recipe_from_before_there_was_a_search_still_opens() -> None:
    assert parse_recipe({"name": "old"}, "old").tune == Tune()


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({"a.b": {"low": 1, "hihg": 2}}, "'a.b': a range has no 'hihg'"),
        ({"a.b": {"low": 1}}, "'a.b': a range needs low and high"),
        ({"a.b": {"low": "1", "high": 2}}, "'a.b', low: Expected `int | float`"),
        ({"a.b": {"low": 2, "high": 2}}, r"low \(2\) must be below high \(2\)"),
        ({"a.b": {"low": 1, "high": float("nan")}}, r"tune\.space\.a\.b\.high: must be a finite number"),
        ({"a.b": {"low": 0, "high": 2, "log": True}}, "needs a low above 0"),
        ({"a.b": {"low": 1, "high": 2, "log": True, "step": 1}}, "exclude each other"),
        ({"a.b": {"low": 0, "high": 10, "step": 4}}, "8 is"),
        ({"a.b": {"low": 0, "high": 10, "step": -1}}, "step"),
        ({"a.b": 3}, r"write \{ low"),
        ({"a.b": {}}, "needs low and high"),
        ({"a.b": ["adam"]}, "two or more choices"),
        ({"a.b": [1, True]}, "each once"),
        ({"a.b": [[1, 2], [3, 4]]}, "strings, numbers or booleans"),
    ],
)
def test_what_is_no_range_and_no_choices_is_refused_by_its_key(space: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        recipe_with(space)


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({"training.learning_rat": [1e-3, 1e-4]}, "did you mean 'learning_rate'"),
        ({"trainnig.learning_rate": [1e-3, 1e-4]}, "did you mean 'training'"),
        ({"batches.size.small": [1, 2]}, "'batches.size' is a value, not a section"),
        ({"training": [1, 2]}, "'training' = 1: training: Expected `object`"),
        ({"training.learning_rate": {"low": 0, "high": 1}}, "'training.learning_rate' = 0: training.learning_rate"),
        ({"batches.size": {"low": 16, "high": 8192}}, "'batches.size' = 8192"),
        ({"batches.size": {"low": 16.5, "high": 64}}, "'batches.size' = 16.5"),
        ({"batches.size": {"low": 16, "high": 64, "step": 0.5}}, "is an integer; give integers"),
        ({"training.optimizer": ["adam", "lion"]}, "'training.optimizer' = lion"),
        ({"model.channels": {"low": 1, "high": 3}}, "list the choices instead"),
        ({"training.min_epochs": [1, 9]}, r"min_epochs \(9\) is larger than epochs"),
        ({}, r"add \[tune.space\]"),
    ],
)
def test_an_end_or_a_choice_that_gives_no_valid_recipe_is_refused_by_name(space: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        space_of(space)


@pytest.mark.parametrize("key", ["tune.trials", "name", "labels", "training.monitor", "data"])
def test_what_makes_trials_comparable_is_not_searched(key: str) -> None:
    with pytest.raises(RecipeError, match=f"'{key}': it .*; choose another key"):
        space_of({key: ["a", "b"]})


def test_the_yardstick_itself_is_not_searched() -> None:
    """A loss on validation is weighed by the class weights; an AUROC is not."""
    space = {"training.class_weights": ["balanced", "none"]}
    with pytest.raises(RecipeError, match=r"set training\.monitor=auroc"):
        space_of(space)
    table = {"name": "x", "training": {"monitor": "auroc"}, "tune": {"space": space}}
    assert read_space(parse_recipe(table, "x"), "x").distributions
    scheme = {"monitor": "views_auroc", "val_views": 2}
    table = {"name": "x", "training": scheme, "tune": {"space": {"batches.augment.flip": [0.0, 0.5]}}}
    with pytest.raises(RecipeError, match=r"views_auroc depends on it"):
        read_space(parse_recipe(table, "x"), "x")


def test_a_recipe_that_reads_and_cannot_be_built_is_refused_too() -> None:
    def check(recipe: Recipe) -> None:
        if recipe.model.name == "s2-cnn":
            raise RequestError("no architecture 's2-cnn'")

    with pytest.raises(RecipeError, match=r"'model\.name' = s2-cnn: no architecture"):
        read_space(recipe_with({"model.name": ["s1-cnn", "s2-cnn"]}), "tiny.toml", check)


def test_draws_are_of_the_keys_own_kind_and_inside_the_range() -> None:
    space = space_of({**MIXED, "training.weight_decay": {"low": 0, "high": 1}, "bundle.flips": [True, False]})
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(20):
        values = space.draw(drawn.ask())
        recipe = space.recipe_with(values)
        assert 1e-5 <= recipe.training.learning_rate <= 1e-1
        assert recipe.batches.size in (8, 16, 24, 32)
        assert isinstance(values["training.weight_decay"], float)
        assert isinstance(values["bundle.flips"], bool)
        assert recipe.tune == Tune()


def test_all_else_of_the_recipe_stays() -> None:
    recipe = parse_recipe({"name": "x", "pixels": {"window": [-600, 1500]}, "tune": {"space": RATE}}, "x")
    laid = with_values(recipe, {"training.learning_rate": 0.5, "batches.augment.flip": 0.25}, "x")
    assert (laid.training.learning_rate, laid.batches.augment.flip) == (0.5, 0.25)
    back = with_values(
        laid, {"training.learning_rate": recipe.training.learning_rate, "batches.augment.flip": 0}, "x"
    )
    assert back == with_values(recipe, {}, "x")


def test_ranges_in_words() -> None:
    said = dict(ranges(recipe_with(MIXED)))
    assert said["training.learning_rate"] == "1e-05 to 0.1, on a log scale"
    assert said["batches.size"] == "8 to 32 in steps of 8"
    assert said["training.optimizer"] == "adam, sgd"
