"""One entry trains whatever a recipe describes, and its run can be stopped, completed and shown."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from sklearn.metrics import roc_auc_score

from hilum import bundle, files, films
from hilum.errors import LayoutError, RecipeError, RequestError
from hilum.inference import Detector
from hilum.lungs import shipped_finder
from hilum.pixels import read_square
from hilum.recipe import Recipe, parse_recipe
from hilum.workflows.evaluate import evaluate
from hilum.workflows.run import free_folder, read_run
from hilum.workflows.train import resume, train
from tests.conftest import ChestFolder

COUNTS = {"train": {"normal": 12, "bacteria": 12}, "val": {"normal": 8, "bacteria": 8}}
TINY = {"name": "tiny", "pixels": {"size": 32}, "batches": {"size": 8}, "training": {"epochs": 2}}


def tiny(**tables: object) -> Recipe:
    return parse_recipe({**TINY, **tables}, "test")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_ends_in_a_bundle_and_the_next_one_lies_beside_it(chest_folder: ChestFolder) -> None:
    manifest = films.index(chest_folder(COUNTS))
    run = train(tiny(), manifest)
    assert (run.folder, run.bundle) == (Path("runs/tiny"), Path("runs/tiny/bundle"))
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert run.recipe.name == "tiny"
    assert read_run("runs/tiny") == run
    assert repr(run).splitlines()[0] == "Run runs/tiny: tiny, s1-cnn; bundle runs/tiny/bundle"
    assert len(repr(run).splitlines()) == 4
    second = train(tiny(), manifest, settings=["training.epochs=1"])
    assert second.folder == Path("runs/tiny-2")
    assert len(second.history) == 1
    with pytest.raises(RequestError, match="runs/tiny: holds a run already"):
        train(tiny(), manifest, "runs/tiny")


def test_films_are_cropped_to_the_lungs_by_one_network_from_start_to_end(chest_folder: ChestFolder) -> None:
    manifest = films.index(chest_folder(COUNTS))
    cropped = tiny(pixels={"size": 32, "region": "lungs", "grey_from": "lungs"}, training={"epochs": 1})
    run = train(cropped, manifest, "cropped")
    assert run.bundle is not None
    assert run.recipe.pixels.lungs_sha256 == shipped_finder().sha256  # written down when the run began
    opened = bundle.read(run.bundle)
    assert opened.lungs == shipped_finder().onnx
    assert {"auroc_lungs_blanked", "auroc_border_only"} < opened.spec.metrics.keys()
    assert f"its AUROC is {opened.spec.metrics['auroc_lungs_blanked']}." in opened.content("CARD.md").decode()
    row = Detector(opened).predict(manifest.films[0].path).rows[0]
    square = read_square(manifest.films[0].path, opened.spec.recipe.pixels)
    assert len(row.probs) == 2
    assert [flag for flag in row.flags if flag.startswith("no lungs")] == ([square.doubt] if square.doubt else [])
    # The run of a Hilum with another lung network.
    written = Path("cropped/recipe.toml")
    written.write_text(written.read_text().replace(shipped_finder().sha256, "0" * 64))
    with pytest.raises(RequestError, match=r"pixels.lungs_sha256: films were cropped by the lung network 0000000000"):
        resume("cropped")


SMALL = {
    "s6-template": ["templates.per_class=2", "side=16"],
    "s7-features": ["selected=[16]", "families=['shape']", "steps=['mask']", "strengths=[1.0]"],
    "s8-linear": ["side=16", "components=[4]", "strengths=[1.0]", "steps=['frame','mask','smooth']"],
    "s9-manifold": ["side=16", "components=[4,4]", "strengths=[1.0]", "steps=['mask','smooth']"],
    "s10-genetic": ["selected=[16]", "families=['shape']", "genetic.population=4", "genetic.generations=1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_system_without_a_network_is_shown_the_lungs_too(name: str, chest_folder: ChestFolder) -> None:
    """Trained, opened, predicted and measured under shifts, all with the lungs of the whole film."""
    manifest = films.index(chest_folder(COUNTS, size=(80, 64)))
    settings = ["pixels.size=64", "pixels.region=lungs", "pixels.grey_from=lungs", "bundle.calibration=none"]
    run = train(name, manifest, "system", settings=settings + [f"classical.{setting}" for setting in SMALL[name]])
    assert run.bundle is not None
    opened = bundle.read(run.bundle)
    assert opened.lungs == shipped_finder().onnx
    assert opened.spec.recipe.pixels.lungs_sha256 == shipped_finder().sha256
    measured = evaluate(run.bundle, manifest, "val", shifts=True)
    assert measured.shifted is not None
    assert measured.controls is not None
    of_val = manifest.split("val")
    assert measured.shifted.n == len(of_val)
    # What the shifts start from is what the films themselves are given.
    probs = [row.probs[1] for row in Detector(opened).predict(of_val).rows]
    alone = roc_auc_score([film.label == "PNEUMONIA" for film in of_val], probs)
    assert measured.shifted.unshifted.auroc.value == pytest.approx(alone)


def test_processes_of_one_run_agree_on_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_text(Path("runs/tiny/recipe.toml"), "")
    assert free_folder("tiny") == Path("runs/tiny-2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert free_folder("tiny") == Path("runs/tiny")


def test_films_are_named_by_their_folder_and_recipes_by_name(chest_folder: ChestFolder) -> None:
    folder = chest_folder(COUNTS, films_a_patient=1)
    settings = ["pixels.size=32", "training.epochs=1"]
    run = train("plain", str(folder), "one", settings=settings, split_by="film", memory="4GB")
    assert run.bundle == Path("one/bundle")
    assert (run.recipe.name, run.recipe.training.epochs) == ("plain", 1)
    with pytest.raises(RecipeError, match="did you mean plain"):
        train("plein", folder)
    with pytest.raises(LayoutError, match="nowhere"):
        train("plain", "nowhere")


def test_ctrl_c_leaves_a_run_that_is_completed_to_the_same_weights(
    chest_folder: ChestFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = films.index(chest_folder(COUNTS))
    whole = train(tiny(), manifest, "whole")

    class Stop(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("epoch 1/2"):
                raise KeyboardInterrupt

    logger, stop = logging.getLogger("hilum"), Stop()
    monkeypatch.setattr(logger, "level", logging.INFO)
    logger.addHandler(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(tiny(), manifest, "stopped")
    finally:
        logger.removeHandler(stop)
    assert "stopped: stopped; continue with: hilum train --resume stopped (or hilum.resume)" in caplog.messages
    begun = read_run("stopped")
    assert begun.bundle is None
    assert repr(begun).splitlines()[0] == "Run stopped: tiny, s1-cnn; no bundle"
    completed = resume("stopped")
    assert whole.bundle
    assert completed.bundle
    before, after = (load_file(bundle / "weights.safetensors") for bundle in (whole.bundle, completed.bundle))
    assert {name: values.tobytes() for name, values in before.items()} == {
        name: values.tobytes() for name, values in after.items()
    }


def test_what_is_no_run_cannot_be_completed() -> None:
    with pytest.raises(RequestError, match=r"empty: holds no run \(no recipe.toml\)"):
        resume("empty")


def test_several_seeds_are_members_of_a_run_without_a_bundle(chest_folder: ChestFolder) -> None:
    run = train(tiny(members={"seeds": 2, "fuse": "none"}), chest_folder(COUNTS), settings=["training.epochs=1"])
    assert (run.bundle, run.history) == (None, ())
    assert [member.folder.name for member in run.members] == ["seed-1", "seed-2"]
    assert all(member.bundle for member in run.members)
    assert len(run.plot().axes) == 2
    assert "<svg" in run._repr_html_()


def test_a_system_without_a_network_has_a_curve_by_strength(chest_folder: ChestFolder) -> None:
    run = train(
        "s8-linear",
        chest_folder(COUNTS),
        settings=["pixels.size=32", "classical.components=[8]", "bundle.calibration=none"],
    )
    assert run.folder == Path("runs/s8-linear")
    assert run.bundle
    (axes,) = run.plot().axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("strength", "AUROC")
