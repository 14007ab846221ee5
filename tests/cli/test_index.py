"""`hilum index` and what other verbs do with folders as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hilum.records import read_manifest
from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm


@pytest.fixture
def write(tmp_path: Path, write_film: WriteFilm) -> WriteFilm:
    def below(path: Path, seed: int, opacity: float = 0.0, size: tuple[int, int] = (64, 64)) -> Path:
        return write_film(tmp_path / path, seed, opacity, size)

    return below


def test_the_notes_say_what_was_merged_and_left_out(hilum: Hilum, write: WriteFilm, tmp_path: Path) -> None:
    for number in range(8):
        name = ("NORMAL", "Normal", "PNEUMONIA", "Pneumonia")[number % 4]
        write(Path("in", name, f"person{number}_virus_1.jpeg"), number)
    write(Path("in", "NORMAL", "masks", "person0_virus_1.png"), 9)
    done = hilum("index", "in")
    assert done.returncode == 0
    assert read_manifest(tmp_path / "manifest.csv").labels == ("NORMAL", "PNEUMONIA")
    for said in (
        "note: one class under several names, NORMAL: NORMAL (2), Normal (2)",
        "1 file left out, masks or overlays, by their folder (NORMAL/masks/…)",
        "patients read by Kermany's file names, for example person0_virus_1.jpeg → person0_virus, ",
    ):
        assert said in done.stderr


def test_classes_are_named_once_or_several_times(hilum: Hilum, write: WriteFilm, tmp_path: Path) -> None:
    for number, name in enumerate(("clear", "Lung_Opacity", "pneumonia", "clear") * 2):
        write(Path("in", name, f"{number}.png"), number)
    assert "one class or two?" in refusal(hilum("index", "in", "--split-by", "film"), 2)
    named = ("--class", "PNEUMONIA=pneumonia,lung opacity", "--class", "NORMAL=clear")
    done = hilum("index", "in", "--split-by", "film", "--json", *named)
    counts = json.loads(done.stdout)["splits"]
    assert sum(split.get("PNEUMONIA", 0) for split in counts.values()) == 4
    assert read_manifest(tmp_path / "manifest.csv").labels == ("NORMAL", "PNEUMONIA")
    assert "no film has the class" in refusal(hilum("index", "in", "--class", "A=B"), 2)
    assert "write the class, then the names" in refusal(hilum("index", "in", "--class", "A"), 2)


def test_evaluating_matches_names_with_the_detectors_and_says_so(
    hilum: Hilum, tiny_bundle: Path, write: WriteFilm
) -> None:
    for number, name in enumerate(("Normal", "pneumonia", "COVID") * 4):
        write(Path("in", name, f"{number}.png"), number)
    write(Path("in", "Normal", "masks", "0.png"), 99)
    asked = ("evaluate", tiny_bundle, "--data", "in", "--split", "all", "--out")
    assert "say what these labels mean, as in --class 'PNEUMONIA=COVID'" in refusal(hilum(*asked, "a"), 2)
    done = hilum(*asked, "b", "--classes", "Normal,pneumonia", "--json")
    assert json.loads(done.stdout)["n"] == 8
    assert "4 films left out, of classes that --classes does not name: COVID (4)" in done.stderr
    assert "1 file left out, masks or overlays" in done.stderr
    done = hilum(*asked, "c", "--class", "PNEUMONIA=covid", "--json")
    assert json.loads(done.stdout)["n"] == 12
    assert "class names matched with the detector's: Normal as NORMAL" in done.stderr


def test_a_cd_is_predicted_and_its_other_objects_are_named(hilum: Hilum, write: WriteFilm, tmp_path: Path) -> None:
    from pydicom.uid import UID, MediaStorageDirectoryStorage

    from tests.pixels.dicoms import dataset, stored_phantom

    film = tmp_path / "cd" / "DICOM" / "PA000001" / "IM000001"
    film.parent.mkdir(parents=True)
    dataset(stored_phantom()).save_as(film, enforce_file_format=True)
    directory = dataset(stored_phantom())
    directory.SOPClassUID = directory.file_meta.MediaStorageSOPClassUID = UID(MediaStorageDirectoryStorage)
    del directory.PixelData, directory.Rows, directory.Modality
    directory.save_as(tmp_path / "cd" / "DICOMDIR", enforce_file_format=True)
    write(Path("cd", "logo.png"), 1)
    done = hilum("predict", "cd", "--out", "p.csv")
    assert done.returncode == 0
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 2
    assert "DICOMDIR, the index of a medium" in done.stderr
    assert "1 file left out, pictures of a viewer, beside DICOM (logo.png)" in done.stderr
    assert "a DICOM object that is no image (DICOMDIR" in hilum("predict", "cd/DICOMDIR").stderr


def test_a_refusal_comes_after_the_notes_on_what_was_left_out(hilum: Hilum, write: WriteFilm, tmp_path: Path) -> None:
    for seed, label in enumerate(("NORMAL", "PNEUMONIA")):
        write(Path("films", label, "images", f"{label}.png"), seed)
        write(Path("films", label, "masks", f"{label}.png"), seed + 2)
    done = hilum("index", tmp_path / "films")
    assert "without a known patient" in refusal(done, 2)
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert "2 files left out, masks or overlays" in notes[0]


@pytest.mark.parametrize("out", ["in/NORMAL/0.png", "table.csv", "./in/../table.csv"])
def test_what_is_read_is_never_replaced_by_the_manifest(
    hilum: Hilum, write: WriteFilm, tmp_path: Path, out: str
) -> None:
    rows = ["path,label,kept"]
    for number in range(4):
        name = ("NORMAL", "PNEUMONIA")[number % 2]
        write(Path("in", name, f"{number}.png"), number)
        rows.append(f"in/{name}/{number}.png,{name},{number}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    before = (tmp_path / out).read_bytes()
    line = refusal(hilum("index", "table.csv", "--split-by", "film", "--out", out), 2)
    assert "that is read here, and is never replaced; name another file" in line
    assert (tmp_path / out).read_bytes() == before


@pytest.mark.parametrize(
    ("names", "example"),
    [(("0", "1"), "'PNEUMONIA=1'"), (("COVID", "Viral Pneumonia"), "'PNEUMONIA=Viral Pneumonia'")],
)
def test_the_example_for_a_class_is_one_that_may_be_meant(
    hilum: Hilum, tiny_bundle: Path, write: WriteFilm, names: tuple[str, str], example: str
) -> None:
    for number, name in enumerate(names * 2):
        write(Path("in", name, f"{number}.png"), number)
    done = hilum("evaluate", tiny_bundle, "--data", "in", "--split", "all", "--out", "e")
    assert f"as in --class {example}" in refusal(done, 2)
