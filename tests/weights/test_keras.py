"""Keras' files give Keras' logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hilum import models
from hilum.errors import RequestError
from hilum.recipe import Model, Weights
from hilum.weights import load, read
from tests.weights import keras_files as keras
from tests.weights.conftest import one_line

Write = Callable[[Path, keras.Layers], Path]
WRITE: dict[str, Write] = {
    "h5": keras.write_h5,
    "whole model": lambda path, layers: keras.write_h5(path, layers, below="model_weights"),
    "weights.h5": keras.write_weights_h5,
}
DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}

pytestmark = pytest.mark.usefixtures("narrow")


def pictures(size: int) -> keras.Array:
    """RGB of 0 to 255, each channel its own noise."""
    return np.random.default_rng(9).uniform(0, 255, (1, size, size, 3)).astype(np.float32)


def outputs(name: str, path: Path, rgb: keras.Array, top: bool) -> keras.Array:
    """Ours, in Keras' layout: the logits, or the last maps."""
    spec = Model(name=name, channels=3, normalise="vgg", head="default" if top else "linear")
    network = models.build(spec, rgb.shape[1], classes=keras.OUTPUTS).eval()
    report = load(network, Weights(source=str(path), part="all" if top else "trunk"), spec)
    assert not report.missing + report.left_over + report.reshaped
    # Keras' means are not those of `model.normalise=vgg` to the last digit: 123.68, 116.779 and 103.939.
    values = torch.from_numpy(rgb - np.array([123.68, 116.779, 103.939], np.float32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        for stage in network.body.stages.values():
            values = stage(values)
        values = network.body.dense(network.body.pool(values)) if top else values.permute(0, 2, 3, 1)
    found: keras.Array = values.numpy()
    return found


def assert_close(ours: keras.Array, theirs: keras.Array) -> None:
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("written", WRITE)
def test_a_vgg_with_its_top(written: str, tmp_path: Path) -> None:
    layers, rgb = keras.vgg_layers(DEPTHS["vgg16"], top=True), pictures(224)
    path = WRITE[written](tmp_path / "vgg16.h5", layers)
    assert_close(outputs("vgg16", path, rgb, top=True), keras.vgg_outputs(layers, keras.caffe(rgb)))


@pytest.mark.parametrize("name", DEPTHS)
def test_a_vgg_without_its_top(name: str, tmp_path: Path) -> None:
    layers, rgb = keras.vgg_layers(DEPTHS[name], top=False), pictures(64)
    path = keras.write_h5(tmp_path / "vgg.h5", layers)
    assert_close(outputs(name, path, rgb, top=False), keras.vgg_outputs(layers, keras.caffe(rgb)))


def test_the_published_vggs_old_names(tmp_path: Path) -> None:
    layers, rgb = keras.vgg_layers(DEPTHS["vgg19"], top=False), pictures(64)
    path = keras.write_h5(tmp_path / "vgg19.h5", layers, keras.as_keras_1_wrote)
    assert_close(outputs("vgg19", path, rgb, top=False), keras.vgg_outputs(layers, keras.caffe(rgb)))


@pytest.mark.parametrize(
    ("depth", "written", "top"),
    [(50, "h5", True), (50, "weights.h5", False), (101, "h5", False), (152, "weights.h5", True)],
)
def test_a_resnet(depth: int, written: str, top: bool, tmp_path: Path) -> None:
    """Biases before the batch norms and Keras' epsilon are folded into their statistics."""
    layers, rgb = keras.resnet_layers(depth, top), pictures(64)
    path = WRITE[written](tmp_path / "resnet.h5", layers)
    assert_close(outputs(f"resnet{depth}-paper", path, rgb, top), keras.resnet_outputs(layers, keras.caffe(rgb)))


def test_a_file_says_what_it_is_and_expects(tmp_path: Path) -> None:
    file = read(keras.write_h5(tmp_path / "a.h5", keras.vgg_layers(DEPTHS["vgg19"], top=False)))
    assert (file.architecture, file.expects) == ("vgg19", "vgg")
    file = read(keras.write_h5(tmp_path / "b.h5", keras.resnet_layers(50, top=False)))
    assert (file.architecture, file.expects) == ("resnet50-paper", "vgg")


def test_half_precision_is_read_as_single(tmp_path: Path) -> None:
    layers = keras.vgg_layers(DEPTHS["vgg16"], top=False)
    halves = {name: {k: a.astype(np.float16) for k, a in layer.items()} for name, layer in layers.items()}
    tensors = read(keras.write_h5(tmp_path / "a.h5", halves)).tensors  # type: ignore[arg-type]
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_files_of_an_early_keras_3_name_no_layers_and_are_refused(tmp_path: Path) -> None:
    layers = keras.vgg_layers(DEPTHS["vgg16"], top=False)
    with pytest.raises(RequestError, match=r"model\.save\('model\.h5'\)") as raised:
        read(keras.write_weights_h5(tmp_path / "a.weights.h5", layers, named=False))
    one_line(raised)


@pytest.mark.parametrize(
    ("strange", "word"),
    [
        ({"dense_1": "fc1"}, "it has a layer dense_1"),  # a head of somebody's own
        ({"res2a_branch2a": "block1_conv1"}, "it has a layer res2a_branch2a"),  # with another epsilon
        ({"conv2_block1_preact_bn": "block1_conv1"}, "it has a layer conv2_block1_preact_bn"),  # version 2
        ({"block3_conv9": "block1_conv1"}, "it has a layer block3_conv9"),
    ],
)
def test_other_networks_are_refused(strange: dict[str, str], word: str, tmp_path: Path) -> None:
    layers = keras.vgg_layers(DEPTHS["vgg16"], top=True)
    layers |= {name: layers[model] for name, model in strange.items()}
    with pytest.raises(RequestError, match=word) as raised:
        read(keras.write_h5(tmp_path / "a.h5", layers))
    assert r"base.save_weights('trunk.weights.h5')" in one_line(raised)


def test_a_layer_that_is_missing_is_noticed(tmp_path: Path) -> None:
    layers = keras.vgg_layers(DEPTHS["vgg16"], top=True)
    del layers["block4_conv2"]
    with pytest.raises(RequestError, match="no VGG or ResNet"):
        read(keras.write_h5(tmp_path / "a.h5", layers))


def test_a_weight_that_is_missing_is_noticed(tmp_path: Path) -> None:
    layers = keras.resnet_layers(50, top=True)
    del layers["conv3_block2_1_bn"]["moving_mean"]
    with pytest.raises(RequestError, match="layer conv3_block2_1_bn has beta, gamma, moving_variance and not"):
        read(keras.write_h5(tmp_path / "a.h5", layers))


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(kept: float, tmp_path: Path) -> None:
    path = keras.write_h5(tmp_path / "a.h5", keras.vgg_layers(DEPTHS["vgg16"], top=False))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(RequestError, match="damaged") as raised:
        read(path)
    one_line(raised)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = keras.write_h5(tmp_path / "a.h5", keras.vgg_layers(DEPTHS["vgg16"], top=False))
    content = bytearray(path.read_bytes())
    content[100:4000] = bytes(3900)
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"damaged|no VGG") as raised:
        read(path)
    one_line(raised)
