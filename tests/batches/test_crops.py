"""Squares cut out of films of a drawn size, against Pillow's bilinear filter and plain slices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import stats

from hilum.batches.crops import Crops, center_crops, cut, draw_crops, scale
from hilum.pixels import chest_phantom
from hilum.recipe import Batches

SIZE = 64


def films(n: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.stack([chest_phantom(seed, (SIZE, SIZE)) for seed in range(n)]))[:, None]


def drawn(spec: Batches, n: int, seed: int = 0) -> Crops:
    return draw_crops(spec, n, SIZE, torch.Generator().manual_seed(seed))


def scaled_by_pillow(film: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(film).resize((side, side), Image.Resampling.BILINEAR))


def scaled_by_triangles(film: NDArray[np.float32], side: int) -> NDArray[np.float64]:
    """Each new pixel the mean of the old ones under a triangle as wide as two new pixels, or two old ones."""
    weights = np.zeros((side, len(film)))
    step = len(film) / side
    for new in range(side):
        for old in range(len(film)):
            distance = abs((old + 0.5) - (new + 0.5) * step) / max(step, 1)
            weights[new, old] = max(0.0, 1 - distance)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ film.astype(np.float64) @ weights.T


@pytest.mark.parametrize("side", [16, 17, 33, 63, 64, 65, 90, 128])
def test_scaling_is_that_of_pillow_and_of_triangles(side: int) -> None:
    for film, scaled in zip(films()[:, 0].numpy(), scale(films(), side)[:, 0].numpy(), strict=True):
        np.testing.assert_allclose(scaled, scaled_by_pillow(film, side), atol=1e-5)
        np.testing.assert_allclose(scaled, scaled_by_triangles(film, side), atol=1e-5)


def test_a_film_of_the_asked_side_is_itself() -> None:
    assert torch.equal(scale(films(), SIZE), films())


def test_a_crop_is_its_square_of_the_film_scaled_to_its_side() -> None:
    crops = drawn(Batches(crop=24, scales=(32, 60)), 8)
    assert len(set(crops.sides.tolist())) > 4
    for number, square in enumerate(cut(crops, films(8))[:, 0].numpy()):
        side, top, left = (int(values[number]) for values in (crops.sides, crops.tops, crops.lefts))
        scaled = scaled_by_pillow(films(8)[number, 0].numpy(), side)
        np.testing.assert_allclose(square, scaled[top : top + 24, left : left + 24], atol=1e-5)


def test_without_scales_a_crop_is_cut_from_the_film_as_it_is() -> None:
    crops = drawn(Batches(crop=40), 4)
    for film, square, top, left in zip(films(), cut(crops, films()), crops.tops, crops.lefts, strict=True):
        assert torch.equal(square, film[:, top : top + 40, left : left + 40])


def test_a_crop_of_the_films_own_side_is_the_film() -> None:
    assert torch.equal(cut(drawn(Batches(crop=SIZE), 4), films()), films())


@settings(deadline=None)
@given(
    sides=st.lists(st.integers(16, SIZE), min_size=3, max_size=3).map(sorted),
    n=st.integers(0, 20),
    seed=st.integers(0, 2**31),
)
def test_a_crop_lies_within_its_film(sides: list[int], n: int, seed: int) -> None:
    crop, low, high = sides
    crops = drawn(Batches(crop=crop, scales=(low, high)), n, seed)
    assert len(crops.sides) == len(crops.tops) == len(crops.lefts) == n
    assert ((crops.sides >= low) & (crops.sides <= high)).all()
    for starts in (crops.tops, crops.lefts):
        assert ((starts >= 0) & (starts + crop <= crops.sides)).all()


def test_sides_are_drawn_evenly_and_squares_anywhere() -> None:
    crops = drawn(Batches(crop=16, scales=(20, 27)), 16000)
    assert stats.chisquare(np.bincount(crops.sides.numpy() - 20, minlength=8)).pvalue > 0.001
    smallest = crops.sides == 20
    places = crops.tops[smallest] * 5 + crops.lefts[smallest]
    assert stats.chisquare(np.bincount(places.numpy(), minlength=25)).pvalue > 0.001


def test_the_same_generator_draws_the_same_squares() -> None:
    spec = Batches(crop=16, scales=(20, 60))
    first, second, other = drawn(spec, 6), drawn(spec, 6), drawn(spec, 6, seed=1)
    assert torch.equal(cut(first, films(6)), cut(second, films(6)))
    assert not torch.equal(cut(first, films(6)), cut(other, films(6)))


@pytest.mark.parametrize("scales", [None, (40, 60), (33, 64)])
def test_the_middle_crop_is_as_far_from_every_border(scales: tuple[int, int] | None) -> None:
    side = (scales[0] + scales[1]) // 2 if scales else SIZE
    for film, square in zip(
        films()[:, 0].numpy(),
        cut(center_crops(Batches(crop=24, scales=scales), 4, SIZE), films())[:, 0].numpy(),
        strict=True,
    ):
        border = (side - 24) // 2
        assert side - 24 - border in (border, border + 1)
        expected = scaled_by_pillow(film, side)[border : border + 24, border : border + 24]
        np.testing.assert_allclose(square, expected, atol=1e-5)


def test_a_part_of_the_crops_cuts_that_part_of_the_films() -> None:
    crops = drawn(Batches(crop=24, scales=(32, 60)), 8)
    whole = cut(crops, films(8))
    for rows in (slice(0, 2), slice(2, 8), slice(4, 4)):
        assert torch.equal(cut(crops.rows(rows), films(8)[rows]), whole[rows])
