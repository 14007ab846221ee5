"""Views are drawn as data and applied as pure functions; each operation against an outside reference."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy import stats

from hilum.batches import Shard, Views, apply, draw, operations
from hilum.batches.jpeg import recompress
from hilum.pixels import chest_phantom
from hilum.recipe import Augment

SIZE = 64
STRONG = Augment(
    rotation=30, scale=0.5, aspect=0.5, translation=0.2, flip=0.5, gamma=1.0, contrast=1.0,
    blur=(0.5, 2.0), noise=(0.5, 0.1), jpeg=(0.5, 5), intensity=0.5, sharpen=(0.5, 2.0), erase=(0.5, 0.3),
)  # fmt: skip
PAIRED = replace(STRONG, match=0.5)


def films(n: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.stack([chest_phantom(seed, (SIZE, SIZE)) for seed in range(n)]))[:, None]


def views(spec: Augment, n: int = 4, seed: int = 0) -> Views:
    return draw(spec, n, SIZE, torch.Generator().manual_seed(seed))


def test_a_spec_of_zeros_leaves_films_as_they_are() -> None:
    torch.testing.assert_close(apply(views(Augment()), films()), films(), atol=1e-5, rtol=0)


def test_the_same_generator_draws_the_same_and_applying_draws_nothing() -> None:
    first, second = views(STRONG), views(STRONG)
    torch.testing.assert_close(first.affine, second.affine)
    torch.testing.assert_close(apply(first, films()), apply(second, films()))


def test_another_seed_draws_another_view() -> None:
    assert not torch.equal(apply(views(STRONG, seed=0), films()), apply(views(STRONG, seed=1), films()))


def test_a_film_is_changed_alike_in_any_batch() -> None:
    drawn = views(STRONG)
    one = Views(**{name: getattr(drawn, name)[2:3] for name in Views.__slots__})
    torch.testing.assert_close(apply(drawn, films())[2:3], apply(one, films()[2:3]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("n", [2, 15, 16])
@pytest.mark.parametrize("of", [2, 3, 8])
def test_processes_see_together_what_one_would_see(n: int, of: int) -> None:
    """Also through histogram and JPEG, where a difference in the last bit would become one in the grey level."""
    for seed in range(5):
        drawn = views(PAIRED, n, seed)
        parts = [apply(drawn.rows(rows), films(n)[rows]) for rows in (Shard(rank, of).rows(n) for rank in range(of))]
        torch.testing.assert_close(torch.cat(parts), apply(drawn, films(n)), atol=1e-6, rtol=0)


def test_no_films_are_no_views() -> None:
    assert apply(views(PAIRED).rows(slice(0, 0)), films()[:0]).shape == (0, 1, SIZE, SIZE)


def test_views_of_some_films_are_the_rows_of_every_part() -> None:
    drawn = views(PAIRED, 6)
    some = drawn.rows(slice(2, 5))
    for name in Views.__slots__:
        assert torch.equal(getattr(some, name), getattr(drawn, name)[2:5])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1), st.integers(1, 5))
def test_films_stay_grey_values_between_0_and_1(seed: int, level: float, n: int) -> None:
    changed = apply(views(PAIRED, n, seed), torch.full((n, 1, SIZE, SIZE), level))
    assert changed.shape == (n, 1, SIZE, SIZE)
    assert torch.isfinite(changed).all()
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_geometry_is_that_of_opencv() -> None:
    spec = Augment(rotation=25, scale=0.3, aspect=0.4, translation=0.1, flip=0.5)
    drawn = views(spec, 8, seed=3)
    given_films = films(8)
    changed = apply(drawn, given_films)
    for film, view, affine in zip(
        given_films[:, 0].numpy(), changed[:, 0].numpy(), drawn.affine.numpy(), strict=True
    ):
        # From the coordinates of torch (-1 to 1 at the outer edges) to pixels (0 at the first one's centre).
        half = SIZE / 2
        to_pixels = np.array([[half, 0, half - 0.5], [0, half, half - 0.5], [0, 0, 1]])
        matrix = to_pixels @ np.vstack([affine, [0, 0, 1]]) @ np.linalg.inv(to_pixels)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        reference = cv2.warpAffine(film, matrix[:2], (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_CONSTANT)
        assert np.abs(view - reference).mean() < 0.005  # OpenCV rounds coordinates to 1/32 pixel


def test_geometry_stays_in_the_asked_range() -> None:
    drawn = views(Augment(rotation=20, scale=0.25, aspect=0.3), 2000)
    matrix = drawn.affine[:, :, :2]
    angle = torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0]).abs()
    zoom = 1 / torch.linalg.det(matrix).sqrt()
    assert math.degrees(angle.max()) == pytest.approx(20, abs=0.5)
    assert zoom.max().item() == pytest.approx(1.25, abs=0.01)
    assert zoom.min().item() == pytest.approx(1 / 1.25, abs=0.01)


def test_a_sure_flip_mirrors_left_and_right() -> None:
    torch.testing.assert_close(apply(views(Augment(flip=1.0)), films()), films().flip(3), atol=1e-5, rtol=0)


def test_blur_is_that_of_opencv() -> None:
    drawn = views(Augment(blur=(1.0, 2.0)), 6)
    for film, view, sigma in zip(
        films(6)[:, 0].numpy(), apply(drawn, films(6))[:, 0].numpy(), drawn.blur, strict=True
    ):
        reference = cv2.GaussianBlur(film, (0, 0), float(sigma), borderType=cv2.BORDER_REFLECT_101)
        assert np.abs(view - reference).max() < 0.02


def test_gamma_and_contrast_are_their_formulas() -> None:
    film = films(1)
    drawn = views(Augment(gamma=1.0), 1)
    low, high = film.min(), film.max()
    expected = ((film - low) / (high - low)).pow(drawn.gamma.item()) * (high - low) + low
    torch.testing.assert_close(apply(drawn, film), expected, atol=1e-4, rtol=0)
    drawn = views(Augment(contrast=1.0), 1)
    expected = ((film - film.mean()) * drawn.contrast.item() + film.mean()).clamp(0, 1)
    torch.testing.assert_close(apply(drawn, film), expected, atol=1e-5, rtol=0)


def test_noise_has_the_drawn_deviation() -> None:
    grey = torch.full((200, 1, SIZE, SIZE), 0.5)
    deviations = apply(views(Augment(noise=(1.0, 0.05)), 200), grey).std(dim=(1, 2, 3))
    assert deviations.max().item() == pytest.approx(0.05, abs=0.002)
    assert deviations.mean().item() == pytest.approx(0.025, abs=0.004)


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("blur", Augment(blur=(0.3, 2.0))),
        ("noise", Augment(noise=(0.3, 0.5))),
        ("jpeg", Augment(jpeg=(0.3, 10))),
        ("match", Augment(match=0.3)),
        ("sharpen", Augment(sharpen=(0.3, 2.0))),
        ("erase", Augment(erase=(0.3, 0.2))),
    ],
)
def test_a_probability_is_kept(name: str, spec: Augment) -> None:
    drawn = views(spec, 3000)
    hit = getattr(drawn, name).flatten(1 if name in ("noise", "erase") else 0).abs()
    hit = hit.amax(dim=1) if hit.ndim == 2 else hit
    assert (hit > 0).float().mean().item() == pytest.approx(0.3, abs=0.04)


def test_intensity_shifts_are_normal_with_the_asked_deviation() -> None:
    drawn = views(Augment(intensity=0.1), 4000).intensity.double().numpy()
    assert stats.kstest(drawn, stats.norm(0, 0.1).cdf).pvalue > 0.01


def test_amounts_of_sharpening_are_even_up_to_the_largest() -> None:
    drawn = views(Augment(sharpen=(1.0, 2.5)), 4000).sharpen.double().numpy()
    assert stats.kstest(drawn, stats.uniform(0, 2.5).cdf).pvalue > 0.01


def test_erased_boxes_have_the_asked_areas_and_the_papers_shapes() -> None:
    top, left, bottom, right, grey = views(Augment(erase=(1.0, 0.2)), 4000).erase.double().numpy().T
    area, aspect = (bottom - top) * (right - left), (right - left) / (bottom - top)
    assert stats.kstest(area, stats.uniform(0.02, 0.18).cdf).pvalue > 0.01
    assert stats.kstest(aspect, stats.loguniform(1 / 3, 3).cdf).pvalue > 0.01
    assert stats.kstest(grey, stats.uniform(0, 1).cdf).pvalue > 0.01
    for start, end in ((top, bottom), (left, right)):
        assert start.min() >= 0
        assert end.max() <= 1 + 1e-6
        # Anywhere where they fit.
        assert stats.kstest(start / (1 - (end - start)), stats.uniform(0, 1).cdf).pvalue > 0.01


@pytest.mark.parametrize("largest", [0.001, 0.01, 0.02, 0.5])
def test_no_erased_box_is_larger_than_asked(largest: float) -> None:
    top, left, bottom, right, _ = views(Augment(erase=(1.0, largest)), 2000).erase.double().numpy().T
    assert ((bottom - top) * (right - left)).max() <= largest + 1e-6


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("intensity", Augment(intensity=0.5)),
        ("sharpen", Augment(sharpen=(0.5, 2.0))),
        ("erase", Augment(erase=(0.5, 0.3))),
    ],
)
def test_an_operation_acts_on_the_films_that_drew_it_alone(name: str, spec: Augment) -> None:
    drawn = views(spec, 8)
    strengths = getattr(drawn, name)
    operation = {
        "intensity": operations.shift_intensity,
        "sharpen": operations.sharpen,
        "erase": operations.erase,
    }[name]
    changed = apply(drawn, films(8))
    hit = strengths.reshape(8, -1).abs().amax(dim=1) > 0
    assert hit.any()
    torch.testing.assert_close(changed[hit], operation(films(8)[hit], strengths[hit]), atol=1e-4, rtol=0)
    torch.testing.assert_close(changed[~hit], films(8)[~hit], atol=1e-5, rtol=0)


def test_a_matched_view_has_its_neighbours_histogram_and_the_others_their_own() -> None:
    drawn = views(Augment(match=0.5), 8)
    changed = apply(drawn, films(8))
    matched = drawn.match > 0
    assert 0 < matched.sum() < 8
    for number, film in enumerate(changed):
        like = number ^ 1 if matched[number] else number
        torch.testing.assert_close(
            film.ravel().sort().values, films(8)[like].ravel().sort().values, atol=1e-5, rtol=0
        )


def test_a_film_is_sharpened_before_it_is_compressed_and_a_box_hides_what_came_of_both() -> None:
    drawn = views(Augment(sharpen=(1.0, 2.0), jpeg=(1.0, 20), erase=(1.0, 0.3)), 4)
    expected = operations.erase(recompress(operations.sharpen(films(), drawn.sharpen), drawn.jpeg), drawn.erase)
    changed = apply(drawn, films())
    # Geometry that moves nothing still loses the last bit: some coefficients fall to the other side of a half.
    assert (changed - expected).abs().mean() < 1e-3
    for film, box in zip(changed, drawn.erase, strict=True):
        top, left, bottom, right = (box[:4] * SIZE).round().int().tolist()
        assert (film[0, top + 1 : bottom - 1, left + 1 : right - 1] == box[4]).all()
