"""A system that was fitted on generated films, and its bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hilum import pixels
from hilum.bundle import Bundle
from hilum.bundle.write import write
from hilum.classical.fit_system import FittedSystem, fit_decisions, fit_system
from hilum.classical.payload import PipelinePayload
from hilum.files import sha256_of
from hilum.recipe import Recipe, parse_recipe
from hilum.records import Film, Manifest
from tests.conftest import WriteFilm

CLASSES = ("NORMAL", "PNEUMONIA")
CLASSICAL: dict[str, Any] = {
    "steps": ["frame"],
    "side": 16,
    "reduce": ["templates"],
    "components": [0],
    "templates": {"per_class": 2, "reach": 0.1},
    "strengths": [0.1, 1.0],
    "folds": 3,
}


class Made(NamedTuple):
    """What was fitted, from which films, and the bundle of it."""

    recipe: Recipe
    manifest: Manifest
    fitted: FittedSystem
    bundle: Bundle


def recipe_of(**classical: Any) -> Recipe:
    """A recipe with other choices of `[classical]`."""
    table = {"name": "tiny", "data": "Nobody's films.", "pixels": {"size": 64}}
    return parse_recipe({**table, "classical": {**CLASSICAL, **classical}}, "test")


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory, write_film: WriteFilm) -> Manifest:
    """24 train films of 12 patients and 24 val films of as many, half of each with denser lungs."""
    folder, listed = tmp_path_factory.mktemp("films"), []
    for number in range(48):
        ill, split = number % 4 > 1, "train" if number < 24 else "val"
        path = write_film(folder / f"{number}.png", number, opacity=0.8 * ill, size=(80, 64))
        patient = str(number // 2 if split == "train" else number)
        listed.append(Film(str(path), CLASSES[ill], patient=patient, split=split, sha256=sha256_of(path)))
    return Manifest(tuple(listed))


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where these films are decoded and described once."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def made(manifest: Manifest, kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Learnt once; a test that changes a byte copies the bundle first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HILUM_CACHE", str(kept))
        return make(recipe_of(), manifest, tmp_path_factory.mktemp("made") / "bundle")


@pytest.fixture
def as_kept(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The films need not be described again."""
    monkeypatch.setenv("HILUM_CACHE", str(kept))


def make(recipe: Recipe, manifest: Manifest, folder: Path) -> Made:
    """Fit on the train films, choose on the val films, and write the bundle."""
    cache = pixels.cache(manifest, recipe.pixels)
    fitted = fit_system(manifest, cache, CLASSES, recipe)
    chosen = fit_decisions(fitted.system, manifest.split("val"), cache, CLASSES, recipe)
    bundle = write(
        PipelinePayload(fitted.system),
        folder,
        recipe=recipe,
        classes=CLASSES,
        manifest=manifest,
        decisions=chosen,
        gate=None,
        history=fitted.history,
    )
    return Made(recipe, manifest, fitted, bundle)
