"""From films and outlines to a sealed network that finds lungs; stopped and resumed, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

import hilum
from hilum.bundle import read
from hilum.bundle.lung_network import ship_lung_network
from hilum.bundle.lung_record import read_lungs
from hilum.errors import BundleError, LayoutError, RecipeError, RequestError
from hilum.history import read_history
from hilum.recipe import read_recipe
from tests.phantom_lungs import ellipses, write_films

SETTINGS = (
    "training.epochs=8", "training.average=0", "training.learning_rate=0.01", "pixels.size=32", "batches.size=8",
    "outlines.widths=[8, 16]", "outlines.folds=5", "outlines.turned=0", "outlines.others=0", "bundle.weights=float16",
)  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_films(tmp_path_factory.mktemp("phantoms"), 24)


@pytest.fixture(scope="module")
def run(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> hilum.Run:
    films, outlines = folders
    return hilum.train("lungs", films, tmp_path_factory.mktemp("run") / "run", settings=SETTINGS, outlines=outlines)


def test_the_network_finds_the_lungs_of_films_that_it_was_not_given(run: hilum.Run) -> None:
    assert run.bundle is not None
    session = onnxruntime.InferenceSession(run.bundle / "lungs.onnx", providers=["CPUExecutionProvider"])
    films = np.stack([hilum.pixels.chest_phantom(seed, (32, 32)) for seed in range(100, 108)])[:, None]
    lungs, view = session.run(["lungs", "view"], {"films": films})
    truth = np.stack([ellipses(seed, (32, 32)) for seed in range(100, 108)])
    found = lungs[:, 0] > 0.5
    overlaps = 2 * (found & truth).sum(axis=(1, 2)) / (found.sum(axis=(1, 2)) + truth.sum(axis=(1, 2)))
    assert overlaps.mean() > 0.85
    np.testing.assert_allclose(view.sum(axis=1), 1, atol=1e-5)


def test_the_record_says_what_it_was_made_of(run: hilum.Run) -> None:
    assert run.bundle is not None
    record = read_lungs(run.bundle)
    assert sum(split.films for split in record.data.values()) == 24
    assert (record.data["val"].films, record.data["val"].patients) == (5, 5)
    assert "no licence stated" in record.recipe.data
    assert record.metrics["val_dice"] == pytest.approx(read_history(run.folder / "history.csv")[-1]["val_dice"], 1e-4)
    assert {"val_loss", "val_dice", "val_dice_p05", "val_view"} <= record.metrics.keys()


def test_a_changed_network_is_refused(run: hilum.Run, tmp_path: Path) -> None:
    assert run.bundle is not None
    shipped = ship_lung_network(run.bundle, tmp_path / "lungs")
    assert list(shipped.files) == ["lungs.onnx"]
    path = tmp_path / "lungs" / "lungs.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BundleError, match=r"lungs.onnx: changed after it was written"):
        read_lungs(tmp_path / "lungs")


def test_it_is_no_detector(run: hilum.Run) -> None:
    assert run.bundle is not None
    with pytest.raises(BundleError, match="holds a network that finds lungs, and no detector"):
        read(run.bundle)


@pytest.mark.slow
def test_a_run_that_is_resumed_ends_as_if_it_had_not_stopped(
    folders: tuple[Path, Path], run: hilum.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, outlines = folders
    describe = "hilum.workflows.train_lungs._describe_epoch"

    def stop(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(describe, stop)
        with pytest.raises(KeyboardInterrupt):
            hilum.train("lungs", films, tmp_path / "run", settings=SETTINGS, outlines=outlines)
    again = hilum.resume(tmp_path / "run")
    assert again.bundle is not None
    assert run.bundle is not None
    assert read_lungs(again.bundle).files["lungs.onnx"] == read_lungs(run.bundle).files["lungs.onnx"]


def test_what_would_teach_something_wrong_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    films, outlines = write_films(tmp_path, 14, 32)
    some = sorted((outlines / "some").iterdir())
    lungs = ellipses(3, (32, 32)).astype(np.uint8) * 255
    cv2.imwrite(str(some[0]), lungs * 0)
    cv2.imwrite(str(some[1]), np.pad(lungs, ((0, 0), (0, 16))))
    cv2.imwrite(str(some[2]), lungs * (np.arange(32) < 16).astype(np.uint8))
    (outlines / "others").mkdir()
    cv2.imwrite(str(outlines / "others" / some[3].name), 255 - lungs)
    some[4].write_bytes((films / "NORMAL" / some[4].name).read_bytes())
    some[5].rename(some[5].with_name("nobody.png"))
    with caplog.at_level(logging.INFO, logger="hilum"):
        from hilum import films as room

        found = room.match_outlines(room.index(films, cut=False), outlines)
    assert len(found.outlines) == 8
    notes = "\n".join(found.notes)
    for reason in (
        "every pixel has the same value", "another shape than its film", "of one lung", "several different outlines",
        "more than two grey values", "1 film without an outline left out; 8 films remain", "1 outline of no film",
    ):  # fmt: skip
        assert reason in notes


def test_outlines_that_the_recipe_knows_to_be_wrong_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from hilum import films as room
    from hilum.workflows.train_lungs import outlines_of

    films, outlines = write_films(tmp_path, 12, 32)
    wrong = sorted(path.stem for path in outlines.rglob("*.png"))[:2]
    recipe = read_recipe("lungs", [*SETTINGS, f"outlines.left_out={wrong}"])
    with caplog.at_level(logging.INFO, logger="hilum"):
        used = outlines_of(recipe, room.index(films, cut=False), outlines)
    assert {Path(each.path).stem for each in used} == {path.stem for path in outlines.rglob("*.png")} - set(wrong)
    assert "2 films left out, whose outlines are known to be wrong" in caplog.text


def test_outlines_of_other_films_are_refused(tmp_path: Path) -> None:
    from hilum import films as room

    films, outlines = write_films(tmp_path, 4, 32)
    manifest = room.index(films, cut=False)
    for path in (outlines / "some").iterdir():
        cv2.imwrite(str(path), np.zeros((32, 32), np.uint8))
    with pytest.raises(LayoutError, match="4 of 4 outlines cannot be used, so they seem to be of other films"):
        room.match_outlines(manifest, outlines)
    for path in (outlines / "some").iterdir():
        path.rename(path.with_name(f"other-{path.name}"))
    with pytest.raises(LayoutError, match="no outline has the name of a film"):
        room.match_outlines(manifest, outlines)


def test_films_of_one_patient_share_a_fold_and_unknown_patients_stand_for_themselves() -> None:
    from hilum.films import Outline, split_outlined
    from hilum.records import Film

    known = [Film(f"{number}.png", patient=f"p{number // 3}", sha256=str(number)) for number in range(30)]
    unknown = [Film(f"u{number}.png", sha256=f"u{number}") for number in range(10)]
    outlines = [Outline(film, "", "") for film in (*known, *unknown)]
    held = [split_outlined(outlines, 5, 1, fold) for fold in range(5)]
    for split in held:
        sides: dict[str, str] = {}
        for each in split:
            if each.film.patient:
                assert sides.setdefault(each.film.patient, each.film.split) == each.film.split
    times = [sum(split[place].film.split == "val" for split in held) for place in range(len(outlines))]
    assert times == [1] * len(outlines)


def test_an_outline_that_was_changed_since_is_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    from hilum import films as room
    from hilum.errors import FilmError
    from hilum.workflows.train_lungs import outline_batches

    films, outlines = write_films(tmp_path, 3, 32)
    found = room.match_outlines(room.index(films, cut=False), outlines).outlines
    cv2.imwrite(found[1].path, ellipses(9, (32, 32)).astype(np.uint8) * 255)
    with pytest.raises(FilmError, match=r"IM-0001-0001\.png"):
        outline_batches(read_recipe("lungs", SETTINGS), found)


@pytest.mark.parametrize(("recipe", "outlines"), [("lungs", False), ("hilum", True)])
def test_outlines_go_with_the_recipe(folders: tuple[Path, Path], tmp_path: Path, recipe: str, outlines: bool) -> None:
    with pytest.raises(RequestError, match="--outlines"):
        hilum.train(recipe, folders[0], tmp_path / "run", outlines=folders[1] if outlines else None)


@pytest.mark.parametrize(
    "setting",
    ["training.monitor=auroc", "batches.mixup=0.2", "members.seeds=2", "pixels.size=100", "training.val_shifts=true",
     "model.name=vgg16", "outlines.turned=0.95", "pixels.region=lungs"],
)  # fmt: skip
def test_a_recipe_that_asks_for_what_outlines_have_not_is_refused(setting: str) -> None:
    with pytest.raises(RecipeError, match=setting.partition(".")[0]):
        read_recipe("lungs", [setting])


def test_dice_is_no_figure_of_a_detector() -> None:
    with pytest.raises(RecipeError, match=r"training\.monitor = dice is for \[outlines\]"):
        read_recipe("hilum", ["training.monitor=dice"])
