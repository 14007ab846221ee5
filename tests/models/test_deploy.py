"""What a recipe says of crops, scales and flips is how its network is shown whole films."""

from __future__ import annotations

import pytest
import torch

from hilum import models
from hilum.errors import RecipeError
from hilum.recipe import Recipe, parse_recipe

Table = dict[str, object]


def recipe_of(size: int = 96, batches: Table | None = None, bundle: Table | None = None) -> Recipe:
    table = {"name": "r", "pixels": {"size": size}, "batches": batches or {}, "bundle": bundle or {}}
    return parse_recipe({**table, "model": {"head": "linear"}}, "test")


CROPS: Table = {"crop": 64}
JITTERED: Table = {"crop": 48, "scales": [64, 93]}


@pytest.mark.parametrize(
    ("batches", "bundle", "scales", "flips"),
    [
        (CROPS, {}, (96,), False),
        (CROPS, {"scales": [64, 80]}, (64, 80), False),
        (CROPS, {"scales": [96], "flips": True}, (96,), True),
        (JITTERED, {}, (78,), False),
        (JITTERED, {"scales": [48, 96]}, (48, 96), False),
        ({"crop": 48, "scales": [48, 48]}, {}, (48,), False),
        ({}, {"flips": True}, (96,), True),
        ({"crop": 96}, {"flips": True}, (96,), True),
    ],
)
def test_of_crops_or_in_the_mirror_it_is_evaluated_densely(
    batches: Table, bundle: Table, scales: tuple[int, ...], flips: bool
) -> None:
    recipe = recipe_of(96, batches, bundle)
    network = models.build(recipe.model, recipe.side)
    dense = models.deploy(network, recipe)
    assert isinstance(dense, models.DenseEvaluation)
    assert dense.network is network
    assert (dense.size, dense.side, dense.scales, dense.flips) == (96, recipe.side, scales, flips)


@pytest.mark.parametrize("batches", [{}, {"crop": 96}, {"crop": 96, "scales": [96, 96]}])
def test_what_sees_the_whole_film_is_the_network_itself(batches: Table) -> None:
    recipe = recipe_of(96, batches)
    network = models.build(recipe.model, recipe.side)
    assert models.deploy(network, recipe) is network


@pytest.mark.parametrize(
    ("batches", "scales", "says"),
    [
        (
            {},
            [96],
            "bundle.scales are for a network that is trained on crops: name batches.crop too, or omit them",
        ),
        (CROPS, [63], r"63 is not between the crop's 64 pixels \(batches.crop\) and the film's 96 \(pixels.size\)"),
        (CROPS, [64, 97], "97 is not between the crop's 64 pixels"),
        (JITTERED, [40, 64], "40 is not between the crop's 48 pixels"),
        (CROPS, [80, 96, 80], "bundle: scales names a side twice: 80, 96, 80"),
        (CROPS, [8], "bundle.scales"),
    ],
)
def test_scales_that_hold_no_crop_or_no_film_are_refused(batches: Table, scales: list[int], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        recipe_of(96, batches, {"scales": scales})


def test_in_parts_says_what_the_network_says_of_the_whole_batch() -> None:
    seen = []

    class Doubles(torch.nn.Module):
        def forward(self, films: torch.Tensor) -> torch.Tensor:
            seen.append(len(films))
            return 2 * films

    films = torch.rand(7, 3)
    torch.testing.assert_close(models.InParts(Doubles(), 3)(films), 2 * films, rtol=0, atol=0)
    assert seen == [3, 3, 1]
