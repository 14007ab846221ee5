from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hilum import films
from hilum.errors import LayoutError
from hilum.films.contents import EMPTY
from hilum.records import Film, Manifest, read_manifest, write_manifest
from tests.conftest import ChestFolder
from tests.films.conftest import Lay
from tests.test_records import file_names


def test_a_folder_becomes_a_manifest(chest_folder: ChestFolder) -> None:
    index = films.index(chest_folder())
    assert isinstance(index, Manifest)
    assert len(index) == 68
    assert Counter(film.split for film in index) == {"train": 46, "val": 6, "test": 16}
    assert {(film.label, film.subtype) for film in index.split("val")} == {
        ("NORMAL", ""), ("PNEUMONIA", "bacteria"), ("PNEUMONIA", "virus"),
    }  # fmt: skip
    assert all(len(film.sha256) == 64 and film.patient for film in index)
    assert any("too few to choose by" in note for note in index.notes)


def test_test_films_are_never_touched(chest_folder: ChestFolder) -> None:
    root = chest_folder()
    before = {film.path for film in films.index(root, cut=False).split("test")}
    assert {film.path for film in films.index(root, val_fraction=0.4, seed=3).split("test")} == before


def test_without_a_cut_every_film_keeps_its_split_and_patients_may_be_unknown(lay: Lay) -> None:
    root = lay("train/A/1.png", "train/B/2.png", "val/A/3.png")
    assert [film.split for film in films.index(root, cut=False)] == ["train", "train", "val"]
    assert {film.split for film in films.index(lay("A/1.png", "B/1.png", root="other"), cut=False)} == {""}


def test_unknown_patients_stop_a_cut_until_somebody_says_whose_the_films_are(lay: Lay) -> None:
    root = lay(*(f"{label}/p{patient}_{film}.png" for label in "AB" for patient in range(9) for film in range(3)))
    with pytest.raises(LayoutError, match="54 films of 54 without a known patient"):
        films.index(root)
    with pytest.raises(LayoutError, match="matches none"):
        films.index(root, patient_pattern=r"^(?P<patient>q\d+)_")
    index = films.index(root, patient_pattern=r"^(?P<patient>p\d+)_")
    assert not {film.patient for film in index.split("val")} & {film.patient for film in index.split("train")}
    by_film = films.index(root, split_by="film")
    assert any("val looks better than it is" in note for note in by_film.notes)


def test_one_unknown_patient_is_enough_to_stop(lay: Lay) -> None:
    root = lay("A/IM-1-1.png", "A/IM-2-1.png", "B/person1_virus_1.png", "B/stranger.png")
    with pytest.raises(LayoutError, match=r"1 film of 4 .*stranger\.png"):
        films.index(root)


def test_copies_are_counted_and_kept_on_one_side(lay: Lay) -> None:
    root = lay(*(f"A/IM-{n}-1.png" for n in range(9)), *(f"B/IM-{n}-2.png" for n in range(20, 29)))
    for n in range(1, 9):
        (root / "A" / f"IM-{n}-1.png").write_bytes((root / "A" / "IM-0-1.png").read_bytes())
    index = films.index(root)
    assert len({film.split for film in index if film.label == "A"}) == 1
    assert any("1 film occurs more than once, byte for byte (8 in excess" in note for note in index.notes)
    assert "val has no film of A: too few patients to spare one" in index.notes


def test_one_film_with_two_labels_is_refused(lay: Lay) -> None:
    root = lay("A/IM-1-1.png", "B/IM-2-1.png")
    (root / "A" / "IM-1-1.png").write_bytes((root / "B" / "IM-2-1.png").read_bytes())
    with pytest.raises(LayoutError, match=r"IM-1-1\.png \(A\) and .*IM-2-1\.png \(B\) are the same film"):
        films.index(root)


def test_empty_files_are_told_and_are_not_the_same_film(lay: Lay) -> None:
    root = lay("A/1.png", "B/2.png")
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    index = films.index(root, cut=False)
    assert {film.sha256 for film in index} == {EMPTY}
    assert "2 empty files, which cannot be decoded" in index.notes[0]


def test_a_film_that_cannot_be_read_is_named(lay: Lay) -> None:
    root = lay("A/1.png", "B/2.png")
    (root / "B" / "gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(LayoutError, match=r"1 film cannot be read: .*gone\.png"):
        films.index(root, cut=False)


def test_several_data_sets_become_one(lay: Lay) -> None:
    one = lay("A/IM-1-1.png", "A/IM-2-1.png", "B/IM-3-1.png", "B/IM-4-1.png", root="one")
    two = lay("test/A/IM-5-1.png", "test/B/IM-6-1.png", root="two")
    assert Counter(film.split for film in films.index(one, two)) == {"train": 2, "val": 2, "test": 2}
    with pytest.raises(LayoutError, match="in more than one of the sources"):
        films.index(one, one)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"val_fraction": 0.0}, "val_fraction"),
        ({"val_fraction": 1.5}, "val_fraction"),
        ({"split_by": "day"}, "split_by"),
    ],
)
def test_impossible_wishes_are_refused(lay: Lay, options: dict[str, Any], says: str) -> None:
    with pytest.raises(LayoutError, match=says):
        films.index(lay("A/1.png"), **options)
    with pytest.raises(LayoutError, match="no data set was named"):
        films.index()


@given(name=file_names)
@settings(max_examples=30, deadline=None)
def test_any_file_name_goes_from_the_disk_through_the_manifest(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "A" / f"x{name}.png"
        path.parent.mkdir()
        try:
            path.write_text("film")
        except OSError:  # longer than the file system takes
            return
        index = films.index(folder, cut=False)
        write_manifest(index, Path(folder) / "manifest.csv")
        assert read_manifest(Path(folder) / "manifest.csv").films == index.films
        assert index.films[0].path == str(path)


class TestFind:
    """What there is to predict."""

    def test_folders_are_searched_and_files_taken_as_named(self, lay: Lay) -> None:
        root = lay("in/a.png", "in/deep/b.dcm", "in/notes.txt", "odd.bin")
        index = films.find([root / "in", root / "odd.bin", str(root / "in" / "a.png")])
        assert [os.path.relpath(film.path, root) for film in index] == ["in/a.png", "in/deep/b.dcm", "odd.bin"]
        assert index.films[0] == Film(str(root / "in" / "a.png"))
        assert "1 file skipped" in index.notes[0]

    def test_nothing_found_is_refused(self, lay: Lay) -> None:
        root = lay("notes.txt")
        for paths, says in (([root / "x.png"], "no such file"), ([root], "no films found"), ([], "no films found")):
            with pytest.raises(LayoutError, match=says):
                films.find(paths)


def test_the_real_films(shared: Path) -> None:
    index = films.index(shared / "data" / "chest_xray")
    assert Counter((film.label, film.subtype) for film in index) == {
        ("NORMAL", ""): 1349, ("PNEUMONIA", "bacteria"): 2538, ("PNEUMONIA", "virus"): 1345,
    }  # fmt: skip
    assert all(film.patient for film in index)
    val, train = index.split("val"), index.split("train")
    assert not {film.patient for film in val} & {film.patient for film in train}
    assert not {film.sha256 for film in val} & {film.sha256 for film in train}
    assert len(val) == pytest.approx(523, abs=10)
    assert any(note.startswith("24 films occur more than once") for note in index.notes)
    assert any("val has 16 films, too few to choose by" in note for note in index.notes)
