"""The bundle of a system without a network: whole, sealed, checked when it is opened, and without pickle."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import sklearn
from msgspec.structs import replace
from PIL import Image

from hilum import bundle, pixels
from hilum.bundle.golden import golden_films
from hilum.bundle.read import seal_of
from hilum.bundle.weights import load_model
from hilum.bundle.write import rewrite
from hilum.classical import load
from hilum.classical.fit_system import fit_decisions
from hilum.classical.payload import PipelinePayload
from hilum.confidence import calibrated
from hilum.errors import BundleError, RequestError
from hilum.files import sha256_of
from hilum.gate import fit_gate
from hilum.inference import Detector
from hilum.lungs import hull_of
from hilum.records import Film, Manifest
from tests.classical.made import CLASSES, Made, make, recipe_of

pytestmark = pytest.mark.usefixtures("as_kept")


@pytest.fixture
def copy(made: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made.bundle.folder, tmp_path / "bundle"))


def sealed_again(folder: Path) -> None:
    """What somebody does who has changed a file and knows how bundles are sealed."""
    record = json.loads((folder / "bundle.json").read_text())
    record["files"] = {name: sha256_of(folder / name) for name in record["files"]}
    record["seal"] = seal_of(record)
    (folder / "bundle.json").write_text(json.dumps(record))


def test_has_every_file_and_no_other(made: Made) -> None:
    names = {path.name for path in made.bundle.folder.iterdir()}
    assert names == {"bundle.json", "model.skops", "golden.json", "CARD.md", "lungs.onnx"}


def test_an_opened_bundle_judges_as_the_system_that_was_fitted(made: Made) -> None:
    films = golden_films(made.recipe.pixels)
    expected, _ = made.fitted.system.predict(films)
    np.testing.assert_allclose(load(bundle.read(made.bundle.folder)).predict(films)[0], expected, atol=1e-9)
    np.testing.assert_allclose(Detector(made.bundle.folder).probs(films), expected, atol=1e-9)


def test_says_what_it_is_and_by_what_it_was_made(made: Made) -> None:
    spec = made.bundle.spec
    assert spec.made_with["scikit-learn"] == sklearn.__version__
    assert spec.history == made.fitted.history
    assert (spec.parameters > 4 * 256, spec.multiply_adds) == (True, 0)
    with ZipFile(BytesIO(made.bundle.pipeline)) as archive:
        assert {name.rpartition(".")[2] for name in archive.namelist()} == {"npy", "json"}


def test_the_card_names_the_system_and_whose_films_it_holds(made: Made) -> None:
    card = (made.bundle.folder / "CARD.md").read_text()
    assert "System without a network: 16-pixel films, templates, logistic regression" in card
    assert "prepared (frame)" in card
    assert "It holds films of patients as templates: 2 of each class, 16×16 pixels." in card
    assert "in which the classes are equally frequent" in card


def test_it_describes_films_by_the_lung_network_that_it_was_fitted_with(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Hilum's network would find other lungs, and so give other numbers."""
    films = golden_films(made.recipe.pixels)
    expected = load(made.bundle).predict(films)[0]

    def another(film: object) -> None:
        raise AssertionError("the network that comes with Hilum was asked")

    monkeypatch.setattr("hilum.classical.features.outline.find_lungs", another)
    np.testing.assert_array_equal(load(bundle.read(made.bundle.folder)).predict(films)[0], expected)


def test_a_system_that_learnt_from_the_lungs_of_0_2_0_is_refused_in_one_line(copy: Path) -> None:
    """It found them by an average film, and its bundle holds no network that finds them."""
    (copy / "lungs.onnx").unlink()
    record = json.loads((copy / "bundle.json").read_text())
    del record["files"]["lungs.onnx"]
    (copy / "bundle.json").write_text(json.dumps(record))
    sealed_again(copy)
    with pytest.raises(BundleError, match=r"tiny learnt from lungs .* train it again: hilum train tiny --data DIR"):
        Detector(copy)


def test_a_system_of_grey_values_needs_no_lungs(made: Made, tmp_path: Path) -> None:
    plain = make(recipe_of(steps=["smooth"], folds=0), made.manifest, tmp_path / "plain")
    assert plain.bundle.pipeline
    assert not plain.bundle.holds("lungs.onnx")
    assert np.isfinite(Detector(plain.bundle.folder).probs(golden_films(plain.recipe.pixels))).all()


@pytest.fixture(scope="module")
def cropped(made: Made, kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A system of films that are cropped to their lungs, described inside these lungs' hull."""
    recipe = recipe_of(steps=["mask"], side=16, folds=0)
    recipe = replace(recipe, pixels=replace(recipe.pixels, region="lungs", grey_from="lungs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HILUM_CACHE", str(kept))
        return make(recipe, made.manifest, tmp_path_factory.mktemp("cropped") / "bundle")


def test_a_film_that_is_cropped_to_its_lungs_is_described_by_these(
    cropped: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In training, in prediction and in the bundle's own check; none are looked for in the crop."""
    spec, system = cropped.recipe.pixels, cropped.fitted.system
    detector, films = Detector(cropped.bundle.folder), cropped.manifest.films[:20]

    def sought(*film: object) -> None:
        raise AssertionError("lungs were looked for in a crop")

    monkeypatch.setattr("hilum.classical.features.outline.find_lungs", sought)
    squares = [pixels.read_square(film.path, spec) for film in films]
    levels = np.stack([one.levels for one in squares])
    lungs = np.stack([one.lungs for one in squares if one.lungs is not None])
    found = np.array([one.any() for one in lungs])
    assert found.sum() > 10
    given = detector.probs(levels, lungs)
    rows = detector.predict(Manifest(films)).rows
    np.testing.assert_allclose(given, [row.probs for row in rows], atol=1e-9)
    expected = system.predict(levels, lungs)[0]
    np.testing.assert_allclose(given, calibrated(cropped.bundle.spec.calibration, expected), atol=1e-9)
    # What lies outside the hull is no evidence, so that it changes nothing.
    outside = np.stack([~hull_of(one > 0) for one in lungs]) & found[:, None, None]
    np.testing.assert_array_equal(detector.probs(np.where(outside, 200, levels).astype(np.uint8), lungs), given)


def test_squares_without_their_lungs_are_refused_in_one_line(cropped: Made) -> None:
    levels = golden_films(cropped.recipe.pixels)
    with pytest.raises(RequestError, match=r"these squares come without them; pass the lungs of each square too"):
        Detector(cropped.bundle.folder).probs(levels)


def test_a_film_without_lungs_is_shown_whole_and_not_judged(cropped: Made) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 64)).astype(np.uint8)
    (row,) = Detector(cropped.bundle.folder).predict(noise).rows
    assert row.answer == "not judged"
    assert row.flags[0].startswith("no lungs found: ")
    assert row.flags[1] == "the average outline takes the place of the film's lungs"
    assert sum(row.probs) == pytest.approx(1)


def test_a_byte_that_changed_is_noticed(copy: Path) -> None:
    content = bytearray((copy / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "model.skops").write_bytes(content)
    with pytest.raises(BundleError, match=r"model\.skops: changed after it was written"):
        Detector(copy)


def test_a_hostile_file_is_not_opened_even_where_it_is_sealed(copy: Path, tmp_path: Path) -> None:
    with ZipFile(copy / "model.skops") as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(held["schema.json"])
    argument = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
                "content": json.dumps(f"touch {tmp_path / 'harm'}")}  # fmt: skip
    schema["content"]["content"]["memory"] = {
        "__class__": "system", "__module__": "os", "__loader__": "ConstructorFromReduceNode",
        "content": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [argument]},
    }  # fmt: skip
    with ZipFile(copy / "model.skops", "w") as archive:
        for name, content in {**held, "schema.json": json.dumps(schema).encode()}.items():
            archive.writestr(name, content)
    sealed_again(copy)
    with pytest.raises(BundleError, match=r"model\.skops: holds os\.system .*; it is not opened"):
        Detector(copy)
    assert not (tmp_path / "harm").exists()


def test_other_probabilities_on_generated_films_are_noticed(copy: Path) -> None:
    golden = json.loads((copy / "golden.json").read_text())
    threshold = golden["threshold"]
    # On its own side of the threshold, or the classes in the file would contradict it.
    moved = [second / 2 if second < threshold else (1 + second) / 2 for _, second in golden["probs"]]
    golden["probs"] = [[1 - second, second] for second in moved]
    (copy / "golden.json").write_text(json.dumps(golden))
    sealed_again(copy)
    with pytest.raises(BundleError, match=r"install the versions in constraints\.txt"):
        Detector(copy)


def test_other_classes_than_the_bundles_are_noticed(copy: Path) -> None:
    record = json.loads((copy / "bundle.json").read_text())
    record["classes"] = ["NORMAL", "bacteria", "virus"]
    (copy / "bundle.json").write_text(json.dumps(record))
    sealed_again(copy)
    with pytest.raises(BundleError, match="contradicts itself: 3 classes are told apart by the most probable one"):
        Detector(copy)


def test_a_pipeline_of_other_classes_than_the_bundles_is_noticed(made: Made) -> None:
    other = dataclasses.replace(made.bundle, spec=replace(made.bundle.spec, classes=("NORMAL", "bacteria", "virus")))
    with pytest.raises(BundleError, match="predicts other classes than the bundle's"):
        load(other)


def test_written_anew_it_keeps_the_system_and_decides_otherwise(made: Made, tmp_path: Path) -> None:
    recipe = replace(made.recipe, bundle=replace(made.recipe.bundle, operating_point="half"))
    val = made.manifest.split("val")
    cache = pixels.cache(val, recipe.pixels)
    chosen = fit_decisions(made.fitted.system, val, cache, CLASSES, recipe)
    gate = fit_gate((cache.films[row] for row in cache.rows(val)), [film.patient for film in val])
    again = rewrite(
        made.bundle,
        PipelinePayload(made.fitted.system),
        tmp_path / "bundle",
        recipe=recipe,
        decisions=chosen,
        gate=gate,
    )
    assert again.pipeline == made.bundle.pipeline
    assert again.spec.made_with == made.bundle.spec.made_with
    assert again.spec.operating_point.threshold == 0.5 != made.bundle.spec.operating_point.threshold
    assert Detector(again.folder).gate is not None


def test_what_is_of_networks_refuses_it(made: Made) -> None:
    with pytest.raises(BundleError, match=r"tiny is a system without a network \(16-pixel films, templates"):
        load_model(made.bundle)


def test_what_was_not_found_in_a_film_is_a_flag(made: Made, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    row = Detector(made.bundle.folder).predict(Manifest((Film(str(tmp_path / "noise.png")),))).rows[0]
    assert any("lungs not found" in flag for flag in row.flags)
    assert np.isfinite(row.probs).all()


def test_judging_loads_no_torch(made: Made) -> None:
    film = made.manifest.films[0].path
    program = (
        "import sys; from hilum import films; from hilum.inference import Detector; "
        f"Detector({str(made.bundle.folder)!r}).predict(films.find([{film!r}])); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_networks_bundle_loads_no_scikit_learn() -> None:
    program = (
        "import sys; from hilum.inference import Detector; Detector(); "
        "sys.exit(bool({'sklearn', 'skimage', 'skops'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_folder_that_is_no_bundle_is_left_alone(made: Made, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    chosen = fit_decisions(
        made.fitted.system,
        made.manifest.split("val"),
        pixels.cache(made.manifest, made.recipe.pixels),
        CLASSES,
        made.recipe,
    )
    with pytest.raises(RequestError, match="exists and is no bundle"):
        rewrite(
            made.bundle, PipelinePayload(made.fitted.system), tmp_path / "mine", recipe=made.recipe, decisions=chosen
        )
