"""One look of the exporter at each kind of network, however many tests write a bundle of one: it takes seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from hilum.bundle.onnx_export import export_onnx, graph_of
from hilum.files import replacing

Export = Callable[..., float]
_FEW = 64  # values: settings and what follows from them


def exporting_once(folder: Path) -> Export:
    """`export_onnx`, for which the exporter looks at one network of each kind alone.

    Networks of the same modules and settings have the same graph, in which weights stand under their names: those of
    the next one are put in their places. Whether that gives what the network gives, `export_onnx` checks as always.
    """

    def known_graph(model: nn.Module, inputs: torch.Tensor, outputs: Sequence[str]) -> onnx.ModelProto:
        weights = {name: values.numpy() for name, values in model.state_dict().items()}
        kept = folder / f"{_digest(model, inputs, outputs)}.onnx"
        if kept.exists():
            proto = onnx.load(kept)
            for tensor in proto.graph.initializer:
                if tensor.name in weights:
                    tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
            return proto
        proto = graph_of(model, inputs, outputs)
        if not any(_is_of_weights(tensor) for tensor in proto.graph.initializer if tensor.name not in weights):
            without = onnx.ModelProto()
            without.CopyFrom(proto)
            for tensor in without.graph.initializer:
                if tensor.name in weights:
                    tensor.ClearField("raw_data")
            with replacing(kept) as temporary:
                temporary.write_bytes(without.SerializeToString())
        return proto

    def export(
        model: nn.Module, films: np.ndarray, path: Path, *, half: bool, outputs: Sequence[str] = ("logits",)
    ) -> float:
        with patch("hilum.bundle.onnx_export.graph_of", known_graph):
            return export_onnx(model, films, path, half=half, outputs=outputs)

    return export


def _is_of_weights(tensor: onnx.TensorProto) -> bool:
    """Whether a constant may have been computed from weights; a missing bias is zeros, whatever the weights are."""
    values = numpy_helper.to_array(tensor)
    return values.size > _FEW and bool(values.any())


def _digest(model: nn.Module, inputs: torch.Tensor, outputs: Sequence[str]) -> str:
    """Of everything that a network's graph depends on: modules, their settings, and constants beside the weights."""
    digest = hashlib.sha256(repr((tuple(inputs.shape), tuple(outputs))).encode())
    own = vars(nn.Module())
    for name, module in model.named_modules():
        plain = {key: value for key, value in vars(module).items() if key not in own}
        digest.update(repr((name, type(module).__qualname__, module.training, sorted(plain.items()))).encode())
    for name, values in model.state_dict().items():
        digest.update(repr((name, tuple(values.shape), values.dtype)).encode())
    persistent = set(model.state_dict())
    for name, values in model.named_buffers():
        if name not in persistent:
            digest.update(name.encode() + values.numpy().tobytes())
    return digest.hexdigest()
