"""What holds for every architecture: a new one is tested by being in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from hilum import models
from hilum.bundle.onnx_export import export_onnx
from hilum.errors import RecipeError
from hilum.models import vgg
from hilum.recipe import Model
from tests.models.make_torchvision_reference import fill

NAMES = sorted(models.REGISTRY)
SMALL, ODD = 64, 33
# Of the same layers as a lighter sibling: what they compute is tested by `make test-slow`, their shapes always.
DEEPER = {name for name in NAMES if name.startswith(("vgg13", "vgg19", "resnet34", "resnet101", "resnet152"))}
DEEPER |= {"vgg11-bn", "vgg16", "vgg16-bn", "vgg16-c", "efficientnet-lite1", "efficientnet-lite2"}
NOT_EXPORTED = DEEPER | {
    "vgg11",
    "resnet50",
    "resnet50-paper",
    "densenet121",
    "efficientnet-lite0",
}  # an export takes seconds


def slow(names: set[str]) -> list[Any]:
    """Every architecture, of which these are left to `make test-slow`."""
    return [pytest.param(name, marks=pytest.mark.slow if name in names else ()) for name in NAMES]


@pytest.fixture(scope="module", params=slow(DEEPER))
def built(request: pytest.FixtureRequest) -> models.Network:
    """One network of each architecture; building it takes longer than asking it."""
    torch.manual_seed(0)
    return models.build(Model(request.param, head="linear"), SMALL)


@pytest.fixture
def network(built: models.Network) -> Iterator[models.Network]:
    yield built.eval()
    built.zero_grad()


def films(count: int, side: int = SMALL) -> Tensor:
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(side))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("spec", "classes", "outputs"),
    [
        ({"channels": 1, "head": "default"}, 2, 1),
        ({"channels": 3, "head": "s2", "output": "softmax"}, 2, 2),
        ({"channels": 3, "head": "linear", "normalise": "imagenet"}, 3, 3),
    ],
    ids=["own-1", "s2-2", "linear-3"],
)
def test_gives_its_logits_at_any_size(name: str, spec: dict[str, str], classes: int, outputs: int) -> None:
    size = {1: 97, 2: ODD, 3: 32}[outputs]
    with torch.device("meta"), torch.no_grad():
        network = models.build(Model(name, **spec), size, classes).eval()  # type: ignore[arg-type]
        assert network(torch.empty(2, 1, size, size)).shape == (2, outputs)


@pytest.mark.parametrize("name", NAMES)
def test_under_32_pixels_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match=f"{name} takes sides of 32 pixels or more, not 31"):
        models.build(Model(name), 31)


def test_every_parameter_learns(network: models.Network) -> None:
    network.train()(films(4)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any() or parameter.ndim == 1, name  # a batch norm takes away the bias before it


def test_says_the_same_twice_in_evaluation(network: models.Network) -> None:
    torch.testing.assert_close(network(films(2)), network(films(2)), rtol=0, atol=0)


def test_a_film_is_judged_alike_in_any_batch(network: models.Network) -> None:
    with torch.inference_mode():
        alone = torch.cat([network(film[None]) for film in films(3)])
        torch.testing.assert_close(network(films(3)), alone, rtol=1e-4, atol=1e-5)


def test_its_parts_in_order_are_the_network(network: models.Network) -> None:
    with torch.inference_mode():
        values = films(2, ODD)
        for part in network.parts().values():
            values = part(values)
        torch.testing.assert_close(values, network(films(2, ODD)), rtol=0, atol=0)


def test_can_be_cut_behind_every_stage(network: models.Network) -> None:
    with torch.inference_mode():
        expected = network(films(2, ODD))
        for stage in (*network.body.stages, "trunk"):
            before, after = network.split(stage)
            torch.testing.assert_close(after(before(films(2, ODD))), expected, rtol=0, atol=0)
    with pytest.raises(RecipeError, match=r"no stage 'dense' in this network; there are .* and trunk"):
        network.split("dense")


def test_no_weight_is_left_out_of_the_parts(network: models.Network) -> None:
    parts = [parameter for part in network.parts().values() for parameter in part.parameters()]
    assert {id(parameter) for parameter in parts} == {id(parameter) for parameter in network.parameters()}
    assert len(parts) == len(list(network.parameters()))


def test_attribution_layers_see_a_smaller_map_each_and_have_a_gradient(network: models.Network) -> None:
    layers = dict(network.body.named_modules())
    seen: list[Tensor] = []

    def keep(layer: nn.Module, given: tuple[Tensor, ...], maps: Tensor) -> None:
        seen.append(maps)

    hooks = [layers[name].register_forward_hook(keep) for name in network.body.attribution_layers]
    logits = network(films(1, 97))
    for hook in hooks:
        hook.remove()
    sides = [maps.shape[-1] for maps in seen]
    assert sides == sorted(sides, reverse=True)
    trunk = network.split(list(network.body.stages)[-1])[0](films(1, 97)).shape[-1]
    assert sides[-1] in (trunk, 2 * trunk)  # behind the last stage, or before its pool
    for gradient in torch.autograd.grad(logits.sum(), seen):
        assert gradient.any()


@pytest.mark.parametrize("name", slow(NOT_EXPORTED))
def test_onnx_says_the_same(name: str, tmp_path: Path) -> None:
    network = models.build(Model(name, head="linear"), ODD)
    assert matrices(export(network, ODD, tmp_path)) == matrices(network)


def test_onnx_says_the_same_where_maps_are_pooled_to_a_grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg, "HIDDEN", 64)  # at 4,096 the file is 500 MB
    network = models.build(Model("vgg11"), 97)
    assert (
        matrices(export(network, 97, tmp_path)) == matrices(network) + 2 * vgg.GRID * 3
    )  # averages, across and down


def export(network: models.Network, side: int, folder: Path) -> onnx.ModelProto:
    """Write a network with drawn weights and statistics; `export_onnx` proves that the logits are the same."""
    fill(network)
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side), dtype=np.uint8)
    export_onnx(network.eval(), pixels, folder / "model.onnx", half=False)
    return onnx.load(folder / "model.onnx")


def matrices(model: models.Network | onnx.ModelProto) -> int:
    """Values in weights of two dimensions and more, which an export leaves as they are."""
    if isinstance(model, models.Network):
        return sum(weight.numel() for weight in model.parameters() if weight.ndim >= 2)
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer if len(tensor.dims) >= 2)


def test_without_normalisation_the_network_sees_grey_values() -> None:
    network = models.build(Model(normalise="none"), SMALL)
    torch.testing.assert_close(network.normalise(films(2)), films(2))


def test_an_unknown_architecture_is_refused_by_name() -> None:
    with pytest.raises(RecipeError, match=r"no architecture 'vgg99'; there are: .*s1-cnn"):
        models.build(Model(name="vgg99"), SMALL)
