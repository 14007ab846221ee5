"""Keras' applications in HDF5, under torchvision's names and with torch's layouts.

Layers are known by their names: `block1_conv1` … of the VGGs, `conv2_block1_1_conv` … of the ResNets (v1). Two
layouts hold them: the older `.h5` (LAYER/…/kernel:0, below `model_weights/` in a whole model) and Keras 3's
`.weights.h5` (…/vars/0, with the layer's name beside it). Source: keras.applications and keras.saving.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.errors import RequestError
from hilum.models import resnet, vgg

Layers = dict[str, dict[str, NDArray[np.floating[Any]]]]

_LAYER = ("kernel", "bias")
_BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
# kernel:0, kernel, block1_conv1_W_1:0, block1_conv1_b_1:0, gamma:0 …
_WEIGHT = re.compile(r"(?:.*_)?(kernel|W|bias|b|gamma|beta|moving_mean|moving_variance)(?:_\d+)?(?::0)?")
_FORMER = {"W": "kernel", "b": "bias"}
_EPSILON_GAP = 1.001e-5 - 1e-5  # of Keras' batch norms, to torch's
_VGG_HEAD = {"fc1": "classifier.0", "fc2": "classifier.3", "predictions": "classifier.6"}
_RESNET_HEAD = {"predictions": "fc", "probs": "fc"}


def read_keras(path: Path) -> tuple[str, dict[str, Tensor]]:
    """Read a VGG or ResNet (v1) of Keras' applications, with its top or without.

    Kernels become (out, in, height, width), the first convolution's channels RGB, the columns of a VGG's first dense
    layer channels first. A ResNet's biases and its larger epsilon go into the batch norms' statistics, so that the
    logits stay the same.

    Returns:
        The architecture's name in the registry, and float32 tensors by torchvision's names.

    Raises:
        RequestError: the layers are those of another network, or have no names.
        OSError: the file is damaged.
    """
    try:
        import h5py
    except ImportError:
        raise RequestError(
            f'{path}: Keras\' files are read with h5py; install it: pip install "hilum[train]"'
        ) from None
    with h5py.File(path) as file:
        layers = _layers(file, path)
    architecture, names = _named(set(layers), path)
    tensors: dict[str, Tensor] = {}
    for layer, prefix in names.items():
        arrays = layers.pop(layer)
        needed = _BATCH_NORM if "gamma" in arrays else _LAYER
        if set(arrays) != set(needed):
            raise RequestError(
                f"{path}: layer {layer} has {', '.join(sorted(arrays))} and not {', '.join(needed)}; take the file "
                "that Keras' applications publish, or save it again"
            )
        values = [arrays[kind] for kind in needed]
        if needed == _BATCH_NORM:
            values[3] = values[3].astype(np.float64) + _EPSILON_GAP
        else:
            values[0] = _torch_layout(values[0])
        kinds = ("weight", "bias", "running_mean", "running_var")
        tensors |= {f"{prefix}.{kind}": _tensor(array) for kind, array in zip(kinds, values, strict=False)}
    first = "features.0.weight" if architecture.startswith("vgg") else "conv1.weight"
    tensors[first] = tensors[first].flip(1)
    if architecture.startswith("vgg"):
        _channels_first(tensors)
    else:
        _fold_biases(tensors)
    return architecture, tensors


def _layers(file: Any, path: Path) -> Layers:
    """Every layer's weights, by the layer's name and Keras' present names of weights."""
    import h5py

    layers: Layers = {}

    def visit(name: str, item: object) -> None:
        parts = name.split("/")
        if not isinstance(item, h5py.Dataset) or parts[0].startswith("optimizer") or item.dtype.kind != "f":
            return
        if parts[-2:-1] != ["vars"]:
            match = _WEIGHT.fullmatch(parts[-1])
            kind = match[1] if match else parts[-1]
            layers.setdefault("/".join(parts[-2:-1]), {})[_FORMER.get(kind, kind)] = item[()]
            return
        layer = item.parent.attrs.get("name")
        if layer is None:
            raise RequestError(
                f"{path}: an early Keras 3 wrote it, without the names of layers; load it in Keras and save it "
                "again: model.save('model.h5')"
            )
        kinds = _BATCH_NORM if len(item.parent) == len(_BATCH_NORM) else _LAYER
        layers.setdefault(str(layer), {})[kinds[int(parts[-1])]] = item[()]

    file.visititems(visit)
    return layers


def _named(layers: set[str], path: Path) -> tuple[str, dict[str, str]]:
    """The architecture whose layers these are, and torchvision's name of each."""
    tables = [
        (name, _vgg_names(configuration), _VGG_HEAD)
        for name, configuration in vgg.CONFIGURATIONS.items()
        if not (configuration.pointwise_last or configuration.lrn)
    ] + [(f"resnet{depth}-paper", _resnet_names(depth), _RESNET_HEAD) for depth in (50, 101, 152)]
    for name, trunk, head in tables:
        if layers - set(head) == set(trunk):
            return name, trunk | {layer: head[layer] for layer in head if layer in layers}
    known = {layer for _, trunk, head in tables for layer in trunk | head}
    strange = sorted(layers - known)
    raise RequestError(
        f"{path}: no VGG or ResNet-50, -101 or -152 (v1) of Keras' applications"
        + (f": it has a layer {strange[0]}" if strange else "")
        + "; of a network built on one of them save the base alone: base.save_weights('trunk.weights.h5')"
    )


def _vgg_names(configuration: vgg.Configuration) -> dict[str, str]:
    names, index = {}, 0
    for stage, depth in enumerate(configuration.depths, start=1):
        for number in range(1, depth + 1):
            names[f"block{stage}_conv{number}"] = f"features.{index}"
            index += 2  # a convolution and its ReLU
        index += 1  # the pool
    return names


def _resnet_names(depth: int) -> dict[str, str]:
    names = {"conv1_conv": "conv1", "conv1_bn": "bn1"}
    for stage, blocks in enumerate(resnet.DEPTHS[depth], start=1):
        for block in range(blocks):
            theirs, ours = f"conv{stage + 1}_block{block + 1}", f"layer{stage}.{block}"
            if block == 0:
                names |= {f"{theirs}_0_conv": f"{ours}.downsample.0", f"{theirs}_0_bn": f"{ours}.downsample.1"}
            for number in (1, 2, 3):
                names |= {f"{theirs}_{number}_{kind}": f"{ours}.{kind}{number}" for kind in ("conv", "bn")}
    return names


def _torch_layout(kernel: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """(height, width, in, out) → (out, in, height, width); (in, out) → (out, in)."""
    return kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T


def _tensor(array: NDArray[np.floating[Any]]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _channels_first(tensors: dict[str, Tensor]) -> None:
    """Put the columns of the first dense layer from (height, width, channel) to (channel, height, width)."""
    if (dense := tensors.get("classifier.0.weight")) is not None:
        last_bias = [tensor for name, tensor in tensors.items() if name.startswith("features.")][-1]
        channels = last_bias.numel()
        side = round((dense.shape[1] / channels) ** 0.5)
        maps = dense.view(-1, side, side, channels)
        tensors["classifier.0.weight"] = maps.permute(0, 3, 1, 2).flatten(1)


def _fold_biases(tensors: dict[str, Tensor]) -> None:
    """A batch norm takes its mean from what a convolution gives: a bias there is a smaller mean here."""
    convolutions = [name.removesuffix(".weight") for name, tensor in tensors.items() if tensor.ndim == 4]
    for name in convolutions:
        norm = name.replace("downsample.0", "downsample.1").replace("conv", "bn")
        bias, mean = tensors.pop(f"{name}.bias"), tensors[f"{norm}.running_mean"]
        tensors[f"{norm}.running_mean"] = (mean.double() - bias.double()).float()
