"""A network of crops judges whole films as if every crop's map had been judged by itself, and says so in ONNX too."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from hilum import models
from hilum.batches.crops import scale
from hilum.bundle import probabilities
from hilum.bundle.onnx_export import export_onnx, round_weights
from hilum.errors import RecipeError
from hilum.models import vgg
from hilum.models.dense import resize_matrix
from hilum.recipe import Model
from tests.models.make_torchvision_reference import fill

Head = Literal["default", "s2", "linear"]
HEADS: tuple[Head, ...] = ("default", "s2", "linear")
LIGHT = ("s1-cnn", "vgg11", "vgg11-lrn", "vgg16-c", "resnet18")  # of each kind of layer one; `test-slow` has them all
NAMES = [pytest.param(name, marks=() if name in LIGHT else pytest.mark.slow) for name in sorted(models.REGISTRY)]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg, "HIDDEN", 32)  # at 4,096 the dense layers take most of the time


def build(name: str, head: Head, side: int, classes: int = 2) -> models.Network:
    """A network with drawn weights and statistics."""
    network = models.build(Model(name, head=head), side, classes).eval()
    fill(network)
    return network


def films(count: int, side: int) -> Tensor:
    """Noise that brightens towards one corner, so that no two windows see the same."""
    noise = torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(side))
    ramp = torch.linspace(0, 1, side)
    return noise * (0.2 + 0.8 * ramp[:, None] * ramp.flip(0)[None])


def by_hand(network: models.Network, given: Tensor, side: int, scales: tuple[int, ...], flips: bool) -> np.ndarray:
    """Probabilities: every window of the trunk's maps through the pool and the dense layers that are there."""

    def maps_of(pictures: Tensor) -> Tensor:
        maps: Tensor = network.normalise(pictures)
        for stage in network.body.stages.values():
            maps = stage(maps)
        return maps

    grid, looks = maps_of(films(1, side)).shape[-1], []
    for to in scales:
        scaled = scale(given, to)
        for seen in (scaled, scaled.flip(3)) if flips else (scaled,):
            maps = maps_of(seen)
            rooms = range(maps.shape[-1] - grid + 1)
            windows = [maps[..., top : top + grid, left : left + grid] for top in rooms for left in rooms]
            logits = [network.body.dense(network.body.pool(window.contiguous())) for window in windows]
            looks.append(probabilities(torch.stack(logits).mean(dim=0).numpy()))
    return np.asarray(np.mean(looks, axis=0))


@torch.no_grad()
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", NAMES)
def test_is_every_window_of_the_maps_judged_by_itself(name: str, head: Head) -> None:
    """At 48 a VGG's map has one place and at 96 three by three; a residual network rounds up, to two and three."""
    network, given = build(name, head, 40), films(2, 96)
    logits = models.DenseEvaluation(network, 96, 40, (48, 96), True).eval()(given)
    assert logits.shape == (2, 1)
    expected = by_hand(network, given, 40, (48, 96), True)
    np.testing.assert_allclose(probabilities(logits.numpy()), expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("head", HEADS)
def test_maps_of_several_places_and_classes(head: Head) -> None:
    """A crop of 96 has a map of 3×3, from which VGG pools 7×7 cells that overlap."""
    network, given = build("vgg11", head, 96, classes=3), films(2, 160)
    logits = models.DenseEvaluation(network, 160, 96, (128, 160), False).eval()(given)
    assert logits.shape == (2, 3)
    np.testing.assert_allclose(
        probabilities(logits.numpy()), by_hand(network, given, 96, (128, 160), False), atol=1e-5
    )


@torch.no_grad()
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", NAMES)
def test_at_the_scale_of_the_crop_it_is_the_network(name: str, head: Head) -> None:
    network = build(name, head, 65)
    dense = models.DenseEvaluation(network, 65, 65, (65,), False).eval()
    torch.testing.assert_close(dense(films(2, 65)), network(films(2, 65)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_mirrored_film_is_judged_like_the_film() -> None:
    dense = models.DenseEvaluation(build("resnet18", "default", 64), 96, 64, (64, 96), True).eval()
    torch.testing.assert_close(dense(films(2, 96)), dense(films(2, 96).flip(3)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_batch_norm_between_dense_layers_stays() -> None:
    network = build("s1-cnn", "default", 64)
    dense = network.body.dense
    assert isinstance(dense, nn.Sequential)
    dense.insert(2, nn.BatchNorm1d(512))
    fill(network)
    network.eval()
    dense_evaluation = models.DenseEvaluation(network, 96, 64, (64, 96), False).eval()
    expected = by_hand(network, films(2, 96), 64, (64, 96), False)
    np.testing.assert_allclose(probabilities(dense_evaluation(films(2, 96)).numpy()), expected, atol=1e-5)


@torch.no_grad()
def test_certainties_that_float32_cannot_tell_from_1_keep_their_logit() -> None:
    """Two scales of one certain network: the mean of two probabilities of 1 - e⁻³⁰⁰ is no 1."""
    network = build("s1-cnn", "linear", 64)
    dense = models.DenseEvaluation(network, 96, 64, (64, 96), True).eval()
    linear = network.body.dense
    assert isinstance(linear, nn.Linear)
    linear.weight.zero_()
    for certain in (-300.0, 300.0):
        linear.bias.fill_(certain)
        torch.testing.assert_close(dense(films(2, 96)), torch.full((2, 1), certain))


@torch.no_grad()
def test_it_has_no_weights_of_its_own_and_sees_what_the_network_learns() -> None:
    network = build("vgg11", "default", 96)
    dense = models.DenseEvaluation(network, 128, 96, (128,), False).eval()
    own, inner = dense.state_dict(), network.state_dict()
    assert set(own) == {f"network.{name}" for name in inner}
    assert all(own[f"network.{name}"].data_ptr() == tensor.data_ptr() for name, tensor in inner.items())
    assert models.count_parameters(dense) == models.count_parameters(network)
    for parameter in network.parameters():
        parameter.mul_(0.9)
    expected = by_hand(network, films(2, 128), 96, (128,), False)
    np.testing.assert_allclose(probabilities(dense(films(2, 128)).numpy()), expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("side", [32, 64, 90, 96, 111])
def test_films_are_scaled_as_in_training(side: int) -> None:
    matrix, given = resize_matrix(96, side), films(2, 96)
    torch.testing.assert_close(matrix @ given @ matrix.T, scale(given, side), rtol=0, atol=1e-6)


def test_a_scale_without_room_for_the_crop_is_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"bundle.scales: a film of 48 pixels is smaller than the crop of 64; set sides from 64"
    ):
        models.DenseEvaluation(build("s1-cnn", "linear", 64), 96, 64, (48, 96), False)


@pytest.mark.parametrize(
    ("pool", "dense", "says"),
    [
        (
            nn.Flatten(),
            nn.Sequential(nn.Tanh(), nn.Linear(1024, 1)),
            "a dense layer after the pool, and there is a Tanh",
        ),
        (nn.Flatten(), nn.Linear(1000, 1), "gives 1000 values of 256 maps"),
    ],
)
def test_a_head_that_cannot_slide_is_refused(pool: nn.Module, dense: nn.Module, says: str) -> None:
    network = models.build(Model(), 64)
    network.body.flatten, network.body.classifier = pool, dense
    with pytest.raises(RecipeError, match=says):
        models.DenseEvaluation(network, 96, 64, (96,), False)


@pytest.mark.parametrize(
    ("name", "head", "side", "scales"),
    [
        ("s1-cnn", "default", 32, (32, 64)),
        ("vgg11", "default", 96, (112,)),
        pytest.param("resnet18", "linear", 32, (40, 64), marks=pytest.mark.slow),
    ],
)
def test_onnx_says_the_same_of_any_number_of_films(
    name: str, head: Head, side: int, scales: tuple[int, ...], tmp_path: Path
) -> None:
    size = max(64, side + 32)
    network, given = build(name, head, side), films(5, size)
    round_weights(network)
    dense = models.DenseEvaluation(network, size, side, scales, True).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (2, size, size), dtype=np.uint8)
    export_onnx(dense, pixels, tmp_path / "model.onnx", half=True)
    with torch.no_grad():
        expected = dense(given).numpy()
    np.testing.assert_allclose(run(tmp_path / "model.onnx", given), expected, atol=1e-4)
    floats = onnx.TensorProto
    stored = dict.fromkeys((floats.FLOAT, floats.FLOAT16), 0)
    for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer:
        if tensor.data_type in stored and len(tensor.dims) >= 2:
            stored[tensor.data_type] += int(np.prod(tensor.dims))
    assert stored[floats.FLOAT16] >= sum(weight.numel() for weight in network.parameters() if weight.ndim >= 2)
    assert stored[floats.FLOAT] <= size * sum(scales) + 9 * 49, "how films are scaled, and how maps are pooled"


def test_onnx_is_as_certain_as_torch(tmp_path: Path) -> None:
    network = build("s1-cnn", "linear", 32)
    dense = models.DenseEvaluation(network, 32, 32, (32,), True).eval()
    linear = network.body.dense
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.fill_(-300)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    export_onnx(dense, pixels, tmp_path / "model.onnx", half=False)
    np.testing.assert_allclose(run(tmp_path / "model.onnx", films(3, 32)), np.full((3, 1), -300.0))


def run(path: Path, given: Tensor) -> np.ndarray:
    session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["logits"], {"films": given.numpy()})[0])
