"""What holds for every architecture: a new one is tested by being in the registry."""

from __future__ import annotations

import pytest
import torch

from hilum import models
from hilum.errors import RecipeError
from hilum.recipe import Model

NAMES = sorted(models.REGISTRY)
SMALL = 64


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest) -> models.Network:
    torch.manual_seed(0)
    return models.build(Model(name=request.param), SMALL)


def test_gives_one_logit_a_film(model: models.Network) -> None:
    assert model.eval()(torch.rand(3, 1, SMALL, SMALL)).shape == (3, 1)


@pytest.mark.parametrize("name", NAMES)
def test_gives_a_logit_a_class_where_asked(name: str) -> None:
    assert models.build(Model(name=name), SMALL, outputs=3).eval()(torch.rand(2, 1, SMALL, SMALL)).shape == (2, 3)


def test_every_parameter_learns(model: models.Network) -> None:
    model.train()(torch.rand(4, 1, SMALL, SMALL)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_says_the_same_twice_in_evaluation(model: models.Network) -> None:
    films = torch.rand(2, 1, SMALL, SMALL)
    torch.testing.assert_close(model.eval()(films), model(films), rtol=0, atol=0)


def test_a_film_is_judged_alike_in_any_batch(model: models.Network) -> None:
    films = torch.rand(5, 1, SMALL, SMALL)
    alone = torch.cat([model.eval()(film[None]) for film in films])
    torch.testing.assert_close(model(films), alone, rtol=1e-4, atol=1e-5)


def test_exposure_changes_nothing_behind_film_normalisation(model: models.Network) -> None:
    films = torch.rand(2, 1, SMALL, SMALL)
    torch.testing.assert_close(model.eval()(films), model(films * 0.5 + 0.25), rtol=1e-3, atol=1e-3)


def test_without_normalisation_the_network_sees_grey_values() -> None:
    network = models.build(Model(normalise="none"), SMALL)
    films = torch.rand(2, 1, SMALL, SMALL)
    torch.testing.assert_close(network.normalise(films), films)


def test_an_unknown_architecture_is_refused_by_name() -> None:
    with pytest.raises(RecipeError, match=r"no architecture 'vgg99'; there are: .*s1-cnn"):
        models.build(Model(name="vgg99"), SMALL)


@pytest.mark.parametrize("name", NAMES)
def test_a_size_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="multiples of"):
        models.build(Model(name=name), models.REGISTRY[name].multiple * 3 + 1)
