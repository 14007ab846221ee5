"""What is stored is what was measured, whatever a network is made of."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxruntime
import torch

from hilum import models
from hilum.bundle.golden import golden_films
from hilum.bundle.onnx_export import export_onnx, round_weights
from hilum.recipe import Model, Pixels


def test_half_the_bytes_hold_batch_norms_behind_convolutions_too(tmp_path: Path) -> None:
    """Folded into its convolution, a batch norm leaves weights that float16 cannot hold."""
    torch.manual_seed(0)
    network = models.build(Model(name="resnet18"), 32)
    network.train()
    for _ in range(3):  # statistics that are not 0 and 1
        network(torch.rand(8, 1, 32, 32))
    round_weights(network.eval())
    films = golden_films(Pixels(size=32))
    exact = export_onnx(network, films, tmp_path / "whole.onnx", half=False)
    halved = export_onnx(network, films, tmp_path / "half.onnx", half=True)
    assert halved < 5e-5 + 2 * exact
    assert (tmp_path / "half.onnx").stat().st_size < 0.56 * (tmp_path / "whole.onnx").stat().st_size


def test_a_runtime_can_fold_every_batch_norm_that_follows_a_convolution(tmp_path: Path) -> None:
    network = models.build(Model(name="resnet18"), 32).eval()
    export_onnx(network, golden_films(Pixels(size=32)), tmp_path / "model.onnx", half=True)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(tmp_path / "model.onnx", options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
    assert "Conv" in kinds
    assert not {"BatchNormalization", "Expand"} & kinds
