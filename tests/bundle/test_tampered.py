"""Whatever the files of a bundle hold, sealed again or not, it opens or one line says what is wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load, save

from hilum import bundle, models
from hilum.bundle import Bundle, Member
from hilum.bundle.int8 import add_forms, compare
from hilum.bundle.network_payload import NetworkPayload
from hilum.bundle.quantise import quantise
from hilum.bundle.weights import load_networks
from hilum.bundle.write import write
from hilum.confidence import Calibration
from hilum.errors import BundleError, HilumError
from hilum.inference import Detector
from hilum.records import Manifest
from tests.bundle.conftest import FILMS, make
from tests.bundle.tampering import TAMPERS, mutated, reseal

WRITTEN = Path(__file__).parents[1] / "fixtures" / "hilum-0.1.0"
SLOW = 20.0  # seconds that one bundle may take
CASES = 60  # of each kind, here; `tests/fuzz` has the rest


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle of each kind: those of 0.1.0 with their gates, one of two networks, one with an int8 network."""
    folder = tmp_path_factory.mktemp("kinds")
    one = make(folder / "one", seed=5)
    return {
        "network": WRITTEN / "network",
        "classical": WRITTEN / "classical",
        "ensemble": _ensemble(one, folder / "ensemble"),
        "int8": _with_int8(one, folder),
    }


def _ensemble(one: Bundle, folder: Path) -> Path:
    spec = one.spec
    members = tuple(Member(spec.recipe, 0.5, spec.data, number * 64, number * 64) for number in "ab")
    networks = [models.build(spec.recipe.model, 32, 2).eval() for _ in members]
    recipe = replace(spec.recipe, model=replace(spec.recipe.model, name="2 × s1-cnn"))
    return write(
        NetworkPayload(networks, recipe, members),
        folder,
        recipe=recipe,
        classes=spec.classes,
        manifest=Manifest(FILMS),
        decisions=bundle.Decisions(spec.operating_point, Calibration(), None, None, spec.metrics),
        gate=None,
        history=[],
    ).folder


def _with_int8(one: Bundle, folder: Path) -> Path:
    films = np.random.default_rng(0).integers(0, 256, (8, 32, 32), dtype=np.uint8)
    quantise(one.onnx, films, folder / "int8.onnx")
    rows = np.array(bundle.parse_golden(one.golden, "golden.json").probs)
    record = compare(rows, rows, np.array([0, 1, 0, 1]), one.spec.operating_point, ("", ""), rows)
    return add_forms(one, folder / "int8", [folder / "int8.onnx"], record).folder


def outcome(folder: Path, kind: str) -> str:
    """Open a bundle and everything in it: "read", or the one line that says why not."""
    started = time.monotonic()
    try:
        detector = Detector(folder, threads=1, precision="int8" if kind == "int8" else "float32")
        if kind != "classical":
            load_networks(detector.bundle)
        said = "read"
    except HilumError as error:
        said = str(error)
        assert len(said.splitlines()) == 1, said
        assert "\x1b" not in said
    assert time.monotonic() - started < SLOW
    return said


@pytest.mark.parametrize("kind", ["network", "ensemble", "classical", "int8"])
def test_a_tampered_bundle_opens_or_is_refused_in_one_line(
    kinds: dict[str, Path], kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Any other exception fails here; both outcomes occur, or the harness tests nothing."""
    outcomes = []
    for seed in range(CASES):
        draw = random.Random(f"{kind} {seed}")
        copy = Path(shutil.copytree(kinds[kind], tmp_path / "copy"))
        what = draw.choice(TAMPERS)(copy, draw)
        try:
            outcomes.append(outcome(copy, kind))
        except Exception as fault:
            raise AssertionError(f"seed {seed}: {what}") from fault
        shutil.rmtree(copy)
    assert outcomes.count("read") > CASES // 30
    assert len({said.replace(str(tmp_path), "")[:50] for said in outcomes}) > CASES // 6
    assert not "".join(capfd.readouterr())  # what a runtime has to say is in the line


# ------------------------------------------------------------------------------------------- the record


@pytest.fixture
def copy(session_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(session_bundle, tmp_path / "copy"))


@contextmanager
def record_of(folder: Path) -> Iterator[Any]:
    """The record, to be changed; it is sealed again."""
    record = json.loads((folder / "bundle.json").read_text())
    yield record
    (folder / "bundle.json").write_text(json.dumps(record))
    reseal(folder)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("operating_point.threshold", 0.0001, r"was decided at the threshold 0\.4"),
        ("operating_point.threshold", 0, "its threshold is 0, which calls every film the same"),
        ("operating_point.threshold", 1.5, "its threshold is 1.5"),
        ("operating_point.threshold", None, "two classes are told apart at a threshold, and it has none"),
        ("classes", ["PNEUMONIA", "NORMAL"], "is of the classes NORMAL, PNEUMONIA, and the bundle names PNEUMONIA"),
        ("classes", ["NORMAL"], "tells two or more classes apart"),
        ("classes", ["NORMAL", "NORMAL"], "tells two or more classes apart"),
        ("classes", ["NORMAL", "PNEU\nMONIA"], "is no name of a class"),
        ("classes", ["NORMAL", " "], "is no name of a class"),
        ("classes", ["NORMAL", "bacteria", "virus"], "3 classes are told apart by the most probable one"),
        ("recipe.classes", ["PNEUMONIA", "NORMAL"], "their order counts too"),
        ("calibration", {"method": "platt", "slope": 0.0}, "slope above 0"),
        ("calibration", {"method": "temperature", "slope": 5.0}, "differ by"),
        ("conformal", {"coverage": 0.9, "thresholds": [0.5], "films": [9], "patients": [9]}, "are of 1 classes"),
        ("created", "2026\x1b[2J", "control characters"),
        ("recipe.model.name", "s1\ncnn", "control characters"),
        ("recipe.name", "s1\ncnn", "damaged"),
        ("parameters", -1, "fewer than no parameters"),
        ("recipe.pixels.size", 48, r"makes? the bundle again|takes films"),
        ("recipe.pixels.size", 10**30, "damaged"),
        ("history", 10 * [{"epoch": "1"}], "damaged"),
        ("seal", 5, "damaged"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_whoever_sealed_it(
    copy: Path, place: str, value: object, says: str
) -> None:
    with record_of(copy) as record:
        *sections, last = place.split(".")
        held = record
        for section in sections:
            held = held[section]
        held[last] = value
        if last == "seal":
            record["seal"] = value
    if place == "seal":
        (copy / "bundle.json").write_text(json.dumps(record))
    with pytest.raises(BundleError, match=says):
        Detector(copy)


@pytest.mark.parametrize(
    "name",
    ["../session/x", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "bundle.json", "signature.json", "a\nb", "x" * 240]
)  # fmt: skip
def test_a_file_lies_in_the_bundles_own_folder(copy: Path, name: str) -> None:
    with record_of(copy) as record:
        record["files"][name] = "0" * 64
    with pytest.raises(BundleError, match="which is no name of a file in its own folder"):
        bundle.read(copy)


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors", "golden.json"])
def test_what_every_bundle_needs_is_listed(copy: Path, name: str) -> None:
    with record_of(copy) as record:
        del record["files"][name]
    with pytest.raises(BundleError, match=f"it lists no {name}"):
        bundle.read(copy)


def test_a_key_that_stands_twice_is_not_read_one_way_or_the_other(copy: Path) -> None:
    path = copy / "bundle.json"
    path.write_text(path.read_text().replace('"schema":', '"classes": ["A", "B"], "schema":', 1))
    with pytest.raises(BundleError, match="the key 'classes' stands twice"):
        bundle.read(copy)


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 200_000, b'{"schema": NaN}', b'{"schema": 1e999}',
                                     b'{"schema": [4]}', b'{"schema": "4"}', b"\xff",
                                     b'{"schema": ' + b"9" * 5000 + b"}", b" " * (17 << 20)])  # fmt: skip
def test_no_bytes_of_the_record_are_more_than_one_line(copy: Path, content: bytes) -> None:
    (copy / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError) as refused:
        bundle.read(copy)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["bundle.json", "model.onnx", "golden.json", "CARD.md"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nowhere"])
def test_a_file_is_a_file(copy: Path, name: str, kind: str) -> None:
    (copy / name).unlink()
    if kind == "pipe":
        os.mkfifo(copy / name)
    elif kind == "device":
        (copy / name).symlink_to("/dev/zero")
    elif kind == "folder":
        (copy / name).mkdir()
    else:
        (copy / name).symlink_to(copy / "nowhere")
    with pytest.raises(BundleError):
        bundle.read(copy)


def test_a_link_to_the_same_bytes_is_as_good_as_they_are(copy: Path) -> None:
    (copy / "model.onnx").rename(copy.parent / "elsewhere")
    (copy / "model.onnx").symlink_to(copy.parent / "elsewhere")
    assert Detector(copy).classes == ("NORMAL", "PNEUMONIA")


# ------------------------------------------------------------------------------------------- checked and used


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors", "golden.json"])
def test_what_changes_after_it_was_checked_is_not_used(copy: Path, name: str) -> None:
    opened = bundle.read(copy)
    (copy / name).write_bytes(mutated((copy / name).read_bytes(), random.Random(2)))
    with pytest.raises(BundleError, match="changed after it was written"):
        load_networks(opened) if name == "weights.safetensors" else Detector(opened)


# ------------------------------------------------------------------------------------------- the network


def network_that(folder: Path, change: Any) -> None:
    """Change the bundle's ONNX network as `change` does, and seal it again."""
    model = onnx.load(folder / "model.onnx")
    change(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    reseal(folder)


def external(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def external_inside_an_attribute(model: Any) -> None:
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "hidden")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="model.data")
    model.graph.node.append(helper.make_node("Constant", [], ["hidden"], value=tensor))


def loop(model: Any) -> None:
    model.graph.node.append(
        helper.make_node("Loop", ["", ""], ["nothing"], body=helper.make_graph([], "body", [], []))
    )


def custom(model: Any) -> None:
    model.graph.node[-1].domain = "com.example"


def renamed(model: Any) -> None:
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            if name == "logits":
                node.output[place] = "answers"
    model.graph.output[0].name = "answers"


def other_side(model: Any) -> None:
    for side in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        side.dim_value = 64


def no_graph(model: Any) -> None:
    model.ClearField("graph")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (external, "keeps numbers in other files"),
        (external_inside_an_attribute, "keeps numbers in other files"),
        (loop, "holds a loop"),
        (custom, "ONNX Runtime cannot load it"),
        (renamed, "gives answers .*; a bundle of 2 classes takes films"),
        (other_side, r"ONNX Runtime cannot load it|takes films \(n, 1, 64, 64\)"),
        (no_graph, "it holds no network"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_network_is_one_of_films_and_classes_in_one_file(copy: Path, change: Any, says: str) -> None:
    network_that(copy, change)
    with pytest.raises(BundleError, match=says):
        Detector(copy)


def test_openvino_refuses_the_same(copy: Path) -> None:
    pytest.importorskip("openvino")
    network_that(copy, renamed)
    with pytest.raises(BundleError, match="a bundle of 2 classes takes films"):
        Detector(copy, engine="openvino")
    (copy / "model.onnx").write_bytes(b"\x3a\x02\x0a\x00")
    reseal(copy)
    with pytest.raises(BundleError, match="OpenVINO cannot load it"):
        Detector(copy, engine="openvino")


def test_weights_of_another_network_are_refused(copy: Path) -> None:
    held = load((copy / "weights.safetensors").read_bytes())
    first = next(iter(held))
    for changed in (
        {first: held[first]},
        {**held, first: np.zeros((2, 2), np.float32)},
        {**held, "more": held[first]},
    ):
        (copy / "weights.safetensors").write_bytes(save(changed))
        reseal(copy)
        with pytest.raises(BundleError, match=r"weights\.safetensors: not the weights of s1-cnn"):
            load_networks(bundle.read(copy))
