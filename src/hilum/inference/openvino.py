"""OpenVINO: importing it without telemetry, what this processor can do, its own format, a network in two parts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from hilum.bundle.consistency import LOGITS
from hilum.extras import require


def write_openvino(network: bytes, path: Path) -> list[Path]:
    """Convert an ONNX network to OpenVINO's own format, and return the two files: `path` and its `.bin`.

    Raises:
        RequestError: OpenVINO is not installed.
    """
    require("fast", "--engine openvino")
    openvino = import_openvino()
    openvino.save_model(openvino.Core().read_model(BytesIO(network)), path, compress_to_fp16=False)
    return [path, path.with_suffix(".bin")]


def import_openvino() -> Any:
    """Import OpenVINO with its telemetry disabled, which would report the import to its vendor."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def only_logits(model: Any) -> Any:
    """A network without its other outputs, which would be computed for every film."""
    results = [result for result in model.get_results() if LOGITS in result.output(0).get_names()]
    if len(results) == len(model.outputs):
        return model
    return import_openvino().Model(results, model.get_parameters(), model.get_friendly_name())


def cpu_capabilities() -> Sequence[str]:
    """The number formats that this processor has instructions for, such as FP32 and BF16."""
    capabilities: Sequence[str] = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return capabilities


def split_at_convolutions(model: Any) -> list[Any]:
    """Split a network before its first convolutions: the standardisation of grey values, and everything after it.

    OpenVINO applies bfloat16 to a whole network. Standardising a film (subtracting its mean, dividing by its standard
    deviation) in bfloat16 changed probabilities by up to 0.11 on 526 films; with that part in float32, the network
    changed them by up to 0.005.
    """
    openvino = import_openvino()

    first_layers: list[Any] = []  # convolutions or matrix products that depend on no other
    after: set[str] = set()  # names of these layers and of everything that depends on them
    for node in model.get_ordered_ops():
        sources = [node.input_value(index).get_node() for index in range(node.get_input_size())]
        if any(source.get_friendly_name() in after for source in sources):
            after.add(node.get_friendly_name())
        elif node.get_type_name() in ("Convolution", "GroupConvolution", "MatMul"):
            first_layers.append(node)
            after.add(node.get_friendly_name())
    cuts: dict[tuple[str, int], Any] = {}
    for node in first_layers:
        source = node.input_value(0)
        cuts.setdefault((source.get_node().get_friendly_name(), source.get_index()), source)
    first = openvino.Model(
        [openvino.opset13.result(cut) for cut in cuts.values()], model.get_parameters(), "first"
    ).clone()
    inputs = {
        key: openvino.opset13.parameter(cut.get_partial_shape(), cut.get_element_type()) for key, cut in cuts.items()
    }
    for node in first_layers:
        source = node.input_value(0)
        parameter = inputs[source.get_node().get_friendly_name(), source.get_index()]
        node.input(0).replace_source_output(parameter.output(0))
    # The second part gets the films as well: it reads the batch size off them.
    return [first, openvino.Model(model.get_results(), [*inputs.values(), *model.get_parameters()], "rest")]
