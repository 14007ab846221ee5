"""What is measured and stored is the network as it is deployed: on whole films, whatever it learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from torch import nn

from hilum import bundle, films, models, pixels, training
from hilum.bundle.weights import load_model
from hilum.errors import RequestError
from hilum.features import FeatureBatches
from hilum.inference import Detector
from hilum.metrics import auroc, youden_threshold
from hilum.recipe import parse_recipe
from hilum.workflows.train_network import TrainedNetwork, fit_network, write_bundle
from tests.conftest import ChestFolder

COUNTS = {"train": {"normal": 12, "bacteria": 12}, "val": {"normal": 8, "bacteria": 8}}
Tables = dict[str, dict[str, object]]
AUGMENT = {"rotation": 10.0, "flip": 0.5}
CROPS: Tables = {
    "batches": {"size": 8, "crop": 32, "scales": [32, 48], "augment": AUGMENT},
    "bundle": {"weights": "float16", "scales": [32, 48], "flips": True},
}
FROZEN: Tables = {"batches": {"size": 8}, "transfer": {"frozen": "trunk"}, "model": {"head": "linear"}}
# As S2 learns: the dense layers on stored features of the central crop and of drawn ones.
FROZEN_CROPS: Tables = {
    "batches": {"size": 8, "crop": 32, "scales": [36, 48], "augment": {"flip": 0.5, "intensity": 0.1}},
    "transfer": {"frozen": "trunk", "views": 2},
    "model": {"head": "s2"},
}


def train(chest_folder: ChestFolder, tmp_path: Path, tables: Tables) -> TrainedNetwork:
    table = {"name": "r", "pixels": {"size": 48}, "training": {"epochs": 1, "precision": "float32"}, **tables}
    manifest = films.index(chest_folder(COUNTS), cut=False)
    return fit_network(parse_recipe(table, "test"), manifest, tmp_path / "run")


def probs_of(folder: Path, trained: TrainedNetwork) -> np.ndarray:
    """Of the positive class, for every validation film as a person's film is judged."""
    val = trained.manifest.split("val")
    cache = pixels.cache(val, trained.recipe.pixels)
    return Detector(folder).probs(np.asarray(cache.films[cache.rows(val)]))[:, 1]


@pytest.mark.parametrize(
    "tables",
    [CROPS, {**FROZEN, "bundle": {"flips": True}}, FROZEN_CROPS],
    ids=["crops", "frozen-flips", "frozen-crops"],
)
def test_the_threshold_is_chosen_with_the_network_that_is_stored(
    chest_folder: ChestFolder, tmp_path: Path, tables: Tables
) -> None:
    trained = train(chest_folder, tmp_path, tables)
    folder = write_bundle(trained)
    probs, labels = probs_of(folder, trained), np.arange(16) >= 8
    assert [film.label == "PNEUMONIA" for film in trained.manifest.split("val")] == labels.tolist()
    opened = bundle.read(folder)
    assert isinstance(load_model(opened), models.DenseEvaluation)
    assert opened.spec.operating_point.threshold == pytest.approx(youden_threshold(labels, probs), abs=1e-5)
    assert opened.spec.metrics["auroc"].value == pytest.approx(auroc(labels, probs))


def test_drawn_views_are_of_whole_films_too(chest_folder: ChestFolder, tmp_path: Path) -> None:
    views: Tables = {**CROPS, "bundle": {"operating_views": 2}}
    trained = train(chest_folder, tmp_path, views)
    opened = bundle.read(write_bundle(trained))
    assert opened.spec.operating_point.chosen_on == "16 validation films and 2 augmented views of each"
    model = load_model(opened)
    assert isinstance(model, models.DenseEvaluation)
    assert (model.scales, model.flips) == ((40,), False), "the middle of the scales that it learnt from"


def test_stored_features_serve_where_the_network_is_deployed_as_it_learnt(
    chest_folder: ChestFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, judged = train(chest_folder, tmp_path, FROZEN), []
    choose = training.choose_operating_point

    def watched(model: nn.Module, val: FeatureBatches, recipe: object) -> object:
        judged.append((model, val))
        return choose(model, val, recipe)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "choose_operating_point", watched)
    folder = write_bundle(trained)
    assert judged == [(trained.trained_part, trained.val)]
    assert isinstance(trained.val, FeatureBatches)
    assert isinstance(load_model(bundle.read(folder)), models.Network)


def test_a_calibration_that_validation_cannot_give_loses_nothing(chest_folder: ChestFolder, tmp_path: Path) -> None:
    trained = train(chest_folder, tmp_path, {"bundle": {"calibration": "platt"}})
    with pytest.raises(
        RequestError,
        match=r"there are 8, 8; set bundle.calibration=none \(in .*run/recipe.toml; --resume then trains nothing",
    ):
        write_bundle(trained)
    again = replace(trained.recipe, bundle=replace(trained.recipe.bundle, calibration="none"))
    resumed = fit_network(again, trained.manifest, tmp_path / "run", resume=True)
    assert len(resumed.result.history) == 1
    assert (write_bundle(resumed) / "bundle.json").exists()
