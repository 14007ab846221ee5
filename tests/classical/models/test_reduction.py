"""Every reduction leaves as many numbers as it is told, of new films too."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import Isomap

from hilum.classical.models import reduction
from hilum.classical.models.reduction import LandmarkIsomap, OneScale, reducer
from tests.classical.simulated import training_set

FILMS, NEW = training_set(seed=0), training_set(films=30, seed=1)


@pytest.mark.parametrize(("name", "components", "left"), [("pca", 5, 5), ("lda", 0, 1), ("kernel-pca", 7, 7),
                                                          ("isomap", 3, 3)])  # fmt: skip
def test_maps_new_films(name: str, components: int, left: int) -> None:
    fitted = reducer(name, components, seed=0).fit(FILMS.numbers, FILMS.labels)
    mapped = fitted.transform(NEW.numbers)
    assert mapped.shape == (30, left)
    assert np.isfinite(mapped).all()


def alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far the axes are the same but for their direction, (components,)."""
    return np.abs([np.corrcoef(a, b)[0, 1] for a, b in zip(one.T, other.T, strict=True)])


def test_pca_is_the_singular_value_decomposition() -> None:
    mean = FILMS.numbers.mean(axis=0)
    axes = np.linalg.svd(FILMS.numbers - mean, full_matrices=False)[2][:3]
    mapped = reducer("pca", 3, seed=0).fit(FILMS.numbers, FILMS.labels).transform(NEW.numbers)
    assert alike(mapped, (NEW.numbers - mean) @ axes.T).min() > 0.9999


def test_kernel_pca_is_that_of_a_gaussian_as_wide_as_the_numbers() -> None:
    numbers = FILMS.numbers.astype(np.float64)
    squared = ((numbers[:, None] - numbers) ** 2).sum(axis=2)
    kernel = np.exp(-squared / numbers.shape[1])
    middle = np.eye(len(kernel)) - 1 / len(kernel)
    _, vectors = np.linalg.eigh(middle @ kernel @ middle)
    fitted = reducer("kernel-pca", 3, seed=0).fit(FILMS.numbers, FILMS.labels)
    assert alike(fitted.transform(FILMS.numbers), vectors[:, ::-1][:, :3]).min() > 0.999


def test_lda_finds_the_direction_that_parts_the_classes() -> None:
    many = training_set(films=5000)
    shift = reducer("lda", 0, seed=0).fit(many.numbers, many.labels).transform(NEW.numbers)[:, 0]
    apart = NEW.numbers[:, 1] - NEW.numbers[:, 0]
    assert abs(np.corrcoef(shift, apart)[0, 1]) > 0.98


def test_isomap_of_few_films_is_scikit_learns() -> None:
    expected = Isomap(n_neighbors=10, n_components=2).fit(FILMS.numbers).transform(NEW.numbers)
    ours = LandmarkIsomap(2).fit(FILMS.numbers).transform(NEW.numbers)
    assert alike(ours, expected).min() > 0.999


def test_isomap_of_many_films_keeps_landmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "LANDMARKS", 100)
    fitted = LandmarkIsomap(2).fit(FILMS.numbers)
    assert fitted.isomap_.dist_matrix_.shape == (100, 100)
    assert fitted.transform(NEW.numbers).shape == (30, 2)


def test_one_scale_keeps_proportions() -> None:
    numbers = np.array([[1, 10], [3, -10]], dtype=np.float32)
    scaled = OneScale().fit(numbers).transform(numbers)
    assert scaled.std() == pytest.approx(1)
    np.testing.assert_allclose(scaled[:, 1] / scaled[:, 0], numbers[:, 1] / numbers[:, 0])
    even = np.ones((3, 2), dtype=np.float32)
    np.testing.assert_array_equal(OneScale().fit(even).transform(even), even)
