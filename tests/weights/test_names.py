"""Other libraries' names of weights become ours, and every value stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hilum.errors import RecipeError
from hilum.recipe import Model, Weights
from hilum.weights import load
from tests.weights.conftest import build, films, one_line, weights_of

pytestmark = pytest.mark.usefixtures("narrow")


def save(path: Path, tensors: dict[str, Tensor]) -> str:
    torch.save(tensors, path)
    return str(path)


class TestDenseNet:
    SPEC = Model("densenet121", channels=3, normalise="imagenet")

    def test_torchvisions_published_file_has_older_names(self, tmp_path: Path) -> None:
        """features.denseblock1.denselayer1.norm.1.weight; transitions and other layers are named as today."""
        tensors = weights_of(build(self.SPEC, seed=1))
        older = {re.sub(r"(norm|conv)([12])\.", r"\1.\2.", name): values for name, values in tensors.items()}
        assert "features.denseblock4.denselayer16.conv.2.weight" in older
        network = build(self.SPEC, seed=2)
        report = load(network, Weights(source=save(tmp_path / "mine.pth", older)), self.SPEC)
        assert not report.discrepancies()
        assert all(torch.equal(values, tensors[name]) for name, values in weights_of(network).items())

    def test_torchxrayvisions_have_one_channel_18_outputs_and_thresholds(self, tmp_path: Path) -> None:
        theirs = Model("densenet121", normalise="torchxrayvision", output="softmax")
        tensors = weights_of(build(theirs, seed=1, classes=18))
        source = save(tmp_path / "xrv.pt", {**tensors, "op_threshs": torch.full((18,), torch.nan)})
        network, spec = build(theirs, seed=2), Model("densenet121", normalise="torchxrayvision")
        report = load(network, Weights(source=source, part="trunk"), spec)
        assert report.unused == ("classifier.weight", "classifier.bias")
        assert not report.discrepancies()
        assert "trained with model.normalise=torchxrayvision" in report.summary()
        with torch.no_grad():
            expected = build(theirs, seed=1, classes=18).split("trunk")[0](films())
            assert torch.equal(network.split("trunk")[0](films()), expected)

    def test_torchxrayvisions_need_their_own_normalisation(self, tmp_path: Path) -> None:
        spec = Model("densenet121")
        source = save(tmp_path / "xrv.pt", weights_of(build(Model("densenet121", output="softmax"), 1, classes=18)))
        with pytest.raises(RecipeError, match=r"set model\.normalise=torchxrayvision") as raised:
            load(build(spec, seed=2), Weights(source=source, part="trunk"), spec)
        assert "model.channels" not in one_line(raised)
