"""A deep VGG starts from a trained configuration A (Simonyan & Zisserman, ICLR 2015, section 3.1)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from hilum import models
from hilum.errors import RecipeError
from hilum.recipe import Init, Model
from hilum.weights import start_from_vgg11
from tests.weights.conftest import build, one_line, save, weights_of

A = Model(name="vgg11", head="s2")
# Each network's conv1_1, conv2_1, conv3_1 and conv3_2, by hand from torchvision's tables.
COPIED = {
    "vgg13": ("features.0", "features.5", "features.10", "features.12"),
    "vgg16": ("features.0", "features.5", "features.10", "features.12"),
    "vgg16-c": ("features.0", "features.5", "features.10", "features.12"),
    "vgg19": ("features.0", "features.5", "features.10", "features.12"),
    "vgg16-bn": ("features.0", "features.7", "features.14", "features.17"),
}
OF_A = ("features.0", "features.3", "features.6", "features.8")


def trained(path: Path, spec: Model = A, classes: int = 2, **metadata: str) -> Init:
    """A network of seed 1, as the source of an initialisation."""
    save(path / "vgg11.safetensors", weights_of(build(spec, seed=1, classes=classes)), metadata)
    return Init(source=str(path / "vgg11.safetensors"), deviation=0.01)


pytestmark = pytest.mark.usefixtures("narrow")


@pytest.mark.parametrize("name", COPIED)
def test_takes_four_convolutions_and_the_dense_layers_and_draws_the_rest(name: str, tmp_path: Path) -> None:
    spec = Model(name=name, head="s2")
    network, given = build(spec, seed=2), weights_of(build(A, seed=1))
    before = weights_of(network)
    report = start_from_vgg11(network, trained(tmp_path), spec)
    copied = dict(zip(COPIED[name], OF_A, strict=True)) | {f"classifier.{n}": f"classifier.{n}" for n in (0, 2, 4)}
    assert set(report.matched) == {f"{layer}.{kind}" for layer in copied for kind in ("weight", "bias")}
    drawn = []
    for layer, module in network.body.named_modules():
        if layer in copied:
            assert torch.equal(module.weight, given[f"{copied[layer]}.weight"])
            assert torch.equal(module.bias, given[f"{copied[layer]}.bias"])
        elif isinstance(module, nn.Conv2d):
            drawn.append(module.weight.detach().flatten())
            assert module.bias is not None
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert torch.equal(module.running_mean, before[f"{layer}.running_mean"])  # type: ignore[arg-type]
            assert torch.equal(module.weight, torch.ones_like(module.weight))
    values = torch.cat(drawn)
    assert values.std().item() == pytest.approx(0.01, rel=0.05)  # four standard errors of 3,000 values
    assert abs(values.mean().item()) < 8e-4
    assert len(report.unused) == 8
    assert "all other convolutions drawn with a deviation of 0.01" in report.summary()


def test_takes_the_papers_own_dense_layers_from_three_channels_to_one(tmp_path: Path) -> None:
    deep, shallow = Model(name="vgg19"), Model(name="vgg11", channels=3)
    network, given = build(deep, seed=2), weights_of(build(shallow, seed=1))
    report = start_from_vgg11(network, trained(tmp_path, shallow, normalise="film"), deep)
    found = weights_of(network)
    assert report.folded == ("features.0.weight",)
    torch.testing.assert_close(found["features.0.weight"], given["features.0.weight"].sum(1, keepdim=True))
    assert all(torch.equal(found[f"classifier.{n}.weight"], given[f"classifier.{n}.weight"]) for n in (0, 3, 6))


class TestRefuses:
    SPEC = Model(name="vgg16", head="s2")

    def refused(self, network: models.Network, init: Init, spec: Model) -> str:
        before = weights_of(network)
        with pytest.raises(RecipeError) as raised:
            start_from_vgg11(network, init, spec)
        after = weights_of(network)
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert one_line(raised).startswith("init.from: ")
        return one_line(raised)

    def test_a_network_that_is_no_vgg(self, tmp_path: Path) -> None:
        spec = Model(name="s1-cnn")
        line = self.refused(build(spec, seed=2), trained(tmp_path), spec)
        assert "only a VGG starts from a VGG-11, and s1-cnn is none" in line

    @pytest.mark.parametrize("name", ["vgg13", "vgg11-bn", "vgg11-lrn", "s1-cnn"])
    def test_a_source_that_is_no_vgg11(self, name: str, tmp_path: Path) -> None:
        line = self.refused(build(self.SPEC, seed=2), trained(tmp_path, Model(name=name, head="s2")), self.SPEC)
        assert "vgg11.safetensors is no VGG-11" in line

    def test_another_head(self, tmp_path: Path) -> None:
        line = self.refused(build(self.SPEC, seed=2), trained(tmp_path, Model(name="vgg11")), self.SPEC)
        assert "does not fit vgg16: 4 missing in the file (classifier.2.weight, " in line
        assert "the same model.head" in line

    def test_other_classes(self, tmp_path: Path) -> None:
        line = self.refused(build(self.SPEC, seed=2), trained(tmp_path, classes=3), self.SPEC)
        assert "classifier.4.weight is 3×128 in the file and 1×128 in the network" in line

    def test_another_normalisation(self, tmp_path: Path) -> None:
        line = self.refused(build(self.SPEC, seed=2), trained(tmp_path, normalise="none"), self.SPEC)
        assert "trained with model.normalise=none, and the network has film; set model.normalise=none" in line
