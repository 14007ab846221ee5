"""A system learns from train films alone, and judges films as its pipeline judges their numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from sklearn.metrics import roc_auc_score

from hilum import films, pixels
from hilum.classical import describe
from hilum.classical.fit_system import fit_decisions, fit_system
from hilum.errors import HilumError, LayoutError, RecipeError, RequestError
from hilum.records import Manifest
from tests.classical.made import CLASSES, Made, make, recipe_of
from tests.conftest import ChestFolder

pytestmark = pytest.mark.usefixtures("as_kept")


def squares_of(made: Made, split: str) -> np.ndarray:
    part = made.manifest.split(split)
    cache = pixels.cache(part, made.recipe.pixels)
    return cache.films[cache.rows(part)]


def test_a_system_judges_what_its_pipeline_says_of_described_films(made: Made) -> None:
    squares = squares_of(made, "val")
    probs, notes = made.fitted.system.predict(squares)
    numbers = describe(squares, made.fitted.system.spec).numbers
    np.testing.assert_allclose(probs, made.fitted.system.pipeline.predict_proba(numbers), atol=1e-6)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert len(notes) == 24


def test_validation_chooses_and_is_judged_by_what_was_learnt(made: Made) -> None:
    probs, _ = made.fitted.system.predict(squares_of(made, "val"))
    val = made.manifest.split("val")
    labels = films.labels_of(val, CLASSES)
    chosen = fit_decisions(made.fitted.system, val, pixels.cache(val, made.recipe.pixels), CLASSES, made.recipe)
    assert chosen.metrics["auroc"].value == pytest.approx(roc_auc_score(labels, probs[:, 1]))
    assert chosen.operating_point.chosen_on == "24 validation films"


def test_validation_films_are_not_learnt_from(made: Made) -> None:
    wrong = {"NORMAL": "PNEUMONIA", "PNEUMONIA": "NORMAL"}
    swapped = [replace(film, label=wrong[film.label]) if film.split == "val" else film for film in made.manifest]
    manifest = Manifest(tuple(swapped))
    again = fit_system(manifest, pixels.cache(manifest, made.recipe.pixels), CLASSES, made.recipe)
    squares = squares_of(made, "val")
    np.testing.assert_array_equal(again.system.predict(squares)[0], made.fitted.system.predict(squares)[0])


def test_the_history_says_what_was_tried_and_how_long_it_took(made: Made) -> None:
    *tried, chosen, fitted = made.fitted.history
    assert [row["strength"] for row in tried] == [0.1, 1.0]
    assert all(0 <= row["folds_auroc"] <= 1 and row["seconds"] > 0 for row in tried)
    assert chosen.keys() == {"choice", "nested_auroc"}
    assert fitted.keys() == {"seconds"}


def test_a_network_that_evolved_tells_its_generations_and_keeps_none(made: Made) -> None:
    few = {"generations": 2, "population": 6, "epochs": 5}
    recipe = recipe_of(reduce=["pca"], components=[5], classifier="genetic", genetic=few, folds=0, strengths=[1.0])
    fitted = fit_system(made.manifest, pixels.cache(made.manifest, recipe.pixels), CLASSES, recipe)
    assert [row["generation"] for row in fitted.history if "generation" in row] == [0, 1, 2]
    assert [row["epoch"] for row in fitted.history if "epoch" in row] == [1, 2, 3, 4, 5]
    assert fitted.system.pipeline[-1].history_ == []


def test_numbers_that_are_not_finite_are_refused_and_give_no_nan(made: Made) -> None:
    numbers = np.full((1, 256), np.nan, dtype=np.float32)
    with pytest.raises(HilumError, match="NaN or infinite numbers; it cannot be predicted"):
        made.fitted.system.probs_of(numbers)


def test_an_even_film_is_judged_and_noted(made: Made) -> None:
    probs, notes = made.fitted.system.predict(np.full((1, 64, 64), 90, dtype=np.uint8))
    assert np.isfinite(probs).all()
    assert "lungs not found" in notes[0]


def test_films_that_are_all_even_teach_nothing(made: Made, chest_folder: ChestFolder) -> None:
    cache = pixels.cache(made.manifest, made.recipe.pixels)
    even = pixels.PixelCache(np.full_like(cache.films, 90), cache.row_of)
    recipe = recipe_of(steps=[], side=17)  # described anew
    with pytest.raises(RequestError, match="all 24 training films give the same 289 numbers"):
        fit_system(made.manifest, even, CLASSES, recipe)


def test_fewer_patients_of_a_class_than_folds(made: Made) -> None:
    with pytest.raises(LayoutError, match=r"7 folds need as many patients of NORMAL.* set classical\.folds=6"):
        fit_system(made.manifest, pixels.cache(made.manifest, made.recipe.pixels), CLASSES, recipe_of(folds=7))


@pytest.mark.parametrize(
    ("classical", "says"),
    [
        ({"templates": {"per_class": 9}}, "9 medoids of NORMAL"),
        ({"reduce": ["pca"], "components": [30]}, "pca cannot leave 30 numbers of 8 films in cross-validation"),
    ],
)
def test_too_few_films_are_refused_by_name(made: Made, classical: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        fit_system(made.manifest, pixels.cache(made.manifest, made.recipe.pixels), CLASSES, recipe_of(**classical))


def test_weights_of_another_number_of_classes(made: Made) -> None:
    recipe = recipe_of()
    wrong = structs.replace(recipe, training=structs.replace(recipe.training, class_weights=(1.0, 1.0, 1.0)))
    with pytest.raises(RecipeError, match=r"training\.class_weights: 3 weights for the 2 classes"):
        fit_system(made.manifest, pixels.cache(made.manifest, recipe.pixels), CLASSES, wrong)


def test_the_same_recipe_gives_the_same_system(made: Made, tmp_path: Path) -> None:
    again = make(made.recipe, made.manifest, tmp_path / "bundle")
    squares = squares_of(made, "val")
    np.testing.assert_array_equal(again.fitted.system.predict(squares)[0], made.fitted.system.predict(squares)[0])
