"""From a bundle's network to the same in 8-bit integers; the onnx half."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxscript.optimizer import fold_constants, remove_unused_nodes

from hilum.bundle.consistency import LOGITS

_TOGETHER = 8
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# What is computed in 8 bits between two weighted layers: nothing that would be turned back and forth.
_BETWEEN = ("Add", "AveragePool", "GlobalAveragePool", "MaxPool", "Relu")


def quantise(network: bytes, films: NDArray[np.uint8], path: Path) -> None:
    """Write a network in 8-bit integers: weights by channel, maps by the range that films give them.

    The ranges are the smallest and the largest value over the films. What a network does before its first
    convolution (taking a film's mean, dividing by its deviation) and after its last layer stays float32: films
    differ in their greys by more than 8 bits can hold, and there is nothing to gain.

    Args:
        network: an ONNX file's bytes, `films` → `logits`.
        films: (n, size, size) uint8, of the kind that it will read.
        path: the file to write: ONNX with QuantizeLinear and DequantizeLinear around each such layer, as every
            runtime reads it.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folded = Path(folder) / "folded.onnx"
        _fold(network, folded)
        graph = onnx.load(folded).graph
        inner = _inner(graph)
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)  # it recommends, for every batch norm, what is done here already
        try:
            quantization.quantize_static(
                folded,
                path,
                _Films(films),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                op_types_to_quantize=[*_WEIGHTED, *_BETWEEN],
                nodes_to_exclude=[node.name for node in graph.node if node.name not in inner],
                calibrate_method=quantization.CalibrationMethod.MinMax,
            )
        finally:
            logging.disable(before)


def _fold(network: bytes, path: Path) -> None:
    """Fold constants, float16 weights' casts, and batch norms that follow a convolution."""
    model = onnx_ir.from_proto(onnx.load_from_string(network))
    model.graph.outputs[:] = [each for each in model.graph.outputs if each.name == LOGITS]  # maps stay float32
    fold_constants(model)
    remove_unused_nodes(model)
    onnx_ir.save(model, path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def _inner(graph: Any) -> set[str]:
    """Names of the nodes from the first weighted layers to the last ones."""
    nodes = list(graph.node)
    behind, before = set[str](), set[str]()
    for node in nodes:
        if node.op_type in _WEIGHTED or behind & set(node.input):
            behind.update(node.output)
    for node in reversed(nodes):
        if node.op_type in _WEIGHTED or before & set(node.output):
            before.update(node.input)
    return {
        node.name
        for node in nodes
        if node.op_type in _WEIGHTED or (behind & set(node.output) and before & set(node.output))
    }


class _Films(quantization.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, films: NDArray[np.uint8]) -> None:
        self._parts: Iterator[NDArray[np.uint8]] = iter(np.array_split(films, max(1, len(films) // _TOGETHER)))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        part = next(self._parts, None)
        return None if part is None else {"films": part[:, None].astype(np.float32) / np.float32(255)}
