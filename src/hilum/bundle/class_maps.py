"""A network's ONNX file, which also gives class activation maps where its last layers allow them. Needs onnx.

Zhou et al., "Learning deep features for discriminative localization", CVPR 2016. Where the last feature maps are
averaged and go through one dense layer, that layer can as well be applied to each place of the maps. What comes out
is (n, outputs, rows, columns): its mean over all places, with the layer's bias, is the logit. It is also Grad-CAM
(Selvaraju et al., ICCV 2017, section 3) of such a network, times the number of places.

A convolution by the layer's own weights is added at the end and no number: what the file gave before, it gives bit by
bit, and it grows by some hundred bytes. ONNX Runtime computes it even where it is asked for the logits alone, which
takes no time that can be measured (`benchmarks.heat_maps`); its option against that is not made for several threads.
"""

from __future__ import annotations

import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from hilum.bundle.consistency import LOGITS, MAPS

_SIDES = ({2, 3}, {-2, -1})  # the axes of a map's rows and columns, counted from either end


def with_class_maps(network: bytes) -> bytes:
    """An ONNX network that gives class activation maps too; as it was where it has them or can have none.

    Args:
        network: an ONNX file's bytes, `films` → `logits`.
    """
    proto = onnx.load_from_string(network)
    return proto.SerializeToString(deterministic=True) if add_class_maps(proto) else network


def add_class_maps(proto: ModelProto) -> bool:
    """Add the output `class_activation_maps` to a network whose logits are one dense layer of averaged maps.

    Returns:
        Whether it was added: not to a network of another kind, such as a VGG or several networks together, and not
        twice.
    """
    graph = proto.graph
    if MAPS in {output.name for output in graph.output}:
        return False
    makers = {name: node for node in graph.node for name in node.output}
    dense = _made_by(makers, LOGITS, "Gemm")
    if dense is None or not _is_plain(dense):
        return False
    averaged = makers.get(dense.input[0])
    while averaged is not None and averaged.op_type in ("Reshape", "Flatten", "Identity", "Squeeze"):
        averaged = makers.get(averaged.input[0])
    if averaged is None or not _is_mean_of_maps(averaged, proto):
        return False
    axes, weights = f"{MAPS}_axes", f"{MAPS}_weights"
    graph.node.extend(
        [
            helper.make_node("Constant", [], [axes], value_ints=[2, 3]),
            helper.make_node("Unsqueeze", [dense.input[1], axes], [weights]),
            helper.make_node("Conv", [averaged.input[0], weights], [MAPS], name=MAPS),
        ]
    )
    (width,) = (output.type.tensor_type.shape.dim[1] for output in graph.output if output.name == LOGITS)
    sides = ["n", width.dim_value or width.dim_param, "rows", "columns"]
    graph.output.append(helper.make_tensor_value_info(MAPS, TensorProto.FLOAT, sides))
    return True


def _made_by(makers: dict[str, NodeProto], name: str, kind: str) -> NodeProto | None:
    node = makers.get(name)
    return node if node is not None and node.op_type == kind else None


def _is_plain(dense: NodeProto) -> bool:
    """Whether a Gemm is a dense layer: `inputs @ weights.T + bias`."""
    given = {each.name: helper.get_attribute_value(each) for each in dense.attribute}
    factors = [given.get(name, 1.0) for name in ("alpha", "beta")]
    return factors == [1.0, 1.0] and given.get("transB", 0) == 1 and not given.get("transA", 0)


def _is_mean_of_maps(node: NodeProto, proto: ModelProto) -> bool:
    """Whether a node takes the mean of each map over its rows and columns."""
    if node.op_type == "GlobalAveragePool":
        return True
    if node.op_type != "ReduceMean":
        return False
    if len(node.input) < 2:  # an attribute until opset 17
        axes = next((list(each.ints) for each in node.attribute if each.name == "axes"), [])
    else:
        axes = _integers(proto, node.input[1])
    return set(axes) in _SIDES


def _integers(proto: ModelProto, name: str) -> list[int]:
    """A constant's numbers; none where it is no constant."""
    for tensor in proto.graph.initializer:
        if tensor.name == name:
            return [int(each) for each in numpy_helper.to_array(tensor).ravel()]
    for node in proto.graph.node:
        if name in node.output and node.op_type == "Constant":
            value = helper.get_attribute_value(node.attribute[0])
            numbers = numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
            return [int(each) for each in numbers]
    return []
