"""A bundle whose films are cropped to the lungs holds the network that finds them, under the same seal."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from hilum.bundle import Bundle, Decisions, OperatingPoint, lung_finder, read
from hilum.bundle.int8 import add_forms
from hilum.bundle.network_payload import open_networks
from hilum.bundle.record import seal_of
from hilum.bundle.write import rewrite
from hilum.confidence import Calibration
from hilum.errors import BundleError
from hilum.inference import Detector
from hilum.lungs import Box, LungFinder, shipped_finder
from hilum.pixels import chest_phantom, grey_of_array, preprocess
from hilum.records import Figure
from tests.bundle.conftest import make_of_lungs
from tests.bundle.tampering import reseal
from tests.lungs.known import KnownLungs, no_lungs, two_lungs

FILM = np.round(chest_phantom(2, (120, 140)) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def cropping(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_of_lungs(tmp_path_factory.mktemp("lungs") / "bundle")


@pytest.fixture(scope="module")
def another() -> LungFinder:
    """The shipped network with other bytes, as a later Hilum finds it in a bundle of an earlier one."""
    model = onnx.load_from_string(shipped_finder().onnx)
    model.doc_string = "of another version"
    return LungFinder(model.SerializeToString())


def test_the_lung_network_is_listed_and_named_by_the_recipe(cropping: Bundle) -> None:
    assert cropping.lungs == shipped_finder().onnx
    assert cropping.spec.files["lungs.onnx"] == cropping.spec.recipe.pixels.lungs_sha256 == shipped_finder().sha256
    assert lung_finder(cropping) is shipped_finder()  # loaded once
    assert f"`{shipped_finder().sha256[:16]}`" in (cropping.folder / "CARD.md").read_text()


def test_a_bundle_of_whole_films_has_none(session_bundle: Path) -> None:
    opened = read(session_bundle)
    assert opened.lungs is None
    assert lung_finder(opened) is None
    assert Detector(opened).lungs is None
    assert "lungs.onnx" not in (session_bundle / "CARD.md").read_text()


def test_its_films_are_cropped_before_they_are_predicted(cropping: Bundle) -> None:
    detector = Detector(cropping)
    (row,) = detector.predict(FILM)
    square = preprocess(grey_of_array(FILM), cropping.spec.recipe.pixels)
    np.testing.assert_allclose(row.probs, detector.probs(square[None])[0], atol=1e-6)
    assert row.flags == ()
    assert row.shape == FILM.shape


def test_the_bundles_own_network_finds_them(another: LungFinder, tmp_path: Path) -> None:
    made = make_of_lungs(tmp_path / "bundle", lungs=another)
    detector = Detector(made)
    assert detector.lungs is not None
    assert detector.lungs.sha256 == another.sha256 != shipped_finder().sha256
    assert len(detector.predict(FILM).rows[0].probs) == 2


def test_films_without_lungs_are_not_judged_and_say_why(cropping: Bundle) -> None:
    detector = Detector(cropping)
    detector.lungs = as_pinned(no_lungs("it does not look like a frontal chest film"), detector)
    (row,) = detector.predict(FILM)
    assert row.flags == ("no lungs found: it does not look like a frontal chest film",)
    assert row.answer == "not judged"
    assert row.why == (
        "It is no film of the kind that the detector was made for: no lungs found: it does not look like a frontal "
        "chest film."
    )
    assert len(row.probs) == 2  # what the network says of the whole film


def test_rotated_films_are_not_judged_and_remarks_are_told(cropping: Bundle) -> None:
    detector = Detector(cropping)
    found = two_lungs(Box(0.1, 0.1, 0.9, 0.9), rotation=180, remarks=("upside down",))
    detector.lungs = as_pinned(found, detector)
    (row,) = detector.predict(FILM)
    assert row.flags == ("looks rotated by 180 degrees",)
    assert row.answer == "not judged"
    assert row.remarks == ("upside down",)
    detector.lungs = as_pinned(two_lungs(Box(0.1, 0.1, 0.9, 0.9), remarks=("only one lung was found",)), detector)
    (row,) = detector.predict(FILM)
    assert row.flags == ()
    assert row.remarks == ("only one lung was found",)


def test_every_film_goes_through_the_lung_network_once(cropping: Bundle) -> None:
    detector = Detector(cropping, threads=2)
    finder = two_lungs(Box(0.1, 0.1, 0.9, 0.9))
    detector.lungs = as_pinned(finder, detector)
    detector.predict(np.stack([FILM] * 40))
    assert len(finder.films) == 40


def test_a_bundle_that_is_written_again_keeps_it(another: LungFinder, tmp_path: Path) -> None:
    made = make_of_lungs(tmp_path / "bundle", lungs=another)
    point = OperatingPoint(0.6, "youden", "4 validation films")
    decisions = Decisions(point, Calibration(), None, None, {"auroc": Figure(0.8)})
    recipe = made.spec.recipe
    again = rewrite(made, open_networks(made), tmp_path / "again", recipe=recipe, decisions=decisions)
    more = add_forms(made, tmp_path / "more", [])
    for opened in (again, more):
        assert opened.lungs == another.onnx
        Detector(opened)  # its golden predictions hold


def as_pinned(finder: KnownLungs, detector: Detector) -> KnownLungs:
    """A finder that passes for the one that the bundle's recipe names."""
    finder.sha256 = detector.spec.recipe.pixels.lungs_sha256
    return finder


def change(folder: Path, what: Callable[[dict[str, Any]], object]) -> None:
    """Change the record and seal it again."""
    record = json.loads((folder / "bundle.json").read_bytes())
    what(record)
    (folder / "bundle.json").write_text(json.dumps({**record, "seal": seal_of(record)}))


def copy_of(opened: Bundle, folder: Path) -> Path:
    shutil.copytree(opened.folder, folder)
    return folder


def test_another_lung_network_is_refused_whoever_sealed_it(
    cropping: Bundle, another: LungFinder, tmp_path: Path
) -> None:
    folder = copy_of(cropping, tmp_path / "copy")
    (folder / "lungs.onnx").write_bytes(another.onnx)
    with pytest.raises(BundleError, match=r"lungs.onnx: changed after it was written"):
        read(folder)
    reseal(folder)
    with pytest.raises(BundleError, match="its recipe names another lung network"):
        read(folder)


def test_a_network_that_is_missing_or_superfluous_is_refused(
    cropping: Bundle, session_bundle: Path, tmp_path: Path
) -> None:
    folder = copy_of(cropping, tmp_path / "missing")
    change(folder, lambda record: record["files"].pop("lungs.onnx"))
    with pytest.raises(BundleError, match=r"it crops films to the lungs and lists no lungs.onnx"):
        read(folder)
    folder = copy_of(read(session_bundle), tmp_path / "superfluous")
    (folder / "lungs.onnx").write_bytes(shipped_finder().onnx)
    change(folder, lambda record: record["files"].update({"lungs.onnx": shipped_finder().sha256}))
    with pytest.raises(BundleError, match=r"it shows whole films and lists lungs.onnx"):
        read(folder)


def test_what_is_no_network_is_refused_in_one_line(cropping: Bundle, tmp_path: Path) -> None:
    folder = copy_of(cropping, tmp_path / "copy")
    content = b"not a network"
    (folder / "lungs.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change(folder, lambda record: record["recipe"]["pixels"].update({"lungs_sha256": digest}))
    reseal(folder)
    with pytest.raises(BundleError, match=r"lungs.onnx: damaged, not an ONNX file"):
        Detector(folder)


def test_a_network_of_something_else_is_refused_in_one_line(cropping: Bundle, tmp_path: Path) -> None:
    folder = copy_of(cropping, tmp_path / "copy")
    content = (folder / "model.onnx").read_bytes()  # a network, and not one that finds lungs
    (folder / "lungs.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change(folder, lambda record: record["recipe"]["pixels"].update({"lungs_sha256": digest}))
    reseal(folder)
    with pytest.raises(BundleError, match="cannot predict generated films") as told:
        Detector(folder)
    assert "\n" not in str(told.value)
