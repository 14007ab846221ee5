"""The network in 8-bit integers: made of films, measured on films, and in a bundle only if it says the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from hilum import bundle
from hilum.bundle import Bundle, OperatingPoint
from hilum.bundle.int8 import add_forms, compare, refuse_changed
from hilum.bundle.quantise import quantise
from hilum.errors import RequestError
from hilum.onnx_session import open_session
from hilum.pixels import chest_phantom, preprocess
from hilum.recipe import Pixels
from tests.bundle.conftest import make_of

POINT = OperatingPoint(0.4, "youden", "films")
NAMED = ("8 train films", "200 validation films")
GOLDEN = np.full((4, 2), 0.5)


def films_of(first: int, number: int) -> np.ndarray:
    films = [chest_phantom(seed, (64, 80), seed % 2) for seed in range(first, first + number)]
    return np.stack([preprocess(film, Pixels(size=32)) for film in films])


@pytest.fixture(scope="module", params=["s1-cnn", "resnet18"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_of(tmp_path_factory.mktemp("int8") / "bundle", request.param)


@pytest.fixture(scope="module")
def int8(opened: Bundle) -> Path:
    path = opened.folder.parent / "int8.onnx"
    quantise(opened.onnx, films_of(0, 24), path)
    return path


def logits(network: bytes | Path, films: np.ndarray) -> np.ndarray:
    session = open_session(network if isinstance(network, bytes) else network.read_bytes())
    return np.asarray(session.run(["logits"], {"films": films[:, None].astype(np.float32) / np.float32(255)})[0])


def test_says_nearly_the_same_of_films_it_was_not_made_of(opened: Bundle, int8: Path) -> None:
    films = films_of(100, 24)
    exact, small = logits(opened.onnx, films), logits(int8, films)
    assert np.abs(exact - small).max() < 0.15 * np.ptp(exact)
    assert np.corrcoef(exact.ravel(), small.ravel())[0, 1] > 0.98


def test_every_layer_with_weights_is_in_8_bits_and_nothing_before_the_first(int8: Path) -> None:
    graph = onnx.load(int8).graph
    assert [each.name for each in graph.output] == ["logits"]  # maps are for explaining, and stay float32
    makers = {name: node for node in graph.node for name in node.output}
    weighted = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    assert len(weighted) > 5
    for node in weighted:
        assert all(makers[name].op_type == "DequantizeLinear" for name in node.input)
    first = next(node for node in graph.node if node.op_type == "Conv")
    above, waiting = set(), [makers[makers[first.input[0]].input[0]].input[0]]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None:
            above.add(node.op_type)
            waiting.extend(node.input)
    assert {"ReduceSum", "Sqrt"} <= above  # a film's mean and deviation
    assert "QuantizeLinear" not in above
    assert int8.stat().st_size < 0.6 * (int8.parent / "bundle" / "model.onnx").stat().st_size  # of float16


def test_figures_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 200)
    exact, small = (np.clip(0.3 * labels + draw.normal(0.35, 0.2, 200), 0, 1) for _ in range(2))
    both = [np.stack([1 - probs, probs], axis=1) for probs in (exact, small)]
    record = compare(both[0], both[1], labels, POINT, NAMED, GOLDEN)
    for name, probs in (("float32", exact), ("int8", small)):
        called = probs >= 0.4
        assert getattr(record.figures["auroc"], name) == pytest.approx(roc_auc_score(labels, probs))
        assert getattr(record.figures["sensitivity"], name) == pytest.approx(recall_score(labels, called))
        assert getattr(record.figures["specificity"], name) == pytest.approx(recall_score(1 - labels, ~called))
    assert record.largest_change == pytest.approx(np.abs(exact - small).max())
    with pytest.raises(
        RequestError, match=r"int8 does not hold on 200 validation films: auroc 0\.\d+ becomes 0\.\d+, sens"
    ):
        refuse_changed(record)


def test_what_hardly_changes_may_stand_and_a_moved_operating_point_may_not() -> None:
    labels = np.repeat([0, 1], 100)
    exact = np.concatenate([np.linspace(0, 0.39, 100), np.linspace(0.41, 1, 100)])
    near = exact + np.where(labels, 1e-4, -1e-4) * (exact > 0) * (exact < 1)
    both = [np.stack([1 - probs, probs], axis=1) for probs in (exact, near, 0.5 * exact)]
    refuse_changed(compare(both[0], both[1], labels, POINT, NAMED, GOLDEN))
    with pytest.raises(
        RequestError, match=r"sensitivity 1\.0000 becomes 0\.\d+, .*; sensitivity may change by 0\.01"
    ):
        refuse_changed(compare(both[0], both[2], labels, POINT, NAMED, GOLDEN))  # ranks the same, decides otherwise


def test_of_three_classes_their_mean_and_the_accuracy_hold() -> None:
    draw = np.random.default_rng(1)
    labels, probs = draw.integers(0, 3, 90), draw.dirichlet(np.ones(3), 90)
    record = compare(probs, probs, labels, OperatingPoint(None, "argmax", ""), NAMED, np.full((4, 3), 1 / 3))
    areas = [roc_auc_score(labels == each, probs[:, each]) for each in range(3)]
    assert record.figures["auroc"].int8 == pytest.approx(np.mean(areas))
    assert record.figures["accuracy"].int8 == pytest.approx((probs.argmax(axis=1) == labels).mean())
    refuse_changed(record)


def test_a_bundle_that_holds_it_is_sealed_with_it(opened: Bundle, int8: Path, tmp_path: Path) -> None:
    labels, probs = np.repeat([0, 1], 2), np.tile([0.5, 0.5], (4, 1))
    record = compare(probs, probs, labels, POINT, NAMED, GOLDEN)
    written = add_forms(opened, tmp_path / "bundle", [int8], record)
    assert written.int8 is not None
    assert opened.int8 is None
    assert set(written.spec.files) == {*opened.spec.files, "int8.onnx", "int8.json"}
    assert {name: written.spec.files[name] for name in ("model.onnx", "golden.json")} == {
        name: opened.spec.files[name] for name in ("model.onnx", "golden.json")
    }
    content = bytearray(written.int8)
    content[len(content) // 2] ^= 1
    (written.folder / "int8.onnx").write_bytes(content)
    with pytest.raises(RequestError, match=r"int8\.onnx: changed after it was written"):
        bundle.read(tmp_path / "bundle")
