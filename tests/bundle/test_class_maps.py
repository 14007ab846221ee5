"""The second output of an exported network: what each place adds to the logits, against torch and captum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from captum.attr import LayerGradCam
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from hilum import models
from hilum.bundle.class_maps import add_class_maps, with_class_maps
from hilum.bundle.onnx_export import export_onnx, round_weights
from hilum.models.body import mean_pool
from hilum.recipe import Model

SIDE = 64
HEAVY = ("densenet121", "efficientnet-lite0", "resnet18")
Films = NDArray[np.uint8]
Maps = NDArray[np.float32]


class Small(nn.Module):
    """What such networks end in, behind one convolution."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        torch.manual_seed(outputs)
        self.maps = nn.Sequential(nn.Conv2d(1, 12, 7, stride=9), nn.BatchNorm2d(12), nn.ReLU())
        self.pool, self.dense = mean_pool(), nn.Linear(12, outputs)

    def forward(self, films: Tensor) -> Tensor:
        logits: Tensor = self.dense(self.pool(self.maps(films)))
        return logits


def films(count: int = 3) -> Films:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)


def exported(network: nn.Module, path: Path) -> bytes:
    network.train()
    network(torch.rand(8, 1, SIDE, SIDE))  # statistics that are not 0 and 1
    round_weights(network.eval())
    export_onnx(network, films(2), path, half=True)
    return path.read_bytes()


def given(network: bytes, shown: Films, *names: str) -> list[Maps]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    outputs: list[Maps] = session.run(list(names), {"films": shown[:, None].astype(np.float32) / 255})
    return outputs


def without_maps(network: bytes) -> bytes:
    """The same as an earlier Hilum exported it."""
    proto = onnx.load_from_string(network)
    del proto.graph.output[1:]
    assert [node.op_type for node in proto.graph.node[-3:]] == ["Constant", "Unsqueeze", "Conv"]
    del proto.graph.node[-3:]
    earlier: bytes = proto.SerializeToString(deterministic=True)
    return earlier


def differs_from_captum(network: nn.Module, layer: nn.Module, found: Maps) -> float:
    """By how much at most, in parts of the largest value; captum's Grad-CAM is the maps over their places."""
    places = found.shape[2] * found.shape[3]
    inputs = torch.from_numpy(films()[:, None].astype(np.float32) / 255)
    worst = 0.0
    for output in range(found.shape[1]):
        expected = LayerGradCam(network, layer).attribute(inputs, target=output)
        assert isinstance(expected, Tensor)
        grad_cam = expected.detach().numpy()[:, 0] * places
        worst = max(worst, float(np.abs(found[:, output] - grad_cam).max() / np.abs(grad_cam).max()))
    return worst


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.slow), 3])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Small, bytes]:
    network = Small(request.param)
    return network, exported(network, tmp_path_factory.mktemp("small") / "model.onnx")


def test_they_are_gradcam_and_their_mean_is_the_logit(small: tuple[Small, bytes]) -> None:
    network, file = small
    logits, maps = given(file, films(), "logits", "class_activation_maps")
    assert maps.shape == (3, logits.shape[1], 7, 7)
    assert differs_from_captum(network, network.maps, maps) < 1e-4
    bias = network.dense.bias.detach().numpy()
    np.testing.assert_allclose(maps.mean(axis=(2, 3)) + bias, logits, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_so_are_those_of_every_network_of_that_kind(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = models.build(Model(name=name), SIDE)
    (maps,) = given(exported(network, tmp_path / "model.onnx"), films(), "class_activation_maps")
    layer = network.body.get_submodule(network.body.attribution_layers[-1])
    assert differs_from_captum(network, layer, maps) < 1e-4


def test_the_logits_are_what_they_were_bit_by_bit(small: tuple[Small, bytes]) -> None:
    _, file = small
    earlier = without_maps(file)
    again = with_class_maps(earlier)
    assert again == file
    assert 0 < len(again) - len(earlier) < 350
    for shown in (films(1), films(8)):
        (before,) = given(earlier, shown, "logits")
        for names in (("logits",), ("logits", "class_activation_maps")):
            np.testing.assert_array_equal(given(again, shown, *names)[0], before)


def test_a_network_that_has_them_stays_as_it_is(small: tuple[Small, bytes]) -> None:
    assert with_class_maps(small[1]) is small[1]


def by_hand(
    pool: str, axes: list[int] | None, *, alpha: float = 1.0, opset: int = 20, side: int = 8
) -> onnx.ModelProto:
    """A network of a mean and a dense layer, as other exporters may write it."""
    weights = numpy_helper.from_array(np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32), "weights")
    bias = numpy_helper.from_array(np.zeros(2, np.float32), "bias")
    constants, inputs = [weights, bias], ["maps"]
    kept: dict[str, Any] = {}
    if axes is not None and opset >= 18:
        constants.append(numpy_helper.from_array(np.array(axes, np.int64), "axes"))
        inputs.append("axes")
    elif axes is not None:
        kept["axes"] = axes
    nodes = [
        helper.make_node("Concat", ["films", "films", "films"], ["maps"], axis=1),
        helper.make_node(pool, inputs, ["mean"], **kept),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"], transB=1, alpha=alpha),
    ]
    graph = helper.make_graph(
        nodes, "made",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", 1, side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])],
        constants,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def then(network: onnx.ModelProto, kind: str) -> onnx.ModelProto:
    """The same with another operator behind its dense layer."""
    network.graph.node[-1].output[0] = "dense"
    network.graph.node.append(helper.make_node(kind, ["dense"], ["logits"]))
    return network


@pytest.mark.parametrize(
    ("network", "added"),
    [
        (by_hand("GlobalAveragePool", None), True),
        (by_hand("ReduceMean", [3, 2]), True),
        (by_hand("ReduceMean", [-2, -1], opset=17), True),
        (by_hand("GlobalAveragePool", None, alpha=2.0), False),
        (by_hand("ReduceMean", [1, 2]), False),
        (by_hand("GlobalMaxPool", None), False),
        (then(by_hand("GlobalAveragePool", None), "Identity"), False),  # as of several views or networks together
    ],
)
def test_a_mean_over_all_places_is_known_however_it_is_written(network: onnx.ModelProto, added: bool) -> None:
    assert add_class_maps(network) is added
    onnx.checker.check_model(network)
    if added:
        shown = np.random.default_rng(1).integers(0, 256, (2, 8, 8), dtype=np.uint8)
        logits, maps = given(network.SerializeToString(), shown, "logits", "class_activation_maps")
        np.testing.assert_allclose(maps.mean(axis=(2, 3)), logits, atol=1e-6)
