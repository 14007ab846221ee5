"""From a decoded film to the model's square."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.pixels import chest_phantom, preprocess
from hilum.recipe import Pixels

FILM = chest_phantom(1, (150, 210))


def reduced(values: Any, size: int) -> Any:
    """Antialiased bilinear reduction along the first axis: a triangle as wide as two output pixels."""
    scale = len(values) / size
    reach = max(scale, 1.0)
    rows = []
    for row in range(size):
        centre = (row + 0.5) * scale
        weights = np.maximum(0, 1 - np.abs(np.arange(len(values)) + 0.5 - centre) / reach)
        rows.append(np.tensordot(weights / weights.sum(), values, axes=1))
    return np.array(rows)


def square(film: Any, height: int, width: int) -> Any:
    return np.rint(reduced(reduced(film.astype(np.float64), height).T, width).T * 255)


def close(films: Any, expected: Any) -> None:
    """Within one level, which rounding in another order may change."""
    assert np.abs(films.astype(np.int64) - expected).max() <= 1


@pytest.mark.parametrize("size", [32, 128, 300])
def test_squash_is_antialiased_in_both_axes(size: int) -> None:
    films = preprocess(FILM, Pixels(size=size))
    assert films.dtype == np.uint8
    assert films.shape == (size, size)
    close(films, square(FILM, size, size))


def test_fine_stripes_become_grey_and_no_pattern() -> None:
    stripes = np.tile(np.array([0.0, 1.0], dtype=np.float32), (512, 256))
    for film in (stripes, stripes.T):
        assert np.ptp(preprocess(film, Pixels(size=64))[2:-2, 2:-2]) <= 2


def test_pad_keeps_the_aspect_and_fills_with_black() -> None:
    films = preprocess(FILM, Pixels(size=70, resize="pad"))
    close(films[10:60], square(FILM, 50, 70))
    assert not films[:10].any()
    assert not films[60:].any()


def test_crop_takes_the_middle_square() -> None:
    close(preprocess(FILM, Pixels(size=50, resize="crop")), square(FILM[:, 30:180], 50, 50))


def test_the_border_is_cut_before_anything_else() -> None:
    spec = Pixels(size=64, crop=0.1)
    np.testing.assert_array_equal(preprocess(FILM, spec), preprocess(FILM[15:135, 21:189], Pixels(size=64)))


def test_a_film_of_the_right_size_is_only_rounded() -> None:
    film = chest_phantom(2, (64, 64))
    np.testing.assert_array_equal(preprocess(film, Pixels(size=64)), np.rint(film * 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("how", "reference"),
    [
        ("median", lambda film: cv2.medianBlur(film, 3)),
        ("gaussian", lambda film: cv2.GaussianBlur(film, (0, 0), 1.0)),
        ("nlm", lambda film: cv2.fastNlMeansDenoising(np.rint(film * 255).astype(np.uint8)) / 255),
    ],
)
def test_denoising_comes_before_resizing(how: Any, reference: Any) -> None:
    close(preprocess(FILM, Pixels(size=48, denoise=how)), square(reference(FILM), 48, 48))


def test_the_median_removes_a_dead_pixel_and_keeps_an_edge() -> None:
    film = np.zeros((64, 64), dtype=np.float32)
    film[:, 32:] = 1
    damaged = film.copy()
    damaged[10, 10] = 1
    spec = Pixels(size=64, denoise="median")
    np.testing.assert_array_equal(preprocess(damaged, spec), np.rint(film * 255))


def test_clahe_comes_last() -> None:
    plain = preprocess(FILM, Pixels(size=64))
    expected = cv2.createCLAHE(2.0, (8, 8)).apply(plain)
    np.testing.assert_array_equal(preprocess(FILM, Pixels(size=64, equalise="clahe")), expected)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    size=st.integers(16, 70),
    resize=st.sampled_from(["squash", "pad", "crop"]),
    crop=st.floats(0, 0.4),
    denoise=st.sampled_from(["none", "median", "gaussian", "nlm"]),
    equalise=st.sampled_from(["none", "clahe"]),
)
def test_any_film_and_any_recipe_give_a_square(height: int, width: int, **spec: Any) -> None:
    film = np.random.default_rng(1).random((height, width), dtype=np.float32)
    films = preprocess(film, Pixels(**spec))
    assert films.shape == (spec["size"], spec["size"])
    assert films.dtype == np.uint8


@pytest.mark.parametrize("shape", [(16, 1_000_000), (1_000_000, 16)])
@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
def test_a_strip_does_not_burst_the_memory(shape: tuple[int, int], resize: Any) -> None:
    assert preprocess(np.ones(shape, np.float32), Pixels(size=128, resize=resize, crop=0.4)).max() == 255


def test_what_is_not_a_film_is_a_mistake_of_the_caller() -> None:
    for wrong in (np.zeros((4, 4, 3), np.float32), np.zeros((0, 4), np.float32)):
        with pytest.raises(ValueError, match=r"a film is \(height, width\)"):
            preprocess(wrong, Pixels())
