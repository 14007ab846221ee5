"""On the real films, where they are: minutes, not seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hilum import films
from hilum.cli import train
from hilum.recipe import read_recipe
from hilum.records import Manifest

RECIPE = Path(__file__).parents[2] / "recipes" / "hilum.toml"


@pytest.mark.slow
def test_one_seed_gives_identical_weights_and_learns(shared: Path, tmp_path: Path) -> None:
    manifest = films.index(shared / "data" / "chest_xray")
    # Every third film: enough to learn from within two epochs.
    part = Manifest(manifest.films[::3])
    recipe = read_recipe(RECIPE, ["training.epochs=2", "bundle.operating_views=1"])
    first, second = (load_file(train.run(recipe, part, tmp_path / name) / "weights.safetensors") for name in "ab")
    torch.testing.assert_close(first, second, rtol=0, atol=0)
