"""What lies in folders of films and is none: left out with a count and a reason, never silent, never in the way."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MediaStorageDirectoryStorage,
    SegmentationStorage,
)

from hilum import films
from hilum.films import other_pictures
from hilum.films.dicom_header import read_dicom_header
from hilum.films.kinds import kind_of
from hilum.films.system_names import system_file, system_folder
from tests.conftest import WriteFilm
from tests.films.conftest import Lay
from tests.pixels.dicoms import dataset, stored_phantom


def predicted(root: Path) -> list[str]:
    return [os.path.relpath(film.path, root) for film in films.find(root)]


def notes(root: Path) -> str:
    return "\n".join(films.find(root).notes)


# ------------------------------------------------------------------------------------------- of the system


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg", "$RECYCLE.BIN/$R1.png", "System Volume Information/1.png",
        "#recycle/1.png", ".Trashes/501/1.png", ".AppleDouble/1.png", "lost+found/#17.png", ".thumbnails/1.png",
        ".git/objects/1.png", "__MACOSX/._1.png", ".ipynb_checkpoints/1-checkpoint.png", ".@__thumb/s1001.jpg",
        "@Recycle/1.png", "#snapshot/1.png", "RECYCLER/1.png", "FOUND.000/FILE0000.png", "._1.png", "Thumbs.db",
        ".DS_Store", "desktop.ini", "SYNOFILE_THUMB_M.jpg", "2.png.crdownload", "~$2.png", "Weasis.app/icon.png",
    ],
)  # fmt: skip
def test_files_of_the_system_are_counted_and_not_looked_at(lay: Lay, name: str) -> None:
    root = lay("1.png", name)
    assert predicted(root) == ["1.png"]
    assert "1 file left out, of the system or hidden" in notes(root)
    classes = lay("A/1.png", "B/1.png", f"A/{name}", name, root="classes")
    index = films.index(classes, cut=False)
    assert [film.label for film in index] == ["A", "B"]
    assert any("2 files left out, of the system or hidden" in note for note in index.notes)


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_no_name_of_a_file_breaks_what_names_are_compared_with(name: str) -> None:
    assert isinstance(system_file(name), str)
    assert bool(system_folder(name)) or not name.startswith(".")


# ------------------------------------------------------------------------------------------- kinds, by bytes


@pytest.mark.parametrize(
    "name", ["1", "1.JPG", "1.jfif", "1.jpe", "1.pjpeg", "1.jpg_large", "1.bin", "1.dcm", "1.2.840.5"]
)
def test_a_picture_is_a_film_whatever_it_is_called(tmp_path: Path, write_film: WriteFilm, name: str) -> None:
    for kind in ("jpg", "png"):
        written = write_film(tmp_path / f"x.{kind}", seed=1)
        written.rename(tmp_path / name)
        assert predicted(tmp_path) == [name]
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"a text", "a text file"), (b"%PDF-1.4", "a PDF document"), (b"<html>", "a web page or XML")],
)
def test_what_is_only_called_a_film_is_named_and_kept_so_that_it_is_answered_for(
    lay: Lay, content: bytes, kind: str
) -> None:
    root = lay("1.png")
    (root / "2.png").write_bytes(content)
    (root / "3.txt").write_bytes(content)
    assert predicted(root) == ["1.png", "2.png"]
    assert f"other bytes, which cannot be read (2.png: {kind})" in notes(root)
    assert "1 file skipped, of no kind that is read (.txt: 1)" in notes(root)


# ------------------------------------------------------------------------------------------- DICOM without an image


@pytest.mark.parametrize(
    ("sop_class", "named"),
    [
        (BasicTextSRStorage, "Basic Text SR"),
        (GrayscaleSoftcopyPresentationStateStorage, "Grayscale Softcopy Presentation State"),
        (KeyObjectSelectionDocumentStorage, "Key Object Selection Document"),
        (EncapsulatedPDFStorage, "Encapsulated PDF"),
        (MediaStorageDirectoryStorage, "DICOMDIR"),
        (SegmentationStorage, "Segmentation"),
        ("1.2.840.10008.5.1.4.1.1.88.67", "X-Ray Radiation Dose SR"),
        ("1.3.12.2.1107.5.9.1", "object of a private class"),
    ],
)
@pytest.mark.parametrize("name", ["object", "object.dcm", "I0001"])
def test_dicom_objects_without_an_image_are_named_and_left_out(
    tmp_path: Path, write_film: WriteFilm, sop_class: str, named: str, name: str
) -> None:
    write_film(tmp_path / "film.png", seed=1)
    ds = dataset(stored_phantom())
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    if sop_class != SegmentationStorage:
        del ds.PixelData, ds.Rows, ds.Columns, ds.Modality
    ds.save_as(tmp_path / name, enforce_file_format=True)
    assert predicted(tmp_path) == ["film.png"]
    assert "1 file left out, DICOM objects that are no image" in notes(tmp_path)
    assert f"{name}: {named}" in notes(tmp_path)


def test_a_radiograph_is_a_film_whole_or_cut_off_or_without_its_file_header(tmp_path: Path) -> None:
    ds = dataset(stored_phantom(), PatientID="P1")
    ds.save_as(tmp_path / "whole", enforce_file_format=True)
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head").write_bytes(whole[:200])
    start = whole.index(b"\x08\x00\x16\x00")
    (tmp_path / "bare").write_bytes(whole[start:])
    (tmp_path / "not").write_bytes(b"\x08\x00\x05\x00" + bytes(range(256)))
    assert predicted(tmp_path) == ["bare", "cut", "head", "whole"]
    assert read_dicom_header(str(tmp_path / "bare")).patient == "P1"


def test_a_deflated_header_is_read_without_inflating_what_follows(tmp_path: Path) -> None:
    ds = dataset(np.zeros((3000, 3000), np.uint16), DeflatedExplicitVRLittleEndian, PatientID="P9")
    ds.save_as(tmp_path / "film", enforce_file_format=True)
    assert (tmp_path / "film").stat().st_size < 100_000
    assert read_dicom_header(str(tmp_path / "film")).patient == "P9"
    assert kind_of(str(tmp_path / "film")).film


def test_the_pictures_of_a_viewer_are_left_out_beside_its_dicom(tmp_path: Path, write_film: WriteFilm) -> None:
    dataset(stored_phantom()).save_as((tmp_path / "IM000001"), enforce_file_format=True)
    write_film(tmp_path / "logo.png", seed=1)
    assert predicted(tmp_path) == ["IM000001", "logo.png"]
    (tmp_path / "AUTORUN.INF").write_text("[autorun]")
    (tmp_path / "VIEWER.EXE").write_bytes(b"MZ\0\1")
    assert predicted(tmp_path) == ["IM000001"]
    assert "1 file left out, pictures of a viewer, beside DICOM (logo.png)" in notes(tmp_path)
    assert "2 files skipped, of no kind that is read (.exe: 1, .inf: 1)" in notes(tmp_path)
    (tmp_path / "IM000001").unlink()
    assert predicted(tmp_path) == ["logo.png"]


# ------------------------------------------------------------------------------------------- masks, thumbnails


@pytest.mark.parametrize(
    "name",
    [
        "masks/1.png", "Lung_masks/1.png", "leftMask/1.png", "infection masks/1.png", "overlays/1.png",
        "Segmentation/1.png", "ground-truth/1.png", "heatmaps/1.png", "annotations/1.png", "ManualMask/r/1.png",
        "images/1_mask.png", "images/mask_1.png", "1-overlay.png", "1_seg.png", "1_gradcam.png", "1_lung_mask.png",
        "thumbnails/1.png", "Thumbs/1.png", "1_thumb.jpg", "thumb_1.jpg", "1-150x150.png",
        "1_small.png", "small/1.png", "resized_224/2.jpg", "1_marked.jpg", "1-label.png",
    ],
)  # fmt: skip
def test_masks_and_thumbnails_beside_the_films_are_left_out_and_said(lay: Lay, name: str) -> None:
    root = lay("images/1.png", "images/2.png", "3.png", name)
    assert predicted(root) == ["3.png", "images/1.png", "images/2.png"]
    assert "1 file left out, " in notes(root)
    classes = lay("A/images/1.png", "B/images/2.png", f"A/{name}", root="classes")
    index = films.index(classes, cut=False)
    assert [film.label for film in index] == ["A", "B"]
    assert sum("1 file left out, " in note for note in index.notes) == 1


@pytest.mark.parametrize(
    "names", [("masks/1.png", "masks/2.png"), ("1_mask.png", "2.png"), ("Infection Segmentation Data/images/1.png",)]
)
def test_where_there_is_nothing_but_masks_they_are_what_was_asked_for(lay: Lay, names: tuple[str, ...]) -> None:
    assert predicted(lay(*names)) == list(names)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("levels", [(0, 255), (0, 1)])
def test_pictures_of_two_grey_levels_with_a_films_name_are_masks(
    tmp_path: Path, write_film: WriteFilm, suffix: str, levels: tuple[int, int]
) -> None:
    if levels == (0, 1) and suffix == ".jpg":
        return  # nobody saves 0 and 1 as JPEG
    for number in range(7):
        write_film(tmp_path / "cxr" / f"{number}.png", seed=number)
        write_film(tmp_path / "other" / f"{number}.png", seed=50 + number)
        mask = np.full((64, 64), levels[0], np.uint8)
        mask[10 : 30 + number, 12:28] = levels[1]
        (tmp_path / "lungs").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "lungs" / f"{number}{suffix}"), mask)
    assert {name.split("/")[0] for name in predicted(tmp_path)} == {"cxr", "other"}
    assert "7 files left out, masks: two grey levels, and the name of a film (lungs/…)" in notes(tmp_path)


# ------------------------------------------------------------------------------------------- films without labels


@pytest.mark.parametrize("flat", ["test/0.png", "Testing/images/0.png", "test/jpg/0.jpg"])
@pytest.mark.parametrize("train", ["train/", ""])
def test_an_unlabelled_test_is_indexed_without_labels_and_said(lay: Lay, flat: str, train: str) -> None:
    root = lay(*(f"{train}{label}/{number}.png" for label in "AB" for number in range(4)), flat)
    index = films.index(root, split_by="film")
    assert [(film.label, film.split) for film in index if not film.label] == [("", "test")]
    assert {film.label for film in index if film.split != "test"} == {"A", "B"}
    assert any("1 film without labels, indexed as such" in note for note in index.notes)


def test_other_unlabelled_films_beside_the_splits_do_not_stop_the_run(lay: Lay) -> None:
    root = lay("train/A/1.png", "train/B/2.png", "val/3.png", "unlabelled/4.png", "masks/1.png")
    index = films.index(root, cut=False)
    assert [(film.label, film.split) for film in index] == [("A", "train"), ("B", "train"), ("", "")]
    told = "\n".join(index.notes)
    assert "val: 1 film without labels, indexed as such, in no split" in told
    assert "skipped beside the splits: masks, unlabelled" in told


@pytest.mark.parametrize("name", ["mask.png", "lungs.png", "overlay.png"])
def test_a_patients_folder_with_a_film_and_a_mask_has_one_film(
    tmp_path: Path, write_film: WriteFilm, name: str
) -> None:
    for number in range(4):
        write_film(tmp_path / f"P{number}" / "image.png", seed=number)
        mask = np.zeros((64, 64), np.uint8)
        mask[10:30, 5 + number : 40] = 255
        cv2.imwrite(str(tmp_path / f"P{number}" / name), mask)
    assert predicted(tmp_path) == [f"P{number}/image.png" for number in range(4)]
    assert "4 files left out, masks" in notes(tmp_path)


def test_of_many_folders_with_the_same_names_few_are_looked_at(
    tmp_path: Path, write_film: WriteFilm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a viewer exports pictures, a folder a patient: decoding all of them would take longer than predicting."""
    one = write_film(tmp_path / "one" / "IM-0001-0001.jpg", seed=1)
    for number in range(300):
        copy = tmp_path / "in" / f"patient{number}" / one.name
        copy.parent.mkdir(parents=True)
        copy.write_bytes(one.read_bytes())
    looked_at: list[str] = []

    def look(path: str) -> bool:
        looked_at.append(path)
        return False

    monkeypatch.setattr(other_pictures, "is_two_valued", look)
    assert len(films.find(tmp_path / "in")) == 300
    assert 0 < len(looked_at) < 64
