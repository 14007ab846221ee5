"""Views are drawn as data and applied as pure functions; each operation against an outside reference."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.batches import Views, apply, draw
from hilum.pixels import chest_phantom
from hilum.recipe import Augment

SIZE = 64
STRONG = Augment(
    rotation=30, scale=0.5, aspect=0.5, translation=0.2, flip=0.5, gamma=1.0, contrast=1.0,
    blur=(0.5, 2.0), noise=(0.5, 0.1), jpeg=(0.5, 5),
)  # fmt: skip


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


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1), st.integers(1, 5))
def test_films_stay_grey_values_between_0_and_1(seed: int, level: float, n: int) -> None:
    changed = apply(views(STRONG, n, seed), torch.full((n, 1, SIZE, SIZE), level))
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
    ],
)
def test_a_probability_is_kept(name: str, spec: Augment) -> None:
    drawn = views(spec, 3000)
    hit = drawn.noise.abs().amax(dim=(1, 2, 3)) if name == "noise" else getattr(drawn, name)
    assert (hit > 0).float().mean().item() == pytest.approx(0.3, abs=0.04)
