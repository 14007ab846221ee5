"""Networks of timm, by a module that has timm's functions and one small network: timm itself is in no test."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from hilum import extras, models
from hilum.bundle.onnx_export import export_onnx
from hilum.errors import RecipeError, RequestError
from hilum.recipe import Model, Weights
from hilum.weights import load

SPEC = Model("timm:small_net.a1_in1k", channels=3)


class SmallNet(nn.Module):
    """As timm makes one with `num_classes=0` and `global_pool=''`: maps come out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 6, 3, stride=4, padding=1, bias=False)
        self.bn1, self.act = nn.BatchNorm2d(6), nn.SiLU()
        self.depthwise = nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-1] > 128:
            raise AssertionError("Input size doesn't match model.\nIn detail: …")
        maps: Tensor = self.depthwise(self.act(self.bn1(self.stem(images))))
        return maps


class Tokens(SmallNet):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).flatten(2).transpose(1, 2)


class Timm(ModuleType):
    __version__ = "1.0"

    def is_model(self, name: str) -> bool:
        return name.partition(".")[0] in ("small_net", "tokens")

    def create_model(
        self, name: str, *, pretrained: bool, in_chans: int, num_classes: int, global_pool: str
    ) -> nn.Module:
        assert not pretrained, "nothing is downloaded"
        assert (num_classes, global_pool) == (0, "")
        return (Tokens if name == "tokens" else SmallNet)(in_chans)


@pytest.fixture
def _timm(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Timm("timm")
    module.__spec__ = ModuleSpec("timm", None)
    monkeypatch.setitem(sys.modules, "timm", module)


def test_without_timm_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(RequestError) as refused:
        models.build(Model("timm:resnet18"), 64)
    assert str(refused.value) == (
        'model.name=timm:resnet18 needs timm, which is not installed: pip install "hilum[timm]"'
    )


@pytest.mark.usefixtures("_timm")
@pytest.mark.parametrize(
    ("name", "size", "line"),
    [
        ("resnet999", 64, "model.name: timm 1.0 has no network 'resnet999'; python -c"),
        ("hf-hub:somebody/theirs", 64, "has no network 'hf-hub:somebody/theirs'"),
        (
            "small_net",
            160,
            r"small_net cannot take images of 160 .* \(Input size doesn't match model\.\); set another",
        ),
        ("tokens", 64, "timm's tokens gives no maps .*; name a convolutional network"),
    ],
)
def test_what_it_cannot_be_is_refused(name: str, size: int, line: str) -> None:
    with pytest.raises(RecipeError, match=line) as refused:
        models.build(Model(f"timm:{name}"), size)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("_timm")
@pytest.mark.parametrize("head", ["default", "s2", "linear"])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_a_network_as_the_others(head: str, channels: int) -> None:
    network = models.build(Model("timm:small_net", channels=channels, head=head), 97, 3).eval()  # type: ignore[arg-type]
    films = torch.rand(2, 1, 97, 97)
    with torch.no_grad():
        expected = network(films)
        assert expected.shape == (2, 3)
        for stage in ("features", "trunk"):
            before, after = network.split(stage)
            assert torch.equal(after(before(films)), expected)
    layers = dict(network.body.named_modules())
    assert all(name in layers for name in network.body.attribution_layers)
    parts = [parameter for part in network.parts().values() for parameter in part.parameters()]
    assert {id(each) for each in parts} == {id(each) for each in network.parameters()}


@pytest.mark.usefixtures("_timm")
def test_onnx_says_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    export_onnx(models.build(SPEC, 64).eval(), pixels, tmp_path / "model.onnx", half=False)


@pytest.mark.usefixtures("_timm")
def test_timms_own_names_are_read(tmp_path: Path) -> None:
    weights = SmallNet(3).state_dict()
    save_file(weights, tmp_path / "timm.safetensors")
    network = models.build(SPEC, 64)
    report = load(network, Weights(source=str(tmp_path / "timm.safetensors"), part="trunk"), SPEC)
    assert not report.discrepancies()
    trunk = network.body.stages["features"].state_dict()
    assert all(torch.equal(trunk[name], values) for name, values in weights.items())
