"""A bundle of an untrained network: what is tested here does not depend on what it learnt."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hilum import models
from hilum.bundle import Bundle, OperatingPoint
from hilum.bundle.onnx_export import round_weights
from hilum.bundle.write import write
from hilum.recipe import Recipe, parse_recipe
from hilum.records import Figure, Film, Manifest

FILMS = (
    Film("a.png", "NORMAL", "", "IM-1", "train", "00"),
    Film("b.png", "PNEUMONIA", "virus", "person1_virus", "train", "01"),
    Film("c.png", "NORMAL", "", "IM-2", "val", "02"),
    Film("d.png", "PNEUMONIA", "bacteria", "person2_bacteria", "val", "03"),
)


def recipe_of(weights: str = "float16") -> Recipe:
    table = {"name": "tiny", "data": "Nobody's films.", "pixels": {"size": 32}, "bundle": {"weights": weights}}
    return parse_recipe(table, "test")


def make(folder: Path, weights: str = "float16", seed: int = 0) -> Bundle:
    recipe = recipe_of(weights)
    torch.manual_seed(seed)
    model = models.build(recipe.model, 32).eval()
    if weights == "float16":
        round_weights(model)
    return write(
        model,
        folder,
        recipe=recipe,
        classes=("NORMAL", "PNEUMONIA"),
        manifest=Manifest(FILMS),
        operating_point=OperatingPoint(0.4, "youden", "2 validation films"),
        figures={"auroc": Figure(0.9, 0.8, 1.0), "f1": Figure(None)},
        history=[{"epoch": 1, "val_loss": 0.5}],
    )


@pytest.fixture(scope="session")
def session_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written once; a test that changes a byte copies it first."""
    return make(tmp_path_factory.mktemp("session") / "bundle").folder
