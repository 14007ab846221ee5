"""Keras' applications written a second time: their layers with random weights, their two files, and their arithmetic.

The arithmetic is numpy's, channels last, with Keras' own kernels: the reference for what a reader turns them into.
Layouts and names were compared with files that Keras 3.15 wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hilum.models import resnet, vgg

Array = NDArray[np.float32]
Layers = dict[str, dict[str, Array]]
OUTPUTS = 3


class _Draw:
    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def normal(self, deviation: float, *shape: int) -> Array:
        return self.random.normal(0, deviation, shape).astype(np.float32)

    def layer(self, *shape: int) -> dict[str, Array]:
        """A convolution's or dense layer's kernel and bias."""
        return {"kernel": self.normal((2 / np.prod(shape[:-1])) ** 0.5, *shape), "bias": self.normal(0.2, shape[-1])}

    def norm(self, width: int) -> dict[str, Array]:
        variance = self.random.uniform(0.5, 2, width).astype(np.float32)
        variance[0] = 1e-6  # so that epsilon is seen
        gamma = self.random.uniform(0.5, 1, width).astype(np.float32)
        gamma[0] = 1e-3
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        return dict(zip(names, (gamma, self.normal(0.2, width), self.normal(0.2, width), variance), strict=True))


def vgg_layers(depths: tuple[int, ...], top: bool, seed: int = 0) -> Layers:
    """As wide as `vgg.WIDTHS`; the top is that of films of 224 pixels."""
    draw, layers, channels = _Draw(seed), {}, 3
    for stage, (width, depth) in enumerate(zip(vgg.WIDTHS, depths, strict=True), start=1):
        for number in range(1, depth + 1):
            layers[f"block{stage}_conv{number}"] = draw.layer(3, 3, channels, width)
            channels = width
    if top:
        layers["fc1"] = draw.layer(7 * 7 * channels, vgg.HIDDEN)
        layers["fc2"] = draw.layer(vgg.HIDDEN, vgg.HIDDEN)
        layers["predictions"] = draw.layer(vgg.HIDDEN, OUTPUTS)
    return layers


def resnet_layers(depth: int, top: bool, seed: int = 0) -> Layers:
    """Version 1, as wide as `resnet.WIDTHS`."""
    draw, channels = _Draw(seed), 64
    layers = {"conv1_conv": draw.layer(7, 7, 3, 64), "conv1_bn": draw.norm(64)}
    for stage, (width, blocks) in enumerate(zip(resnet.WIDTHS, resnet.DEPTHS[depth], strict=True), start=2):
        for block in range(1, blocks + 1):
            shapes = {1: (1, 1, channels, width), 2: (3, 3, width, width), 3: (1, 1, width, 4 * width)}
            shapes |= {0: (1, 1, channels, 4 * width)} if block == 1 else {}
            for number, shape in shapes.items():
                layers[f"conv{stage}_block{block}_{number}_conv"] = draw.layer(*shape)
                layers[f"conv{stage}_block{block}_{number}_bn"] = draw.norm(shape[-1])
            channels = 4 * width
    if top:
        layers["predictions"] = draw.layer(channels, OUTPUTS)
    return layers


def as_keras_writes_now(layer: str, kind: str) -> str:
    """What a weight is called below its layer's group, by Keras 2 and 3."""
    return f"{layer}/{kind}:0"


def as_keras_1_wrote(layer: str, kind: str) -> str:
    """The same in the published files of VGG-16 and VGG-19."""
    letters = {"kernel": "W", "bias": "b"}
    return f"{layer}_{letters[kind]}_1:0"


def write_h5(
    path: Path, layers: Layers, called: Callable[[str, str], str] = as_keras_writes_now, below: str = "/"
) -> Path:
    """The older layout; a whole model has it below `model_weights`."""
    with h5py.File(path, "w") as file:
        group = file.require_group(below)
        group.attrs["layer_names"] = [name.encode() for name in ("input_1", *layers)]
        group.create_group("input_1").attrs["weight_names"] = []
        for layer, weights in layers.items():
            names = {called(layer, kind): array for kind, array in weights.items()}
            group.create_group(layer).attrs["weight_names"] = [name.encode() for name in names]
            for name, array in names.items():
                group[layer][name] = array
        if below != "/":
            file["optimizer_weights/adam/block1_conv1/kernel/m:0"] = np.zeros((3, 3), np.float32)
    return path


def write_weights_h5(path: Path, layers: Layers, named: bool = True) -> Path:
    """Keras 3's layout, whose early files do not name the layers."""
    with h5py.File(path, "w") as file:
        for number, (layer, weights) in enumerate(layers.items()):
            group = file.create_group(f"layers/layer_{number}/vars")
            if named:
                group.attrs["name"] = layer
            for position, array in enumerate(weights.values()):
                group[str(position)] = array
        file["optimizer/vars/0"] = np.float32(1)
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
    return path


def caffe(rgb: Array) -> Array:
    """What `preprocess_input` makes of pictures (n, h, w, 3) of 0 to 255: BGR less each channel's mean."""
    return rgb[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)


def vgg_outputs(layers: Layers, values: Array) -> Array:
    """The last maps, or the logits where there is a top."""
    for name, layer in layers.items():
        if name.startswith("block"):
            number = name.removesuffix(name[-1])
            values = np.maximum(_convolve(np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0))), layer), 0)
            if f"{number}{int(name[-1]) + 1}" not in layers:
                values = _pool(values, 2)
    if "fc1" not in layers:
        return values
    values = values.reshape(len(values), -1)
    for name in ("fc1", "fc2"):
        values = np.maximum(values @ layers[name]["kernel"] + layers[name]["bias"], 0)
    logits: Array = values @ layers["predictions"]["kernel"] + layers["predictions"]["bias"]
    return logits


def resnet_outputs(layers: Layers, values: Array) -> Array:
    """The last maps, or the logits where there is a top."""
    values = np.pad(values, ((0, 0), (3, 3), (3, 3), (0, 0)))
    values = np.maximum(_normalise(_convolve(values, layers["conv1_conv"], 2), layers["conv1_bn"]), 0)
    values = _pool(np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0))), 3)
    for block in dict.fromkeys(name.rsplit("_", 2)[0] for name in layers if "block" in name):

        def step(number: int, maps: Array, stride: int = 1, block: str = block) -> Array:
            maps = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0))) if number == 2 else maps
            convolved = _convolve(maps, layers[f"{block}_{number}_conv"], stride)
            return _normalise(convolved, layers[f"{block}_{number}_bn"])

        first = f"{block}_0_conv" in layers
        stride = 2 if first and not block.startswith("conv2") else 1
        shortcut = step(0, values, stride) if first else values
        values = np.maximum(step(2, np.maximum(step(1, values, stride), 0)), 0)
        values = np.maximum(shortcut + step(3, values), 0)
    if "predictions" not in layers:
        return values
    logits: Array = values.mean((1, 2)) @ layers["predictions"]["kernel"] + layers["predictions"]["bias"]
    return logits


def _convolve(maps: Array, layer: dict[str, Array], stride: int = 1) -> Array:
    height, width = layer["kernel"].shape[:2]
    patches = sliding_window_view(maps, (height, width), axis=(1, 2))[:, ::stride, ::stride]
    convolved: Array = np.tensordot(patches, layer["kernel"], ([3, 4, 5], [2, 0, 1])) + layer["bias"]
    return convolved


def _pool(maps: Array, side: int) -> Array:
    """The maximum of every second square."""
    pooled: Array = sliding_window_view(maps, (side, side), axis=(1, 2))[:, ::2, ::2].max((4, 5))
    return pooled


def _normalise(maps: Array, norm: dict[str, Array]) -> Array:
    scale = norm["gamma"] / np.sqrt(norm["moving_variance"] + 1.001e-5)
    normalised: Array = (maps - norm["moving_mean"]) * scale + norm["beta"]
    return normalised
