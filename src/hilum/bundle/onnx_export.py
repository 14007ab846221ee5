"""From a torch network to an ONNX file that gives the same outputs; one that does not is an error."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from torch import nn

from hilum.bundle.class_maps import add_class_maps
from hilum.errors import HilumError, RequestError

PARITY = 1e-3  # of an output; float32 in another order of summation differs by about 1e-5
LARGEST = 2**31  # bytes of a protocol buffer


def export_onnx(
    model: nn.Module, films: np.ndarray, path: Path, *, half: bool, outputs: Sequence[str] = ("logits",)
) -> float:
    """Write a network as ONNX and check on films that it gives the same outputs.

    Args:
        model: on the CPU, in evaluation mode.
        films: (n, size, size) uint8, n ≥ 2.
        path: the file to write: `films` (n, 1, size, size) float32 in [0, 1] → the outputs, and class activation
            maps where the network can give them (`hilum.bundle.class_maps`).
        half: store as float16 each weight matrix that float16 holds: those that were rounded (`round_weights`), and
            not, say, averages over three pixels.
        outputs: names of the network's outputs.

    Returns:
        The largest difference of an output that was seen.

    Raises:
        HilumError: the two differ by more than `PARITY`.
        RequestError: the network is too large for one file.
    """
    _refuse_too_large(model, half)
    inputs = torch.from_numpy(films)[:, None].float() / 255
    proto = graph_of(model, inputs, outputs)
    with torch.no_grad():
        given = model(inputs)
        expected = [each.numpy() for each in (given if isinstance(given, tuple) else (given,))]
    if half:
        _store_as_half(proto)
    add_class_maps(proto)
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), {"films": inputs.numpy()})
    worst = max(float(np.abs(one - other).max()) for one, other in zip(found, expected, strict=True))
    if not worst <= PARITY:
        raise HilumError(
            f"{path}: ONNX Runtime's {' or '.join(outputs)} differ from torch's by {worst:.3g}; "
            "the export is not usable"
        )
    return worst


def graph_of(model: nn.Module, inputs: torch.Tensor, outputs: Sequence[str]) -> onnx.ModelProto:
    """The network's operations and its weights in float32, as the exporter finds them."""
    with _Quiet(), torch.no_grad():
        program = torch.onnx.export(
            model,
            (inputs,),
            dynamo=True,
            input_names=["films"],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("n")},),
            verbose=False,
            optimize=False,  # it would fold batch norms into convolutions, whose weights float16 no longer holds
        )
    assert program is not None
    # A convolution without a bias is exported with one that is computed from zeros at every run; once that is a
    # constant, a runtime can fold the batch norm behind it into the convolution (ResNet-50: 1.4 times the rate).
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    proto = program.model_proto
    _strip(proto)
    return proto


def round_weights(model: nn.Module) -> None:
    """Round weight matrices to what float16 can hold, in place; biases and batch norms stay as they are."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.copy_(parameter.half().float())


def _refuse_too_large(model: nn.Module, half: bool) -> None:
    size = sum(weight.numel() * (2 if half and weight.ndim >= 2 else 4) for weight in model.state_dict().values())
    if size >= LARGEST:
        way = "take fewer or smaller networks" if half else "set bundle.weights=float16, or take smaller networks"
        raise RequestError(f"the weights take {size / 1e9:.1f} GB, and an ONNX file ends at 2 GiB; {way}")


def _store_as_half(proto: onnx.ModelProto) -> None:
    """Keep weight matrices as float16 with a cast behind each, which ONNX Runtime folds away when it loads."""
    casts = []
    for tensor in proto.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if not np.array_equal(halved, values):
            continue
        tensor.CopyFrom(numpy_helper.from_array(halved, f"{name}_half"))
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
