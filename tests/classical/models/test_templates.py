"""A template fits where it is laid best; the fit is the normalised cross-correlation."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.feature import match_template

from hilum.classical.models.templates import TemplateScores
from hilum.pixels import chest_phantom

SIDE = 24


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """Twenty grey films row by row, (20, 576), the last ten with denser lungs."""
    drawn = [chest_phantom(seed, (SIDE, SIDE), opacity=0.8 * (seed >= 10)) for seed in range(20)]
    return np.stack(drawn).reshape(20, -1).astype(np.float32)


LABELS = np.repeat([0, 1], 10)


def slow_fit(film: np.ndarray, template: np.ndarray, reach: int) -> float:
    """The best correlation of a template without its border with any place of the film, by its definition."""
    middle = template[reach : len(template) - reach, reach : len(template) - reach]
    side, best = len(middle), -1.0
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            window = film[row : row + side, column : column + side]
            best = max(best, float(np.corrcoef(window.ravel(), middle.ravel())[0, 1]))
    return best


def test_a_score_is_the_best_correlation_within_reach(films: np.ndarray) -> None:
    matching = TemplateScores("mean", scales=(1.0, 0.5), reach=0.1).fit(films, LABELS)
    scores = matching.transform(films[:4])
    assert scores.shape == (4, 2 * 2)
    squares = films.reshape(-1, SIDE, SIDE)
    means = [squares[label == LABELS].mean(axis=0) for label in (0, 1)]
    half = [cv2.resize(film, (12, 12), interpolation=cv2.INTER_AREA) for film in (*means, *squares[:4])]
    for number in range(4):
        expected = [slow_fit(squares[number], mean, 2) for mean in means]
        expected += [slow_fit(half[2 + number], mean, 1) for mean in half[:2]]
        np.testing.assert_allclose(scores[number], expected, atol=1e-4)


def test_scikit_image_gives_the_same(films: np.ndarray) -> None:
    matching = TemplateScores("mean", scales=(1.0,), reach=0.1).fit(films, LABELS)
    film, template = films[3].reshape(SIDE, SIDE), matching.templates_[1]
    expected = match_template(film, template[2:-2, 2:-2]).max()
    assert matching.transform(films[3:4])[0, 1] == pytest.approx(expected, abs=1e-4)


def test_medoids_are_films_of_their_class(films: np.ndarray) -> None:
    matching = TemplateScores("both", per_class=3, scales=(1.0,), seed=4).fit(films, LABELS)
    assert matching.class_of_.tolist() == sorted(matching.class_of_)
    for template, label in zip(matching.templates_, matching.class_of_, strict=True):
        own = films[label == LABELS]
        is_film = (own == template.ravel()).all(axis=1).any()
        assert is_film or np.allclose(template.ravel(), own.mean(axis=0), atol=1e-6)
    assert 6 <= len(matching.templates_) <= 8
    again = TemplateScores("both", per_class=3, scales=(1.0,), seed=4).fit(films, LABELS)
    np.testing.assert_array_equal(matching.templates_, again.templates_)


def test_a_film_fits_its_own_template_wherever_it_lies_within_reach(films: np.ndarray) -> None:
    matching = TemplateScores("medoids", per_class=10, scales=(1.0,), reach=0.1).fit(films, LABELS)
    film = matching.templates_[0]
    moved = np.roll(film, (2, -1), axis=(0, 1))
    assert matching.transform(moved.reshape(1, -1))[0, 0] == pytest.approx(1, abs=1e-4)
    assert matching.transform(np.roll(film, 7, axis=0).reshape(1, -1))[0, 0] < 0.95


def test_even_grey_fits_nothing() -> None:
    films = np.random.default_rng(0).random((6, 64)).astype(np.float32)
    films[3:] = 0.5
    matching = TemplateScores("mean", scales=(1.0,), reach=0.1).fit(films, np.repeat([0, 1], 3))
    scores = matching.transform(films)
    assert np.isfinite(scores).all()
    assert (scores[:, 1] == 0).all(), "an even template"
    assert (scores[3:] == 0).all(), "an even film"
