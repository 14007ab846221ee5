from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from hilum import films
from hilum.errors import LayoutError
from tests.films.conftest import Lay


def found(root: Path) -> list[tuple[str, str, str]]:
    index = films.index(root, cut=False)
    return [(os.path.relpath(film.path, root), film.label, film.split) for film in index]


def test_splits_hold_classes_hold_films(lay: Lay) -> None:
    root = lay("train/NORMAL/a.png", "train/PNEUMONIA/b.jpg", "Validation/NORMAL/c.JPEG", "TEST/PNEUMONIA/d.dcm")
    assert found(root) == [
        ("train/NORMAL/a.png", "NORMAL", "train"),
        ("train/PNEUMONIA/b.jpg", "PNEUMONIA", "train"),
        ("Validation/NORMAL/c.JPEG", "NORMAL", "val"),
        ("TEST/PNEUMONIA/d.dcm", "PNEUMONIA", "test"),
    ]


def test_classes_alone_have_no_split(lay: Lay) -> None:
    root = lay("B/2.png", "A/1.png", "A/deeper/3.DICOM", "C/4.png")
    assert found(root) == [
        ("A/1.png", "A", ""),
        ("A/deeper/3.DICOM", "A", ""),
        ("B/2.png", "B", ""),
        ("C/4.png", "C", ""),
    ]


def test_a_file_without_extension_is_a_film_where_it_carries_dicoms_mark(lay: Lay) -> None:
    root = lay("A/1.png", "B/1.png", "B/README", "B/short", "B/1.2.840.5.notes")
    for name in ("IM000001", "1.2.840.10008.5"):
        (root / "B" / name).write_bytes(bytes(128) + b"DICM" + name.encode())
    assert [name for name, label, _ in found(root) if label == "B"] == ["B/1.2.840.10008.5", "B/1.png", "B/IM000001"]


def test_what_is_no_film_is_left_out_and_counted(lay: Lay) -> None:
    root = lay("A/1.png", "B/1.png", "A/x.txt", "A/y.TXT", "B/z.gif", "A/Thumbs.db", "A/.DS_Store", "A/.1.png")
    lay("__MACOSX/A/._1.png", "A/__MACOSX/2.png")
    index = films.index(root, cut=False)
    assert len(index) == 2
    assert [note.partition(": ")[2] for note in index.notes] == [
        "3 files skipped, of no kind that is read (.gif: 1, .txt: 2)",
        "5 files left out, of the system or hidden (.DS_Store: 1, Thumbs.db: 1, __MACOSX: 2, hidden: 1)",
    ]


def test_links_in_a_circle_end(lay: Lay) -> None:
    root = lay("A/1.png", "B/1.png", "B/deep/2.png")
    (root / "A" / "up").symlink_to(root, target_is_directory=True)
    (root / "A" / "self.png").symlink_to(root / "A", target_is_directory=True)
    (root / "B" / "loop").symlink_to(root / "B" / "loop")
    (root / "B" / "again").symlink_to(root / "B" / "deep", target_is_directory=True)
    assert [name for name, _, _ in found(root)] == ["A/1.png", "B/1.png", "B/again/2.png"]


def test_a_named_pipe_is_not_opened(lay: Lay) -> None:
    root = lay("A/1.png", "B/1.png")
    os.mkfifo(root / "A" / "2.png")
    os.mkfifo(root / "A" / "3")
    assert len(found(root)) == 2


@pytest.mark.parametrize(
    "name", ["a film.png", "line\nbreak.png", "Röntgen 肺.png", 'a,"b";c.png', "#1.png", "\udcff.png", " x.png"]
)
def test_any_name_goes_through(lay: Lay, name: str) -> None:
    assert found(lay(f"A/{name}", "B/b.png"))[0][0] == f"A/{name}"


def test_an_empty_class_folder_is_named(lay: Lay) -> None:
    root = lay("A/1.png", "B/1.png", "C/readme.txt")
    assert any(note.startswith(f"{root}/C: no films in it") for note in films.index(root, cut=False).notes)


def test_one_class_is_told(lay: Lay) -> None:
    assert films.index(lay("A/1.png"), cut=False).notes == ("only one class, A: training needs two",)


def test_loose_films_beside_classes_are_told(lay: Lay) -> None:
    root = lay("A/1.png", "B/1.png", "loose.png")
    assert "1 film skipped, in no class folder (loose.png)" in films.index(root, cut=False).notes[0]


def test_a_stray_copy_beside_the_splits_is_left_out_and_told(lay: Lay) -> None:
    """Kaggle's archive holds the whole data set a second time in `chest_xray/chest_xray`."""
    root = lay("train/A/1.png", "train/B/2.png", "chest_xray/train/A/1.png")
    index = films.index(root, cut=False)
    assert len(index) == 2
    assert "skipped beside the splits: chest_xray" in index.notes[0]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "no films"),
        (("readme.txt",), "no films"),
        (("A/readme.txt",), "no films"),
        (("1.png", "2.png"), "2 films but no class folders"),
        (("chest/train/A/1.png", "chest/val/A/1.png", "other/B/2.png"), "give it instead: .*chest"),
        (("full/A/1.png", "full/B/2.png"), "if those are the classes, give .*full"),
        (("images/1.png", "labels.csv"), r"beside labels\.csv"),
        (("train/1.png", "train/2.png"), "a class cannot be called 'train'"),
        (("train/1.png", "NORMAL/2.png"), "side by side"),
        (
            ("train/images/1.png", "val/images/2.png", "train/labels/1.txt"),
            "films in images of .*, which is no class",
        ),
        (("images/1.png", "labels.xlsx"), r"beside labels\.xlsx"),
        (("train/A/1.png", "val/A/2.png", "valid/A/3.png"), "both the split val"),
        (("train/A/1.png", "val/A/2.png", "val/B/3.png"), "val has the class B, which train does not have"),
        (("train/A/x.txt", "test/notes.md"), "no films"),
    ],
)
def test_a_folder_that_does_not_say_what_its_films_show_is_refused(
    lay: Lay, names: tuple[str, ...], says: str
) -> None:
    root = lay(*names)
    with pytest.raises(LayoutError, match=says) as refused:
        films.index(root)
    assert str(refused.value).startswith(str(root))
    assert "\n" not in str(refused.value)


def test_a_missing_folder_and_a_single_film_are_refused(lay: Lay) -> None:
    root = lay("A/1.png")
    with pytest.raises(LayoutError, match="no such folder"):
        films.index(root / "none")
    with pytest.raises(LayoutError, match="hilum predict"):
        films.index(root / "A" / "1.png")


def test_a_folder_that_may_not_be_read_is_named(lay: Lay) -> None:
    root = lay("A/1.png", "B/1.png")
    (root / "B").chmod(0)
    try:
        if os.access(root / "B", os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(LayoutError, match="B: the folder cannot be read"):
            films.index(root)
    finally:
        (root / "B").chmod(0o755)


def test_the_real_originals(shared: Path) -> None:
    index = films.index(shared / "data" / "fullres", cut=False)
    assert Counter(film.label for film in index) == {"NORMAL": 48, "PNEUMONIA": 48}
    assert all(film.patient for film in index)
