"""A bundle of an untrained network: what is tested here does not depend on what it learnt."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch

from hilum import models
from hilum.bundle import Bundle, Decisions, OperatingPoint
from hilum.bundle.network_payload import NetworkPayload
from hilum.bundle.onnx_export import round_weights
from hilum.bundle.write import write
from hilum.confidence import Calibration
from hilum.lungs import LungFinder
from hilum.recipe import Recipe, parse_recipe
from hilum.records import Figure, Film, Manifest

FILMS = (
    Film("a.png", "NORMAL", "", "IM-1", "train", "00"),
    Film("b.png", "PNEUMONIA", "virus", "person1_virus", "train", "01"),
    Film("c.png", "NORMAL", "", "IM-2", "val", "02"),
    Film("d.png", "PNEUMONIA", "bacteria", "person2_bacteria", "val", "03"),
)


THREE = ("NORMAL", "bacteria", "virus")


def recipe_of(weights: str = "float16") -> Recipe:
    table = {"name": "tiny", "data": "Nobody's films.", "pixels": {"size": 32}, "bundle": {"weights": weights}}
    return parse_recipe(table, "test")


def make(folder: Path, weights: str = "float16", seed: int = 0) -> Bundle:
    """A bundle of two classes."""
    point = OperatingPoint(0.4, "youden", "2 validation films")
    figures = {"auroc": Figure(0.9, 0.8, 1.0), "f1": Figure(None)}
    return _make(folder, recipe_of(weights), ("NORMAL", "PNEUMONIA"), seed, point, figures)


def make_of(folder: Path, architecture: str, normalise: str = "film", seed: int = 0) -> Bundle:
    """A bundle of two classes by another network."""
    recipe = recipe_of()
    model = msgspec.structs.replace(recipe.model, name=architecture, normalise=normalise)
    point = OperatingPoint(0.4, "youden", "2 validation films")
    recipe = msgspec.structs.replace(recipe, model=model)
    return _make(folder, recipe, ("NORMAL", "PNEUMONIA"), seed, point, {"auroc": Figure(0.9)})


def make_of_lungs(folder: Path, lungs: LungFinder | None = None) -> Bundle:
    """A bundle of two classes whose films are cropped to the lungs."""
    recipe = recipe_of()
    pixels = msgspec.structs.replace(recipe.pixels, region="lungs", grey_from="lungs")
    recipe = msgspec.structs.replace(recipe, pixels=pixels)
    point = OperatingPoint(0.4, "youden", "2 validation films")
    return _make(folder, recipe, ("NORMAL", "PNEUMONIA"), 0, point, {"auroc": Figure(0.9)}, lungs)


def make_three(folder: Path, seed: int = 0) -> Bundle:
    """A bundle that tells causes apart."""
    recipe = msgspec.structs.replace(recipe_of(), labels="subtype")
    point = OperatingPoint(None, "argmax", "nothing: the most probable class is predicted")
    figures = {"auroc": Figure(0.9, 0.8, 1.0), "accuracy": Figure(0.7), "auroc/NORMAL": Figure(0.95)}
    figures |= {"auroc/bacteria": Figure(0.85), "auroc/virus": Figure(None)}
    return _make(folder, recipe, THREE, seed, point, figures)


def _make(
    folder: Path,
    recipe: Recipe,
    classes: tuple[str, ...],
    seed: int,
    point: OperatingPoint,
    figures: dict[str, Figure],
    lungs: LungFinder | None = None,
) -> Bundle:
    torch.manual_seed(seed)
    model = models.build(recipe.model, 32, len(classes))
    if recipe.bundle.weights == "float16":
        round_weights(model)
    return write(
        NetworkPayload([model], recipe, lungs=lungs),
        folder,
        recipe=recipe,
        classes=classes,
        manifest=Manifest(FILMS).labelled_by(recipe.labels),
        decisions=Decisions(point, Calibration(), None, None, figures),
        gate=None,
        history=[{"epoch": 1, "val_loss": 0.5}],
        lungs=lungs,
    )


@pytest.fixture(scope="session")
def session_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written once; a test that changes a byte copies it first."""
    return make(tmp_path_factory.mktemp("session") / "bundle").folder
