"""What happens to a film, each operation against numpy, SciPy, OpenCV or a slow loop."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hilum.batches import operations
from hilum.pixels import chest_phantom


def films(n: int = 6, size: tuple[int, int] = (48, 56)) -> torch.Tensor:
    """Phantoms that differ in brightness and contrast, no grey value twice in one of them."""
    grey = np.stack([chest_phantom(seed, size) * (0.4 + 0.1 * seed) + 0.05 * seed for seed in range(n)])
    return torch.from_numpy((grey + np.random.default_rng(0).normal(0, 0.01, grey.shape)).astype(np.float32)).clamp(
        0, 1
    )[:, None]


def test_films_move_as_torchs_own_grid_says_and_what_lies_outside_is_black_where_asked() -> None:
    generator = torch.Generator().manual_seed(3)
    given = torch.rand(4, 1, 24, 40, generator=generator)
    affine = torch.eye(2, 3) + 0.4 * torch.randn(4, 2, 3, generator=generator)
    black = torch.tensor([True, False, True, False])
    grid = torch.nn.functional.affine_grid(affine, list(given.shape), align_corners=False)
    expected = torch.nn.functional.grid_sample(given, grid, padding_mode="reflection", align_corners=False)
    expected[black] *= (grid.abs() <= 1).all(dim=-1)[black][:, None]
    torch.testing.assert_close(operations.move(given, affine, black), expected, atol=1e-5, rtol=0)
    assert (expected[black] == 0).any()


def test_a_shift_of_intensity_is_alexnets_along_the_principal_colours() -> None:
    """Krizhevsky et al., NIPS 2012, section 4.1: [p1, p2, p3][α1λ1, α2λ2, α3λ3]ᵀ is added to each pixel."""
    draws = np.random.default_rng(1).normal(0, 1.5, (6, 3))
    shifted = operations.shift_intensity(films(), torch.from_numpy(draws[:, 2]).float())
    for film, ours, draw in zip(films()[:, 0].numpy(), shifted[:, 0].numpy(), draws, strict=True):
        colours = np.repeat(film.reshape(1, -1).astype(np.float64), 3, axis=0)
        values, vectors = np.linalg.eigh(np.cov(colours, bias=True))  # the principal component comes last
        vectors[:, 2] *= np.sign(vectors[:, 2].sum())  # either end of a component is as good
        expected = np.clip(colours + (vectors @ (draw * values))[:, None], 0, 1)
        for channel in expected:
            np.testing.assert_allclose(ours.ravel(), channel, atol=1e-6)


def test_a_flat_film_has_no_principal_component_to_shift_along() -> None:
    flat = torch.full((2, 1, 16, 16), 0.3)
    torch.testing.assert_close(operations.shift_intensity(flat, torch.tensor([3.0, -3.0])), flat)


def test_a_matched_film_has_its_neighbours_grey_values_in_the_order_of_its_own() -> None:
    matched = operations.match_partner(films(), torch.ones(6, dtype=torch.bool))
    for number, ours in enumerate(matched[:, 0].numpy()):
        film, neighbour = films()[number, 0].numpy(), films()[number ^ 1, 0].numpy()
        ranks = stats.rankdata(film, method="ordinal", axis=None) - 1
        expected = np.quantile(neighbour, ranks / (film.size - 1), method="linear").reshape(film.shape)
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_matching_is_histogram_specification_by_distribution_functions() -> None:
    """Gonzalez & Woods, section 3.3: G⁻¹(T(r)), with both films' cumulative distributions."""
    film, neighbour = films(2)[:, 0].numpy()
    matched = operations.match_partner(films(2), torch.tensor([True, False]))[0, 0].numpy()
    values, inverse, counts = np.unique(film, return_inverse=True, return_counts=True)
    theirs, their_counts = np.unique(neighbour, return_counts=True)
    distribution, their_distribution = np.cumsum(counts) / film.size, np.cumsum(their_counts) / neighbour.size
    expected = np.interp(distribution, their_distribution, theirs)[inverse].reshape(film.shape)
    assert len(values) > 0.9 * film.size
    assert np.abs(matched - expected).max() < 0.01
    assert np.abs(matched - expected).mean() < 1e-4


def test_films_that_match_one_another_swap_their_histograms() -> None:
    both = operations.match_partner(films(2), torch.tensor([True, True]))
    for number in (0, 1):
        assert torch.equal(both[number].ravel().sort().values, films(2)[1 - number].ravel().sort().values)


def test_only_the_films_that_are_chosen_are_matched() -> None:
    where = torch.tensor([True, False, False, True, False, False])
    matched = operations.match_partner(films(), where)
    assert [not torch.equal(one, other) for one, other in zip(matched, films(), strict=True)] == where.tolist()


def test_a_last_film_without_a_neighbour_keeps_its_histogram() -> None:
    assert torch.equal(operations.match_partner(films(5), torch.ones(5, dtype=torch.bool))[4], films(5)[4])


def test_equal_grey_values_take_the_neighbours_in_the_order_of_their_places() -> None:
    flat, neighbour = torch.full((1, 1, 2, 2), 0.5), torch.tensor([[[[0.4, 0.1], [0.3, 0.2]]]])
    matched = operations.match_partner(torch.cat([flat, neighbour]), torch.tensor([True, False]))
    assert matched[0].ravel().tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])


SIGMAS = torch.tensor([0.2, 0.5, 1.0, 1.9, 3.3, 5.0])


def test_blur_is_opencvs_with_each_kernel_cut_at_its_own_three_sigmas() -> None:
    blurred = operations.blur(films(), SIGMAS)
    for film, ours, sigma in zip(films()[:, 0].numpy(), blurred[:, 0].numpy(), SIGMAS.tolist(), strict=True):
        side = 2 * math.ceil(3 * sigma) + 1
        expected = cv2.GaussianBlur(film, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
        np.testing.assert_allclose(ours, expected, atol=2e-6)


def test_a_film_is_blurred_to_the_bit_alike_in_any_batch() -> None:
    together = operations.blur(films(), SIGMAS)
    for number in range(6):
        alone = operations.blur(films()[number : number + 1], SIGMAS[number : number + 1])
        assert torch.equal(together[number], alone[0])


def test_sharpening_is_an_unsharp_mask_of_opencv() -> None:
    amounts = torch.tensor([0.0, 0.3, 1.0, 2.0, 5.0, 10.0])
    sharpened = operations.sharpen(films(), amounts)
    for film, ours, amount in zip(films()[:, 0].numpy(), sharpened[:, 0].numpy(), amounts.tolist(), strict=True):
        soft = cv2.GaussianBlur(film, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT_101)
        expected = cv2.addWeighted(film, 1 + amount, soft, -amount, 0)
        np.testing.assert_allclose(ours, expected.clip(0, 1), atol=3e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 5), min_size=1, max_size=4))
def test_erasing_fills_a_box_with_one_grey(boxes: list[tuple[float, ...]]) -> None:
    before = films(len(boxes), (16, 21))
    erased = operations.erase(before, torch.tensor(boxes))
    expected = before.clone()
    for film, (top, left, bottom, right, grey) in zip(expected, boxes, strict=True):
        for row in range(16):
            for column in range(21):
                down, across = np.float32(row + 0.5) / np.float32(16), np.float32(column + 0.5) / np.float32(21)
                if top <= down < bottom and left <= across < right:
                    film[0, row, column] = grey
    assert torch.equal(erased, expected)


def test_no_operation_changes_the_films_that_it_is_given() -> None:
    given_films = films()
    strengths, where = torch.full((6,), 0.5), torch.ones(6, dtype=torch.bool)
    operations.shift_intensity(given_films, strengths)
    operations.blur(given_films, strengths)
    operations.sharpen(given_films, strengths)
    operations.match_partner(given_films, where)
    operations.erase(given_films, torch.full((6, 5), 0.5) * torch.tensor([0, 0, 1, 1, 1]))
    assert torch.equal(given_films, films())


@settings(max_examples=25, deadline=None)
@given(
    grey=st.floats(0, 1, width=32),
    shift=st.floats(-5, 5, width=32),
    sigma=st.floats(0.2, 5),
    amount=st.floats(0, 10, width=32),
)
def test_films_stay_between_0_and_1(grey: float, shift: float, sigma: float, amount: float) -> None:
    spotted = torch.full((2, 1, 16, 20), grey)
    spotted[:, :, 3:5, 4:9], spotted[:, :, 10, 10] = 1.0, 0.0
    for changed in (
        operations.shift_intensity(spotted, torch.full((2,), shift)),
        operations.sharpen(spotted, torch.full((2,), amount)),
        operations.blur(spotted, torch.full((2,), sigma)),
    ):
        assert changed.shape == spotted.shape
        assert changed.min() >= 0
        assert changed.max() <= 1 + 1e-6
