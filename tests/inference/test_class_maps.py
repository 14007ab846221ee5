"""A detector gives class activation maps without torch, whatever computes its probabilities."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hilum import bundle
from hilum.bundle import Bundle
from hilum.bundle.consistency import ONNX_NAME
from hilum.bundle.int8 import add_forms
from hilum.bundle.weights import load_model
from hilum.errors import BundleError, RequestError
from hilum.explanation import attribute
from hilum.inference import Detector, engines
from hilum.inference.engines import as_input
from hilum.onnx_session import open_session
from hilum.pixels import chest_phantom, preprocess
from hilum.workflows.export import export
from tests.bundle.conftest import make, make_of
from tests.bundle.test_class_maps import by_hand, without_maps

SQUARES = np.random.default_rng(0).integers(0, 256, (11, 32, 32), dtype=np.uint8)  # more than a batch


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_of(tmp_path_factory.mktemp("maps") / "bundle", "resnet18")


@pytest.fixture(scope="module")
def earlier(opened: Bundle) -> Bundle:
    """The same bundle as an earlier Hilum wrote it."""
    network = opened.folder.parent / ONNX_NAME
    network.write_bytes(without_maps(opened.onnx))
    return add_forms(opened, opened.folder.parent / "earlier", [network])


def test_two_classes_by_one_logit_have_opposite_maps_whose_mean_is_the_logit(opened: Bundle) -> None:
    detector = Detector(opened, threads=1)
    assert detector.has_class_activation_maps
    maps = detector.class_activation_maps(SQUARES)
    assert maps.shape == (11, 2, 1, 1)
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps[:, 0], -maps[:, 1])
    logits = open_session(opened.onnx).run(["logits"], {"films": as_input(SQUARES)})[0]
    without_bias = maps.mean(axis=(2, 3))[:, 1] - logits[:, 0]
    np.testing.assert_allclose(without_bias, without_bias[0], atol=1e-5)
    assert detector.class_activation_maps(SQUARES[:0]).shape == (0, 2, 1, 1)


def test_they_are_the_same_beside_another_engine(opened: Bundle) -> None:
    pytest.importorskip("openvino")
    other = Detector(opened, threads=1, engine="openvino")
    np.testing.assert_array_equal(
        other.class_activation_maps(SQUARES), Detector(opened, threads=1).class_activation_maps(SQUARES)
    )


def test_openvino_computes_the_logits_alone_and_as_before(opened: Bundle, earlier: Bundle) -> None:
    pytest.importorskip("openvino")
    now, before = (engines.open_engine(each, "openvino", "float32", 1)[0] for each in (opened, earlier))
    np.testing.assert_array_equal(now.logits(SQUARES), before.logits(SQUARES))


def test_an_earlier_bundle_predicts_as_ever_and_gets_them_by_an_export(
    opened: Bundle, earlier: Bundle, tmp_path: Path
) -> None:
    detector = Detector(earlier, threads=1)
    assert not detector.has_class_activation_maps
    with pytest.raises(RequestError, match=r"gets them with: hilum export .*earlier --to onnx --out OUT"):
        detector.class_activation_maps(SQUARES)
    (file,) = export(earlier.folder, "onnx", tmp_path / "out")
    again = bundle.read(file.parent)
    assert again.onnx == opened.onnx
    changed = {name for name, digest in again.spec.files.items() if digest != earlier.spec.files[name]}
    assert changed == {ONNX_NAME}
    np.testing.assert_array_equal(Detector(again, threads=1).probs(SQUARES), detector.probs(SQUARES))


def test_a_network_with_another_head_has_none(tmp_path: Path) -> None:
    opened = make(tmp_path / "bundle")
    (file,) = export(opened.folder, "onnx", tmp_path / "out")
    for each in (opened, bundle.read(file.parent)):
        assert each.spec.files == opened.spec.files
        assert not Detector(each, threads=1).has_class_activation_maps


def test_maps_of_another_form_are_refused(opened: Bundle, tmp_path: Path) -> None:
    proto = by_hand("GlobalAveragePool", None, side=32)
    proto.graph.node.add(op_type="Identity", input=["logits"], output=["class_activation_maps"])
    proto.graph.output.add().CopyFrom(proto.graph.output[0])
    proto.graph.output[1].name = "class_activation_maps"
    (tmp_path / ONNX_NAME).write_bytes(proto.SerializeToString())
    wrong = add_forms(opened, tmp_path / "wrong", [tmp_path / ONNX_NAME])
    with pytest.raises(BundleError, match=r"gives logits \(n, 2\), class_activation_maps \(n, 2\); a bundle of 2"):
        Detector(wrong, threads=1)


def test_those_of_the_shipped_detector_are_gradcam() -> None:
    """`hilum explain` draws the same map by torch, times 1 over the number of its places."""
    detector = Detector(threads=1)
    pixels = detector.spec.recipe.pixels
    square = preprocess(chest_phantom(5, (256, 320), 1.0).astype(np.float32), pixels, detector.lungs)
    maps = detector.class_activation_maps(square[None])[0]
    assert maps.shape == (2, 5, 5)
    for target in (0, 1):
        expected = attribute(load_model(detector.bundle), square[None], "gradcam", target)[0]
        found = cv2.resize(maps[target] / 25, square.shape, interpolation=cv2.INTER_LINEAR)
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_shipped_bundle_stays_below_16_megabytes() -> None:
    assert sum(file.stat().st_size for file in bundle.SHIPPED.iterdir()) <= 16_000_000
