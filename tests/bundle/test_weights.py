"""A bundle of several networks, or of one that learnt from crops, holds their weights and opens as what it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from safetensors import safe_open
from safetensors.torch import load

from hilum import bundle, models
from hilum.bundle import Bundle, Decisions, Member, OperatingPoint
from hilum.bundle.golden import golden_films
from hilum.bundle.network_payload import NetworkPayload
from hilum.bundle.onnx_export import export_onnx, round_weights
from hilum.bundle.read import seal_of
from hilum.bundle.seal import data_fingerprint
from hilum.bundle.weights import deployed, load_model, save_weights
from hilum.bundle.write import write
from hilum.confidence import Calibration, calibrated
from hilum.errors import RecipeError, RequestError
from hilum.inference import Detector
from hilum.recipe import Recipe, parse_recipe
from hilum.records import Manifest
from tests.bundle.conftest import FILMS, make

CLASSES = ("NORMAL", "PNEUMONIA")
CHOSEN = Decisions(OperatingPoint(0.5, "half", "nothing: it is fixed"), Calibration(), None, None, {})


def recipe_of(name: str = "dense", crop: int = 32, **tables: dict[str, object]) -> Recipe:
    table: dict[str, object] = {"name": name, "pixels": {"size": 48}, "batches": {"crop": crop}}
    return parse_recipe({**table, "model": {"head": "linear"}, "bundle": {"weights": "float16"}, **tables}, "test")


def network_of(recipe: Recipe, seed: int = 0) -> models.Network:
    torch.manual_seed(seed)
    network = models.build(recipe.model, recipe.side).eval()
    round_weights(network)
    return network


def write_one(folder: Path, recipe: Recipe, network: models.Network) -> Bundle:
    return write(
        NetworkPayload([network], recipe),
        folder,
        recipe=recipe,
        classes=CLASSES,
        manifest=Manifest(FILMS),
        decisions=CHOSEN,
        gate=None,
        history=[],
    )


def member_of(opened: Bundle, share: float) -> Member:
    spec = opened.spec
    return Member(spec.recipe, share, spec.data, spec.data_fingerprint, spec.seal)


def probs_of(model: torch.nn.Module) -> np.ndarray:
    with torch.no_grad():
        films = torch.from_numpy(golden_films(recipe_of().pixels))[:, None].float() / 255
        return bundle.probabilities(model(films).numpy())


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    recipe = recipe_of(bundle={"weights": "float16", "scales": [32, 48], "flips": True})
    return write_one(tmp_path_factory.mktemp("dense") / "bundle", recipe, network_of(recipe))


@pytest.fixture(scope="module")
def fused(dense: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The network of crops, and one of two logits that sees whole films."""
    folder = tmp_path_factory.mktemp("fused")
    whole = recipe_of("whole", crop=0, model={"name": "resnet18", "head": "linear", "output": "softmax"})
    other = write_one(folder / "whole", whole, network_of(whole, seed=1))
    networks = [network_of(dense.spec.recipe), network_of(whole, seed=1)]
    recipe = replace(recipe_of("both", crop=0), model=replace(whole.model, name="s1-cnn + resnet18"))
    members = (member_of(dense, 0.25), replace(member_of(other, 0.75), data_fingerprint="00" * 32))
    return write(
        NetworkPayload(networks, recipe, members),
        folder / "bundle",
        recipe=recipe,
        classes=CLASSES,
        manifest=Manifest(FILMS),
        decisions=CHOSEN,
        gate=None,
        history=[],
    )


def test_a_network_of_crops_opens_as_it_judged(dense: Bundle) -> None:
    recipe = dense.spec.recipe
    expected = models.DenseEvaluation(network_of(recipe), 48, 32, (32, 48), True).eval()
    model = load_model(dense)
    assert isinstance(model, models.DenseEvaluation)
    assert not model.training
    assert (model.size, model.side, model.scales, model.flips) == (48, 32, (32, 48), True)
    np.testing.assert_array_equal(probs_of(model), probs_of(expected))
    np.testing.assert_allclose(
        Detector(dense.folder).probs(golden_films(recipe.pixels)), probs_of(expected), atol=1e-5
    )


def test_its_weights_have_the_names_of_the_network_alone(dense: Bundle) -> None:
    """So that another network starts from them as from any bundle's."""
    assert set(load(dense.weights)) == set(network_of(dense.spec.recipe).state_dict())
    with safe_open(dense.folder / "weights.safetensors", framework="pt") as file:
        assert file.metadata() == {"architecture": "s1-cnn", "normalise": "film"}


def test_several_networks_open_as_they_judged(fused: Bundle, dense: Bundle) -> None:
    model = load_model(fused)
    assert isinstance(model, models.Fused)
    assert model.shares == (0.25, 0.75)
    whole = network_of(fused.spec.members[1].recipe, seed=1)
    expected = 0.25 * probs_of(load_model(dense)) + 0.75 * probs_of(whole)
    np.testing.assert_allclose(probs_of(model), expected, atol=1e-6)
    detector = Detector(fused.folder)
    np.testing.assert_allclose(detector.probs(golden_films(detector.spec.recipe.pixels)), expected, atol=1e-5)


def test_several_networks_weights_stand_behind_their_number(fused: Bundle) -> None:
    names = {
        f"members.{number}.{name}"
        for number, recipe in enumerate(fused.spec.recipes)
        for name in network_of(recipe).state_dict()
    }
    stored = load(fused.weights)
    assert set(stored) == names
    assert {tensor.dtype for tensor in stored.values() if tensor.ndim >= 2} == {torch.float16}
    with safe_open(fused.folder / "weights.safetensors", framework="pt") as file:
        assert file.metadata() == {"members": "s1-cnn, resnet18"}


def test_no_other_network_starts_from_several(fused: Bundle) -> None:
    from hilum import weights
    from hilum.recipe import Weights

    recipe = fused.spec.members[0].recipe
    with pytest.raises(RecipeError, match="none of its weights"):
        weights.load(network_of(recipe), Weights(source=str(fused.folder)), recipe.model)


def test_the_record_and_the_card_say_what_was_fused(fused: Bundle, dense: Bundle) -> None:
    spec, text = fused.spec, (fused.folder / "CARD.md").read_text()
    assert spec.members[0].seal == dense.spec.seal
    assert list(spec.data) == ["train (1: dense)", "train (2: whole)", "val"]
    parameters = sum(models.count_parameters(network_of(recipe)).total for recipe in spec.recipes)
    assert f"Networks: s1-cnn + resnet18, {parameters:,} parameters; grey films of 48×48 pixels" in text
    own = f"`{data_fingerprint(Manifest(FILMS))[:16]}` | `{dense.spec.seal[:16]}`"
    shown = "crops of 32 pixels all over the film scaled to 32 and 48, and in its mirror image"
    assert f"| 0.2500 | dense | s1-cnn | {shown} | {own} |" in text
    assert "| 0.7500 | whole | resnet18 | the whole film | `0000000000000000` |" in text
    assert "| train (2: whole) | 1 NORMAL, 1 PNEUMONIA/virus | 2 |" in text
    assert "Of `whole` it is not known whether these films are among those that it was trained on" in text


def test_the_card_says_what_one_network_is_shown(dense: Bundle, session_bundle: Path) -> None:
    text = (dense.folder / "CARD.md").read_text()
    assert "of which it is shown crops of 32 pixels all over the film scaled to 32 and 48, and in its mirror" in text
    assert "of which it is shown the whole film.\n" in (session_bundle / "CARD.md").read_text()


def test_where_networks_differ_in_how_they_weigh_classes_the_card_says_so(fused: Bundle) -> None:
    from hilum.bundle.card import card

    first, second = fused.spec.members
    counts = replace(second.recipe, training=replace(second.recipe.training, class_weights="none"))
    text = card(replace(fused.spec, members=(first, replace(second, recipe=counts))), False)
    assert "meant for a clinic between one in which the classes are equally frequent and one in which they" in text


def test_a_bundle_from_before_there_were_several_opens_as_one_network(tmp_path: Path) -> None:
    opened = make(tmp_path / "bundle")
    record = json.loads((opened.folder / "bundle.json").read_text())
    del record["members"], record["recipe"]["bundle"]["scales"], record["recipe"]["bundle"]["flips"]
    (opened.folder / "bundle.json").write_text(json.dumps({**record, "seal": seal_of(record)}))
    again = bundle.read(opened.folder)
    assert again.spec.members == ()
    assert isinstance(load_model(again), models.Network)


def test_the_shipped_bundle_opens_as_its_network() -> None:
    opened = bundle.read("shipped")
    model = load_model(opened)
    assert isinstance(model, models.Network)
    films = golden_films(opened.spec.recipe.pixels)
    with torch.no_grad():
        given = bundle.probabilities(model(torch.from_numpy(films)[:, None].float() / 255).numpy())
    probs = calibrated(opened.spec.calibration, given)
    np.testing.assert_allclose(json.loads(opened.golden)["probs"], probs, atol=0.01)


def test_one_network_of_whole_films_is_deployed_as_it_is() -> None:
    recipe = recipe_of(crop=0)
    network = network_of(recipe)
    assert deployed([network], recipe) is network


def test_a_network_too_large_for_a_file_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with torch.device("meta"):
        large = torch.nn.Linear(40_000, 20_000)
    films = np.zeros((2, 32, 32), dtype=np.uint8)
    with pytest.raises(
        RequestError, match=r"take 3\.2 GB, and an ONNX file ends at 2 GiB; set bundle.weights=float16"
    ):
        export_onnx(large, films, tmp_path / "model.onnx", half=False)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the same call fails, in the library written in Rust."""
    resource = pytest.importorskip("resource")
    recipe = recipe_of()
    network, before = network_of(recipe), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large.*weights\.safetensors"):
            save_weights([network], [recipe], tmp_path / "weights.safetensors", half=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
