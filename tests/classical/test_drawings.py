"""The pictures show sums over many films, and where films lie; never one film."""

from __future__ import annotations

import io

import numpy as np
from benchmarks import classical_drawings as drawings
from PIL import Image

from hilum.classical.models.pipeline import fit_pipeline
from tests.classical.made import CLASSES, Made
from tests.classical.simulated import spec_of, training_set


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_mean_templates_are_drawn_and_medoids_are_not(made: Made) -> None:
    pipeline = made.fitted.system.pipeline
    drawn = drawings.mean_templates(pipeline, CLASSES)
    templates = pipeline["templates"].templates_
    kept = templates.copy()
    try:
        templates[[1, 2, 4, 5]] = 0  # of each class the two medoids behind the mean
        assert drawings.mean_templates(pipeline, CLASSES) == drawn
        templates[0] = 0
        assert drawings.mean_templates(pipeline, CLASSES) != drawn
    finally:
        templates[:] = kept


def test_eigen_films_and_a_direction_between_them() -> None:
    grey = spec_of(describe="grey", side=8, reduce=["pca"], components=[6])
    pipeline = fit_pipeline(training_set(numbers=64), grey, 1, 1.0, seed=0)
    plain = opened(drawings.eigen_films(pipeline, number=4))
    with_direction = opened(drawings.eigen_films(pipeline, np.arange(6.0), number=4))
    assert with_direction.shape[1] > plain.shape[1] > 500
    assert plain.std() > 1


def test_a_map_and_a_curve_are_drawn() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    both = opened(drawings.films_map({"kernel PCA": points, "Isomap": points}, ["a", "b", "c"] * 10))
    assert both.shape[1] > both.shape[0]
    rows = [{"generation": g, "fitness_best": -1 / (g + 1), "fitness_mean": -2.0, "inputs": 9} for g in range(4)]
    assert opened(drawings.fitness([{"choice": 1}, *rows, {"epoch": 1, "train_loss": 0.2}])).std() > 1
