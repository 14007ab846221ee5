"""On the real films, where they are: minutes, not seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hilum import films
from hilum.bundle import read
from hilum.recipe import read_recipe
from hilum.records import Manifest
from hilum.workflows.train_network import fit_network, write_bundle


@pytest.mark.slow
def test_one_seed_gives_identical_weights_and_learns(shared: Path, tmp_path: Path) -> None:
    manifest = films.index(shared / "data" / "chest_xray")
    # Every third film: enough to learn from within two epochs.
    part = Manifest(manifest.films[::3])
    recipe = read_recipe("s1-robust", ["training.epochs=2", "bundle.operating_views=1"])
    first, second = (
        load_file(write_bundle(fit_network(recipe, part, tmp_path / name)) / "weights.safetensors") for name in "ab"
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.slow
def test_imagenets_frozen_trunk_tells_normal_from_pneumonia(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S2 in small: smaller films, every sixth of them."""
    monkeypatch.setenv("HILUM_WEIGHTS", str(shared / "weights"))
    part = Manifest(films.index(shared / "data" / "chest_xray").films[::6])
    smaller = ["pixels.size=128", "batches.crop=96", "batches.scales=[104, 128]", "transfer.views=1"]
    recipe = read_recipe("s2-vgg16", [*smaller, "training.epochs=3"])
    spec = read(write_bundle(fit_network(recipe, part, tmp_path / "s2"))).spec
    assert spec.recipe.weights.sha256, "which weights it was is kept"
    auroc = spec.metrics["auroc"].value
    assert auroc is not None
    assert auroc > 0.97
