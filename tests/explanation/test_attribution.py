"""Maps of every network of the zoo, and of networks whose reasons are known, against slow loops and exact answers."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hilum import models
from hilum.errors import RequestError
from hilum.explanation import METHODS, Method, attribute, share_inside
from hilum.recipe import Model
from tests.explanation.conftest import SIZE, bright_finder, drawn, film_with_square, grey_films, linear, square_mask
from tests.models.test_registry import DEEPER, ODD, slow

HEAVY = DEEPER | {"resnet50", "resnet50-paper", "vgg11-lrn", "vgg16-c-bn"}
FINE: tuple[Method, ...] = ("integrated-gradients", "occlusion")
COARSE: tuple[Method, ...] = ("gradcam", "gradcam++")


@pytest.mark.parametrize("name", slow(HEAVY))
def test_every_method_explains_every_network_and_leaves_it_alone(name: str) -> None:
    network = copy.deepcopy(drawn(name, ODD))
    network.train()
    network.body.dense.eval()
    first = next(network.parameters())
    first.grad = torch.ones_like(first)
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    modes = [part.training for part in network.modules()]
    films = grey_films(1, ODD)
    for method in METHODS:
        maps = attribute(network, films, method, 1)
        assert maps.shape == (1, ODD, ODD)
        assert maps.dtype == np.float32
        assert np.isfinite(maps).all(), method
        assert maps.std() > 0, method
        if method in COARSE or name == "s1-cnn":
            np.testing.assert_array_equal(maps, attribute(network, films, method, 1))
    assert [part.training for part in network.modules()] == modes
    for key, value in network.state_dict().items():
        assert torch.equal(value, weights[key]), key
    gradients = [parameter.grad for parameter in network.parameters()]
    assert gradients[0] is not None
    assert torch.equal(gradients[0], torch.ones_like(first))
    assert gradients[1:] == [None] * (len(gradients) - 1)


@pytest.mark.parametrize("method", METHODS)
def test_a_film_is_explained_alike_in_any_batch(method: Method) -> None:
    films = grey_films(3, ODD)
    together = attribute(drawn(side=ODD), films, method, 1)
    for film, heat in zip(films, together, strict=True):
        np.testing.assert_array_equal(attribute(drawn(side=ODD), film[None], method, 1)[0], heat)


def test_no_films_have_no_maps() -> None:
    assert attribute(drawn(), grey_films(0, SIZE), "gradcam", 1).shape == (0, SIZE, SIZE)


# What the maps are


def test_integrated_gradients_of_a_linear_network_are_its_weights_times_what_the_film_adds() -> None:
    weights = np.random.default_rng(1).normal(size=(SIZE, SIZE)).astype(np.float32)
    film = grey_films(1, SIZE)
    grey = film[0] / 255
    expected = weights * (grey - grey[grey > 0.02].mean())
    heat = attribute(linear(weights), film, "integrated-gradients", 1)[0]
    np.testing.assert_allclose(heat, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("normalise", ["film", "imagenet", "vgg", "none"])
def test_integrated_gradients_add_up_to_what_the_film_changes(normalise: str) -> None:
    """Completeness: the sum is the logit less that of a film of its own mean grey."""
    network = drawn(side=ODD, normalise=normalise)
    film = grey_films(1, ODD)
    exposed = film[film > 0.02 * 255]
    with torch.inference_mode():
        grey = torch.full((1, 1, ODD, ODD), float(exposed.mean()) / 255)
        change = float(network(torch.from_numpy(film[:, None].astype(np.float32) / 255)) - network(grey))
    heat = attribute(network, film, "integrated-gradients", 1)
    assert heat.sum() == pytest.approx(change, abs=0.005 * float(np.abs(heat).sum()))


def test_integrated_gradients_against_a_slow_sum() -> None:
    network, film = drawn(side=ODD), grey_films(1, ODD)
    standardised = network.normalise(torch.from_numpy(film[:, None].astype(np.float32) / 255))
    whole = torch.zeros_like(standardised)
    for step in range(200):
        at = ((step + 0.5) / 200 * standardised).requires_grad_()
        whole += torch.autograd.grad(network.body(at).sum(), at)[0] * standardised / 200
    heat = attribute(network, film, "integrated-gradients", 1)[0]
    np.testing.assert_allclose(heat, whole[0, 0].numpy(), atol=0.05 * float(whole.abs().max()))


def test_occlusion_against_a_slow_loop() -> None:
    network, film = drawn(side=ODD), grey_films(1, ODD)[0]
    exposed = film[film > 0.02 * 255]
    grey = film / np.float32(255)
    lost, times = np.zeros((ODD, ODD)), np.zeros((ODD, ODD))
    with torch.inference_mode():
        logit = float(network(torch.from_numpy(grey)[None, None]))
        for top in range(0, ODD - 2, 2):
            for left in range(0, ODD - 2, 2):
                hidden = grey.copy()
                box = (slice(top, top + 4), slice(left, left + 4))
                hidden[box] = exposed.mean() / 255
                lost[box] += logit - float(network(torch.from_numpy(hidden)[None, None]))
                times[box] += 1
    heat = attribute(network, film[None], "occlusion", 1)[0]
    np.testing.assert_allclose(heat, lost / times, atol=1e-5)


def last_maps(network: models.Network, film: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """The maps before the last pool, and the logit's gradient with respect to them."""
    caught: list[Tensor] = []
    layer = network.body.get_submodule(network.body.attribution_layers[-1])
    hook = layer.register_forward_hook(lambda *call: caught.append(call[2]))
    logit = network(torch.from_numpy(film[None, None].astype(np.float32) / 255))
    hook.remove()
    return caught[0][0], torch.autograd.grad(logit.sum(), caught[0])[0][0]


def at_size(heat: Tensor, size: int) -> NDArray[np.float32]:
    spread = functional.interpolate(heat[None, None], (size, size), mode="bilinear", align_corners=False)
    return np.asarray(spread[0, 0].detach().numpy())


def test_gradcam_against_a_slow_loop() -> None:
    network, film = drawn(), grey_films(1, SIZE)[0]
    maps, gradient = last_maps(network, film)
    heat = torch.zeros(maps.shape[1:])
    for each, slope in zip(maps, gradient, strict=True):
        heat = heat + slope.mean() * each
    np.testing.assert_allclose(attribute(network, film[None], "gradcam", 1)[0], at_size(heat, SIZE), atol=1e-6)


def test_gradcam_plus_plus_against_a_slow_loop() -> None:
    network, film = drawn("resnet18"), grey_films(1, SIZE)[0]
    maps, gradient = last_maps(network, film)
    assert maps.min() >= 0  # the paper's case
    heat = torch.zeros(maps.shape[1:])
    for each, slope in zip(maps.detach(), gradient, strict=True):
        weight = 0.0
        for row in range(each.shape[0]):
            for column in range(each.shape[1]):
                g = float(slope[row, column])
                bottom = 2 * g**2 + float(each.sum()) * g**3
                weight += (g**2 / bottom if bottom else 0.0) * max(g, 0.0)
        heat = heat + weight * each
    found = attribute(network, film[None], "gradcam++", 1)[0]
    np.testing.assert_allclose(found, at_size(heat, SIZE), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_looks_at_one_square_is_found_out(method: Method) -> None:
    heat = attribute(bright_finder(), film_with_square()[None], method, 1)[0]
    inside = share_inside(heat, square_mask())
    assert inside is not None
    assert inside > 0.7  # coarse maps and large squares reach over the border; chance is 0.06


@pytest.mark.parametrize("method", FINE)
def test_a_network_that_looks_at_one_place_is_found_out_whatever_is_there(method: Method) -> None:
    weights = square_mask().astype(np.float32)
    heat = attribute(linear(weights), grey_films(1, SIZE), method, 1)[0]
    assert np.abs(heat[square_mask()]).sum() > 0.75 * np.abs(heat).sum()


# Of which class


@pytest.mark.parametrize("method", ["gradcam", "integrated-gradients", "occlusion"])
def test_what_speaks_for_one_of_two_classes_speaks_against_the_other(method: Method) -> None:
    films = grey_films(1, ODD)
    for_it, against = (attribute(drawn(side=ODD), films, method, target) for target in (1, 0))
    np.testing.assert_allclose(for_it, -against, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_of_several_classes_each_has_its_map(method: Method) -> None:
    maps = [attribute(drawn(side=ODD, classes=3), grey_films(1, ODD), method, target) for target in range(3)]
    assert np.abs(maps[0] - maps[1]).max() > 0
    assert np.abs(maps[1] - maps[2]).max() > 0


@pytest.mark.parametrize("target", [-1, 2])
def test_a_class_that_is_not_there_is_refused(target: int) -> None:
    with pytest.raises(ValueError, match=f"no class {target}: there are 2"):
        attribute(drawn(), grey_films(1, SIZE), "gradcam", target)


def test_other_films_and_methods_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8, not \(1, 64, 64\) float32"):
        attribute(drawn(), grey_films(1, SIZE).astype(np.float32), "gradcam", 1)
    with pytest.raises(ValueError, match="no method 'lime'"):
        attribute(drawn(), grey_films(1, SIZE), "lime", 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="holds no network"):
        attribute(torch.nn.Linear(1, 1), grey_films(1, SIZE), "gradcam", 1)


# Networks that predict_probs together, and several looks


@pytest.mark.parametrize("method", METHODS)
def test_a_network_fused_with_itself_has_its_own_map(method: Method) -> None:
    network, films = drawn(side=ODD), grey_films(1, ODD)
    twice = models.Fused([network, copy.deepcopy(network)], [0.25, 0.75])
    expected = attribute(network, films, method, 1)
    np.testing.assert_allclose(attribute(twice, films, method, 1), expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("method", ["gradcam", "integrated-gradients", "occlusion"])
def test_a_member_of_next_to_no_share_moves_no_map(method: Method) -> None:
    one, other, films = drawn("resnet18", ODD), drawn(side=ODD), grey_films(1, ODD)
    expected = attribute(one, films, method, 1)
    fused = attribute(models.Fused([one, other], [1 - 1e-7, 1e-7]), films, method, 1)
    np.testing.assert_allclose(fused, expected, atol=1e-3 * np.abs(expected).max())


def test_several_looks_at_a_film_are_explained_by_occlusion_alone() -> None:
    torch.manual_seed(0)
    network = models.build(Model(head="linear"), 32).eval()
    looks = models.DenseEvaluation(network, 40, 32, (32, 40), flips=True)
    for method in METHODS[:3]:
        with pytest.raises(RequestError, match=r"averages 4 .*: use the method occlusion"):
            attribute(looks, grey_films(1, 40), method, 1)
    assert attribute(looks, grey_films(1, 40), "occlusion", 1).std() > 0


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_learnt_from_crops_is_explained_on_the_whole_film(method: Method) -> None:
    torch.manual_seed(0)
    network = models.build(Model(head="linear"), 48).eval()
    once = models.DenseEvaluation(network, SIZE, 48, (SIZE,), flips=False)
    heat = attribute(once, grey_films(1, SIZE), method, 1)
    assert heat.shape == (1, SIZE, SIZE)
    assert np.isfinite(heat).all()
    assert heat.std() > 0


def test_explaining_loads_no_torchvision() -> None:
    code = "import sys, hilum.explanation; print(sorted({'torch', 'captum', 'torchvision'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['captum', 'torch']", done.stderr
