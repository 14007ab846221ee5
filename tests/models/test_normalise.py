"""What stands before the first convolution, against the same arithmetic written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum.errors import RecipeError
from hilum.models.normalise import normalisation
from hilum.recipe import Model


@pytest.fixture
def films() -> torch.Tensor:
    """Two films with a black border, all that is exposed well above black."""
    grey = torch.zeros(2, 1, 40, 40)
    grey[:, :, 4:-4, 8:-8] = torch.rand(2, 1, 32, 24, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.3
    return grey


def shown(films: torch.Tensor, **model: object) -> torch.Tensor:
    return normalisation(Model(**model))(films)  # type: ignore[arg-type, no-any-return]


def test_none_leaves_grey_values(films: torch.Tensor) -> None:
    assert torch.equal(shown(films, normalise="none"), films)


@pytest.mark.parametrize(
    "normalise", ["none", "film", "film-vgg", "efficientnet", "film-efficientnet", "torchxrayvision"]
)
def test_three_channels_show_the_same_picture(films: torch.Tensor, normalise: str) -> None:
    one, three = (shown(films, normalise=normalise, channels=channels) for channels in (1, 3))
    assert torch.equal(three, one.expand(-1, 3, -1, -1))


def test_film_takes_mean_and_deviation_of_the_exposed_part(films: torch.Tensor) -> None:
    for given, normalised in zip(films.numpy(), shown(films).numpy(), strict=True):
        exposed = given[given > 0.02]
        np.testing.assert_allclose(
            normalised, (given - exposed.mean()) / (exposed.std() + 1e-3), rtol=1e-4, atol=1e-4
        )


def test_film_does_not_see_exposure_nor_a_border(films: torch.Tensor) -> None:
    """Twice the contrast, or half of the film cut off by black, leave the exposed part as it was normalised."""
    inside = films > 0.02
    brighter = torch.where(inside, films * 0.5 + 0.4, films)
    torch.testing.assert_close(shown(brighter)[inside], shown(films)[inside], rtol=1e-2, atol=1e-2)
    wider = torch.nn.functional.pad(films, (30, 30, 30, 30))
    torch.testing.assert_close(shown(wider)[:, :, 30:-30, 30:-30], shown(films))


def test_film_vgg_is_film_at_the_scale_of_vgg(films: torch.Tensor) -> None:
    torch.testing.assert_close(shown(films, normalise="film-vgg"), shown(films) * 58)


def test_efficientnet_is_googles(films: torch.Tensor) -> None:
    """RGB from 0 to 255 less 127, divided by 128; ImageNet's grey has a deviation of 0.226 before it."""
    expected = (255 * films.numpy() - 127) / 128
    np.testing.assert_allclose(shown(films, normalise="efficientnet"), expected, atol=1e-6)
    torch.testing.assert_close(
        shown(films, normalise="film-efficientnet"), shown(films) * (0.226 * 255 / 128), rtol=1e-3, atol=0
    )


def test_torchxrayvision_is_from_minus_1024_to_1024() -> None:
    """As its `xrv.datasets.normalize(img, 255)` does: (2 · (grey / 255) - 1) · 1024."""
    grey = torch.tensor([0.0, 127.5, 255.0]).view(1, 1, 1, 3)
    assert shown(grey / 255, normalise="torchxrayvision").flatten().tolist() == [-1024, 0, 1024]


def test_a_constant_film_becomes_zeros() -> None:
    assert not shown(torch.full((1, 1, 8, 8), 0.5)).abs().max() > 1e-3


def test_imagenet_is_torchvisions(films: torch.Tensor) -> None:
    expected = (films.numpy() - np.reshape([0.485, 0.456, 0.406], (3, 1, 1))) / np.reshape(
        [0.229, 0.224, 0.225], (3, 1, 1)
    )
    np.testing.assert_allclose(shown(films, normalise="imagenet", channels=3), expected, rtol=1e-4, atol=1e-5)


def test_vgg_is_oxfords(films: torch.Tensor) -> None:
    """RGB from 0 to 255 less 123, 117 and 104, not divided by anything."""
    expected = 255 * films.numpy() - np.reshape([123.0, 117.0, 104.0], (3, 1, 1))
    np.testing.assert_allclose(shown(films, normalise="vgg", channels=3), expected, atol=0.01)


@pytest.mark.parametrize("normalise", ["imagenet", "vgg"])
def test_constants_of_three_channels_need_three(normalise: str) -> None:
    with pytest.raises(RecipeError, match=rf"'{normalise}' has constants for three channels; set model.channels=3"):
        normalisation(Model(normalise=normalise))  # type: ignore[arg-type]
