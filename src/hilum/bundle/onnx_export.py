"""From a torch network to an ONNX file that gives the same logits, or to an error."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from hilum.errors import HilumError

PARITY = 1e-3  # of a logit; float32 in another order of summation differs by about 1e-5


def export_onnx(model: nn.Module, films: np.ndarray, path: Path, *, half: bool) -> float:
    """Write a network as ONNX and prove on films that it says the same.

    Args:
        model: on the CPU, in evaluation mode.
        films: (n, size, size) uint8, n ≥ 2.
        path: the file to write: `films` (n, 1, size, size) float32 in [0, 1] → `logits` (n, outputs).
        half: store weight matrices as float16; they must have been rounded to it (`round_weights`).

    Returns:
        The largest difference of a logit that was seen.

    Raises:
        HilumError: the two differ by more than `PARITY`.
    """
    inputs = torch.from_numpy(films)[:, None].float() / 255
    with _Quiet(), torch.no_grad():
        program = torch.onnx.export(
            model,
            (inputs,),
            dynamo=True,
            input_names=["films"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            verbose=False,
            optimize=False,  # it would fold batch norms into convolutions, whose weights float16 no longer holds
        )
        expected = model(inputs).numpy()
    assert program is not None
    proto = program.model_proto
    _strip(proto)
    if half:
        _store_as_half(proto)
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = float(np.abs(session.run(["logits"], {"films": inputs.numpy()})[0] - expected).max())
    if not worst <= PARITY:
        raise HilumError(
            f"{path}: ONNX Runtime's logits differ from torch's by {worst:.3g}; the export is not usable"
        )
    return worst


def round_weights(model: nn.Module) -> None:
    """Round weight matrices to what float16 can hold, in place; biases and batch norms stay as they are."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.copy_(parameter.half().float())


def _store_as_half(proto: onnx.ModelProto) -> None:
    """Keep each weight matrix as float16 with a cast behind it, which ONNX Runtime folds away when it loads."""
    casts = []
    for tensor in proto.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], name=f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _strip(proto: onnx.ModelProto) -> None:
    """The exporter notes each line of source that made a node, with this machine's paths: none of that ships."""
    del proto.metadata_props[:], proto.functions[:]
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


class _Quiet(warnings.catch_warnings):
    """The exporter reports on every operator that some other package could have added."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
