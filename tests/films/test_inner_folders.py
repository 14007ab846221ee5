"""Splits under other names, classes below patients, splits below classes, folders around a data set."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from hilum import films
from hilum.errors import LayoutError
from tests.films.conftest import Lay


def found(root: Path) -> set[tuple[str, str, str]]:
    return {(os.path.relpath(film.path, root), film.label, film.split) for film in films.index(root, cut=False)}


def notes_of(root: Path) -> str:
    return "\n".join(films.index(root, cut=False).notes)


def both(folders: Iterable[str]) -> list[str]:
    return [f"{folder}/{label}/{i}.png" for folder in folders for label in ("Normal", "Pneumonia") for i in range(2)]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("trainset", "testset"), ("train_images", "test_images"), ("01_train", "02_test"),
        ("Training Set", "Test Set"),
        ("images-train", "images-test"), ("TrainData", "TestData"),
    ],
)  # fmt: skip
def test_splits_under_other_names_are_splits_and_told(lay: Lay, train: str, test: str) -> None:
    root = lay(*both([train, test]))
    assert {(label, split) for _, label, split in found(root)} == {
        ("Normal", "train"), ("Normal", "test"), ("Pneumonia", "train"), ("Pneumonia", "test"),
    }  # fmt: skip
    assert f"{train} → train" in notes_of(root)


def test_a_split_called_exactly_so_comes_before_one_of_another_name(lay: Lay) -> None:
    root = lay(*both(["train", "test"]), "test_images/readme.txt")
    assert {split for _, _, split in found(root)} == {"train", "test"}
    assert "skipped beside the splits: test_images" in notes_of(root)


def test_classes_below_patients_are_classes_and_the_patients_patients(lay: Lay) -> None:
    root = lay(*(f"patient{i:02}/{'NORMAL' if i % 2 else 'PNEUMONIA'}/{j}.png" for i in range(6) for j in range(2)))
    index = films.index(root, cut=False)
    assert {(film.label, film.patient) for film in index} == {
        ("NORMAL" if i % 2 else "PNEUMONIA", f"patient{i:02}") for i in range(6)
    }
    assert any("classes read from the inner folders" in note for note in index.notes)


def test_classes_below_patients_in_splits(lay: Lay) -> None:
    root = lay(*both(f"{split}/p{i}{split}" for split in ("train", "test") for i in range(3)))
    index = films.index(root, cut=False)
    assert {film.label for film in index} == {"Normal", "Pneumonia"}
    assert {film.patient for film in index if film.split == "test"} == {"p0test", "p1test", "p2test"}


def test_inner_folders_that_are_not_called_as_classes_stay_sub_folders(lay: Lay) -> None:
    root = lay("A/bilateral/1.png", "A/left/2.png", "B/left/3.png", "B/bilateral/4.png")
    assert {label for _, label, _ in found(root)} == {"A", "B"}


def test_sub_types_of_a_class_stay_sub_folders(lay: Lay) -> None:
    root = lay("PNEUMONIA/virus/1.png", "PNEUMONIA/bacteria/2.png", "NORMAL/normal/3.png")
    assert {label for _, label, _ in found(root)} == {"PNEUMONIA", "NORMAL"}


def test_splits_below_classes(lay: Lay) -> None:
    root = lay(*(f"{label}/{split}/{i}.png" for label in ("A", "B") for split in ("train", "test") for i in range(2)))
    assert {(label, split) for _, label, split in found(root)} == {
        ("A", "train"), ("A", "test"), ("B", "train"), ("B", "test"),
    }  # fmt: skip
    assert "splits read from the folders below the classes A, B" in notes_of(root)


@pytest.mark.parametrize("around", ["ChestXRay2017/chest_xray", "data", "a/b/c"])
def test_folders_around_a_data_set_are_passed_and_told(lay: Lay, around: str) -> None:
    root = lay(*both(f"{around}/{split}" for split in ("train", "test")))
    assert {(label, split) for _, label, split in found(root)} == {
        ("Normal", "train"), ("Normal", "test"), ("Pneumonia", "train"), ("Pneumonia", "test"),
    }  # fmt: skip
    assert f"the classes were read from {root}/{around}" in notes_of(root)


def test_of_two_data_sets_one_is_to_be_named(lay: Lay) -> None:
    root = lay(*both(["one/inner/train", "one/inner/test", "two/train", "two/test"]))
    with pytest.raises(LayoutError, match=r"give it instead: .*one/inner"):
        films.index(root, cut=False)


def test_a_link_to_the_folder_itself_is_no_class(lay: Lay) -> None:
    root = lay("A/1.png", "B/2.png")
    (root / "all").symlink_to(root, target_is_directory=True)
    assert {label for _, label, _ in found(root)} == {"A", "B"}


def test_many_empty_folders_are_one_note(lay: Lay) -> None:
    root = lay("A/1.png", "B/2.png")
    for number in range(50):
        (root / f"c{number}").mkdir()
    (note,) = films.index(root, cut=False).notes
    assert note.startswith("50 folders without films, not used as classes")
