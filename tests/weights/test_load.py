"""Weights go where their names and shapes say, or the line says why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from torch import Tensor

from hilum import models
from hilum.errors import RecipeError, RequestError
from hilum.recipe import Model, Weights
from hilum.weights import load
from tests.weights.conftest import build, films, one_line, save, weights_of

SPEC = Model(name="s1-cnn", head="linear")
CONVOLUTION, DENSE = "features.0.weight", ("classifier.weight", "classifier.bias")


Change = Mapping[str, Tensor | None]


def written(
    path: Path, spec: Model = SPEC, change: Change = MappingProxyType({}), metadata: dict[str, str] | None = None
) -> Path:
    """The weights of a network of seed 1; `change` replaces them, None takes them out."""
    tensors = {**weights_of(build(spec, seed=1)), **change}
    return save(path, {name: tensor for name, tensor in tensors.items() if tensor is not None}, metadata)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "weights.safetensors"


@pytest.fixture
def network() -> models.Network:
    return build(SPEC, seed=2)


def logits(network: models.Network) -> Tensor:
    with torch.no_grad():
        found: Tensor = network(films())
    return found


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", ["s1-cnn", "vgg11", "resnet18"])
def test_every_weight_is_taken(name: str, path: Path) -> None:
    spec = Model(name=name, head="linear")
    network = build(spec, seed=2)
    report = load(network, Weights(source=str(written(path, spec))), spec)
    assert torch.equal(logits(network), logits(build(spec, seed=1)))
    assert set(report.matched) == set(network.body.state_dict())
    assert not report.missing + report.left_over + report.reshaped + report.folded + report.kept + report.unused


def test_a_runs_bundle_is_a_source(tmp_path: Path, network: models.Network) -> None:
    tensors = {f"body.{name}": tensor for name, tensor in weights_of(build(SPEC, seed=1)).items()}
    save(tmp_path / "bundle" / "weights.safetensors", tensors, {"architecture": "s1-cnn", "normalise": "film"})
    report = load(network, Weights(source=str(tmp_path)), SPEC)
    assert torch.equal(logits(network), logits(build(SPEC, seed=1)))
    assert report.expects == "film"
    assert report.summary().endswith("weights.safetensors; trained with model.normalise=film")


def test_the_report_is_one_line_that_says_what_nobody_knows(path: Path, network: models.Network) -> None:
    words = load(network, Weights(source=str(written(path))), SPEC).summary()
    assert words == f"37 weights from {path}; the file does not say which model.normalise it was trained with"


def test_older_files_have_no_counters_of_batches(path: Path, network: models.Network) -> None:
    tensors = {name: t for name, t in weights_of(network).items() if not name.endswith("num_batches_tracked")}
    report = load(network, Weights(source=str(save(path, tensors))), SPEC)
    assert len(report.matched) == 32
    assert not report.missing


class TestTrunk:
    def test_leaves_the_networks_head_alone(self, path: Path, network: models.Network) -> None:
        before = weights_of(network)
        change = {"classifier.weight": torch.zeros(1000, 256), "classifier.bias": torch.zeros(1000)}
        report = load(network, Weights(source=str(written(path, change=change)), part="trunk"), SPEC)
        after, given = weights_of(network), weights_of(build(SPEC, seed=1))
        assert all(torch.equal(after[name], (before if name in DENSE else given)[name]) for name in after)
        assert report.kept == DENSE
        assert set(report.unused) == set(DENSE)
        assert "2 of the network as drawn (classifier.weight, classifier.bias)" in report.summary()
        assert "2 of the file not used (classifier." in report.summary()

    def test_may_come_from_a_file_without_a_head(self, path: Path, network: models.Network) -> None:
        source = str(written(path, change={"classifier.weight": None, "classifier.bias": None}))
        assert not load(network, Weights(source=source, part="trunk"), SPEC).unused

    def test_has_to_match_all_the_same(self, path: Path, network: models.Network) -> None:
        source = str(written(path, change={"features.0.bias": None}))
        with pytest.raises(RecipeError, match=r"1 missing in the file \(features\.0\.bias\)"):
            load(network, Weights(source=source, part="trunk"), SPEC)


class TestMismatch:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"features.0.weight": None}, "1 missing in the file (features.0.weight); set the model.name"),
            ({"features.99.weight": torch.ones(2)}, "1 left over (features.99.weight); set the model.name"),
            (
                {"features.0.weight": torch.ones(32, 1, 5, 5)},
                "1 of another shape (features.0.weight is 32×1×5×5 in the file and 32×1×3×3 in the network); set the",
            ),
            (
                {"classifier.weight": torch.ones(7, 256), "classifier.bias": None},
                "1 missing in the file (classifier.bias), 1 of another shape (classifier.weight is 7×256 in the file "
                "and 1×256 in the network); set weights.part=trunk to draw the head anew, or weights.mismatch=skip",
            ),
        ],
    )
    def test_is_refused_with_the_way_out(
        self, change: Change, words: str, path: Path, network: models.Network
    ) -> None:
        before = weights_of(network)
        with pytest.raises(RecipeError) as raised:
            load(network, Weights(source=str(written(path, change=change))), SPEC)
        assert f"{path}: does not fit s1-cnn: {words}" in one_line(raised)
        after = weights_of(network)
        assert all(torch.equal(before[name], after[name]) for name in before)

    def test_is_skipped_on_request_and_reported(self, path: Path, network: models.Network) -> None:
        before = weights_of(network)
        change = {
            "features.0.bias": None,
            "classifier.weight": torch.ones(7, 256),
            "classifier.bias": torch.ones(7),
            "extra": torch.ones(1),
        }
        report = load(network, Weights(source=str(written(path, change=change)), mismatch="skip"), SPEC)
        assert report.missing == ("features.0.bias",)
        assert report.left_over == ("extra",)
        assert [(each.name, each.file, each.network) for each in report.reshaped] == [
            ("classifier.weight", (7, 256), (1, 256)),
            ("classifier.bias", (7,), (1,)),
        ]
        assert report.discrepancies() in report.summary()
        after, given = weights_of(network), weights_of(build(SPEC, seed=1))
        for name in after:
            skipped = name in ("features.0.bias", *DENSE)
            assert torch.equal(after[name], before[name] if skipped else given[name])

    @pytest.mark.parametrize("mismatch", ["error", "skip"])
    def test_a_file_of_which_nothing_fits_is_always_refused(
        self, mismatch: str, path: Path, network: models.Network
    ) -> None:
        save(path, {"encoder.weight": torch.ones(3, 3)})
        with pytest.raises(RecipeError, match=r"none of its weights \(encoder\.weight\) fits s1-cnn") as raised:
            load(network, Weights(source=str(path), mismatch=mismatch), SPEC)  # type: ignore[arg-type]
        one_line(raised)

    @pytest.mark.usefixtures("narrow")
    def test_another_architecture_is_named(self, path: Path) -> None:
        """Both have the same names and shapes, and halve their maps in another convolution."""
        network, spec = build(Model(name="resnet50-paper", head="linear"), 2), Model(name="resnet50-paper")
        save(path, weights_of(network), {"architecture": "resnet50"})
        with pytest.raises(RecipeError, match=r"network is resnet50-paper; set model\.name=resnet50; or") as raised:
            load(network, Weights(source=str(path)), spec)
        one_line(raised)
        report = load(network, Weights(source=str(path), mismatch="skip"), spec)
        assert "weights of resnet50, and the network is resnet50-paper" in report.summary()

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_values_that_are_no_numbers_are_refused(self, value: float, path: Path, network: models.Network) -> None:
        source = str(written(path, change={"classifier.bias": torch.tensor([value])}))
        with pytest.raises(
            RequestError, match=r"classifier\.bias are NaN or infinite.*weights\.part=trunk"
        ) as raised:
            load(network, Weights(source=source), SPEC)
        one_line(raised)
        load(network, Weights(source=source, part="trunk"), SPEC)


@pytest.mark.usefixtures("narrow")
class TestFolding:
    @pytest.mark.parametrize("normalise", ["film", "film-vgg", "none"])
    @pytest.mark.parametrize("name", ["s1-cnn", "resnet18"])
    def test_one_channel_gives_the_logits_of_three(self, name: str, normalise: str, path: Path) -> None:
        three = Model(name=name, channels=3, normalise=normalise, head="linear")  # type: ignore[arg-type]
        one = Model(name=name, channels=1, normalise=normalise, head="linear")  # type: ignore[arg-type]
        network = build(one, seed=2)
        report = load(network, Weights(source=str(written(path, three))), one)
        first = "conv1.weight" if name == "resnet18" else CONVOLUTION
        assert report.folded == (first,)
        assert first in report.matched
        assert f"{first} folded from three channels to one" in report.summary()
        torch.testing.assert_close(logits(network), logits(build(three, seed=1)), rtol=1e-4, atol=1e-5)

    def test_kernels_of_another_size_are_not_folded(self, path: Path, network: models.Network) -> None:
        source = str(written(path, change={CONVOLUTION: torch.ones(32, 3, 5, 5)}))
        with pytest.raises(RecipeError, match="32×3×5×5 in the file and 32×1×3×3 in the network"):
            load(network, Weights(source=source), SPEC)

    def test_one_channel_is_not_spread_over_three(self, path: Path) -> None:
        three = Model(name="s1-cnn", channels=3, head="linear")
        with pytest.raises(RecipeError, match="32×1×3×3 in the file and 32×3×3×3 in the network"):
            load(build(three, seed=2), Weights(source=str(written(path))), three)


class TestNormalisation:
    @pytest.mark.parametrize(
        ("expects", "fitting"),
        [
            ("vgg", {"vgg", "film-vgg"}),
            ("imagenet", {"imagenet", "film"}),
            ("film", {"film"}),
            ("film-vgg", {"film-vgg"}),
            ("efficientnet", {"efficientnet", "film-efficientnet"}),
            ("torchxrayvision", {"torchxrayvision"}),
            ("none", {"none"}),
        ],
    )
    @pytest.mark.parametrize(
        "normalise", ["film", "none", "imagenet", "vgg", "film-vgg", "efficientnet", "film-efficientnet"]
    )
    def test_travels_with_the_weights(
        self, expects: str, fitting: set[str], normalise: str, path: Path, network: models.Network
    ) -> None:
        source = str(written(path, metadata={"normalise": expects}))
        spec = Model(name="s1-cnn", normalise=normalise)  # type: ignore[arg-type]
        if normalise in fitting:
            assert load(network, Weights(source=source), spec).expects == expects
            return
        with pytest.raises(RecipeError, match=f"trained with model.normalise={expects}, and") as raised:
            load(network, Weights(source=source), spec)
        assert all(f"model.normalise={name}" in one_line(raised) for name in fitting)
        report = load(network, Weights(source=source, mismatch="skip"), spec)
        assert f"the network has {normalise}" in report.summary()

    def test_the_line_says_which_need_three_channels(self, path: Path, network: models.Network) -> None:
        source = str(written(path, metadata={"normalise": "vgg"}))
        with pytest.raises(RecipeError) as raised:
            load(network, Weights(source=source), SPEC)
        assert "set model.normalise=vgg (with model.channels=3) or model.normalise=film-vgg; or" in one_line(raised)


class TestTheRealTrunk:
    SPEC = Model(name="vgg16", normalise="film-vgg", head="linear")
    SOURCE = Weights(source="vgg16_imagenet_features", part="trunk")

    @pytest.fixture(autouse=True)
    def _at_hand(self, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HILUM_WEIGHTS", str(shared / "weights"))

    def test_folds_into_one_channel_exactly(self) -> None:
        maps = []
        for channels in (1, 3):
            spec = Model(name="vgg16", channels=channels, normalise="film-vgg", head="linear")
            network = models.build(spec, 32).eval()
            report = load(network, self.SOURCE, spec)
            assert len(report.matched) == 26
            assert report.folded == ((CONVOLUTION,) if channels == 1 else ())
            with torch.no_grad():
                maps.append(network.split("trunk")[0](films()))
        torch.testing.assert_close(maps[0], maps[1], rtol=1e-4, atol=1e-3)
        assert maps[0].max() > 1

    def test_is_refused_behind_another_normalisation(self) -> None:
        network = models.build(self.SPEC, 32)
        with pytest.raises(RecipeError, match=r"trained with model\.normalise=vgg, and the network has film;"):
            load(network, self.SOURCE, Model(name="vgg16"))
