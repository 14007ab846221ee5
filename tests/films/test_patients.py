"""Whose a film is: DICOM's PatientID, then a column, then folders of patients, then a naming scheme that is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum import films
from hilum.errors import LayoutError
from hilum.films.patient_folders import patient_folders
from hilum.films.patients import is_removed
from hilum.records import Manifest
from tests.films.conftest import Lay
from tests.pixels.dicoms import dataset, stored_phantom


def dicom(path: Path, patient: str | None, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ds = dataset(stored_phantom(seed=seed))
    if patient is not None:
        ds.PatientID = patient
    ds.save_as(path, enforce_file_format=True)


def patients(index: Manifest) -> list[str]:
    return [film.patient for film in index]


def note(index: Manifest, word: str) -> str:
    (found,) = [each for each in index.notes if word in each]
    return found


# ------------------------------------------------------------------------------------------- DICOM


def test_a_viewers_export_is_read_by_patient_id_and_not_by_names_that_look_like_kermanys(tmp_path: Path) -> None:
    for number in range(8):
        label = "NORMAL" if number < 4 else "PNEUMONIA"
        dicom(tmp_path / label / f"ANON{number}" / "Chest_PA - 1" / "IM-0001-0001.dcm", f"ID{number // 2}", number)
    index = films.index(tmp_path)
    assert patients(index) == ["ID0", "ID0", "ID1", "ID1", "ID2", "ID2", "ID3", "ID3"]
    assert note(index, "PatientID") == "patients read from DICOM's PatientID: 8 films of 4 patients"
    assert not any("LEAK" in each for each in index.notes)


@pytest.mark.parametrize("removed", ["", "ANON", "Anonymous", "0", None, "DE-IDENTIFIED", "000000", "N/A", "^"])
def test_a_patient_id_that_was_removed_is_none_and_the_folder_is_the_patient(
    tmp_path: Path, removed: str | None
) -> None:
    for number in range(6):
        name = f"PA{number:06d}/ST000001/SE000001/IM000001"
        dicom(tmp_path / ("A" if number < 3 else "B") / name, removed, number)
    index = films.index(tmp_path, cut=False)
    assert patients(index) == [f"PA{number:06d}" for number in range(6)]
    assert "PA000000/ST000001/SE000001/IM000001 → PA000000, PA000001/" in note(index, "folders that the films lie in")


def test_a_patient_id_that_all_films_share_is_none_whatever_it_is(tmp_path: Path) -> None:
    for number in range(4):
        dicom(tmp_path / "AB"[number % 2] / f"IM-000{number}-0001.dcm", "Study 7", number)
    index = films.index(tmp_path, cut=False)
    assert patients(index) == [""] * 4
    assert note(index, "same PatientID").startswith("all 4 DICOM films have the same PatientID")
    with pytest.raises(LayoutError, match="4 films of 4 without a known patient"):
        films.index(tmp_path)


def test_a_patient_id_that_is_the_class_is_none(tmp_path: Path) -> None:
    for number in range(6):
        label = "Normal" if number < 3 else "Lung_Opacity"
        dicom(tmp_path / label / f"{number}.dcm", label.upper().replace("_", " "), number)
    index = films.index(tmp_path, cut=False)
    assert patients(index) == [""] * 6
    assert note(index, "PatientID, which") == "6 DICOM films with the class as PatientID, which is no patient's"


def test_a_pattern_of_the_user_comes_before_the_files(tmp_path: Path) -> None:
    for number in range(4):
        dicom(tmp_path / "AB"[number % 2] / f"p{number}_1.dcm", f"ID{number}", number)
    assert patients(films.index(tmp_path, cut=False, patient_pattern=r"(?P<patient>p\d)_")) == [
        "p0",
        "p2",
        "p1",
        "p3",
    ]


def test_patient_id_comes_before_a_tables_column_unless_it_splits_the_tables_patients(tmp_path: Path) -> None:
    for number in range(4):
        dicom(tmp_path / f"{number}.dcm", f"ID{number // 2}", number)
    lines = "path,label,patient\n" + "".join(f"{n}.dcm,{'AB'[n % 2]},t{{}}\n" for n in range(4))
    (tmp_path / "t.csv").write_text(lines.format(0, 1, 2, 3))
    assert patients(films.index(tmp_path / "t.csv", cut=False)) == ["ID0", "ID0", "ID1", "ID1"]
    named = films.index(tmp_path / "t.csv", cut=False, patient_column="patient")
    assert patients(named) == ["t0", "t1", "t2", "t3"]
    (tmp_path / "t.csv").write_text(lines.format(0, 0, 0, 0))
    index = films.index(tmp_path / "t.csv", cut=False)
    assert patients(index) == ["t0"] * 4
    assert "the table's patients were taken" in note(index, "gives one patient of the table several")


@given(
    st.sampled_from(["anonymous", "anonymized", "removed", "unknown", "none", "no name", "de-identified", "0", "x"]),
    st.sampled_from([str.upper, str.lower, str.title]),
    st.sampled_from(["{}", " {} ", "{}\t"]),
)
def test_what_says_that_it_was_removed_is_no_patient(word: str, case: Callable[[str], str], around: str) -> None:
    assert is_removed(around.format(case(word)))


@given(st.integers(1), st.sampled_from(["{}", "P{}", "ANON{}", "anon_{}", "Patient {}", "{}-x"]))
def test_a_number_is_a_patient(number: int, name: str) -> None:
    assert not is_removed(name.format(number))


# ------------------------------------------------------------------------------------------- folders


@pytest.mark.parametrize(
    ("below", "found"),
    [
        (["P1/a", "P1/b", "P2/c"], ["P1", "P1", "P2"]),
        (["P1/S1/SE1/a", "P2/S1/SE1/a"], ["P1", "P2"]),
        (["images/P1/a", "images/P2/a"], ["P1", "P2"]),
        (["site1/P1/a", "site2/P2/a"], ["P1", "P2"]),
        (["2019/0001/a", "2020/0002/a"], ["0001", "0002"]),
        (["Doe_Jane/a", "Roe_Rick/a", "Poe_Paul/a"], ["Doe_Jane", "Roe_Rick", "Poe_Paul"]),
        (["P1/a", "P2/a", "loose"], ["P1", "P2", ""]),
        (["a", "b"], []),
        (["images/a", "images/b"], []),
        (["bacteria/a", "virus/a", "fungal/b"], []),
        (["batch1/a", "batch2/a", "batch3/b"], []),
        (["224/a", "512/a"], []),
        (["256/P1/a", "1024px/P2/a"], ["P1", "P2"]),
        (["224/a", "225/a", "226/b"], ["224", "225", "226"]),
        (["Chest_PA - 1/a", "Chest_PA - 1/b"], []),
        (["left/a", "right/a"], []),
        ([f"group{folder}x/{film}" for folder in range(3) for film in range(50)], []),
        ([], []),
    ],
)
def test_folders_are_patients_where_they_look_like_it(below: list[str], found: list[str]) -> None:
    assert list(patient_folders(below)) == found


@given(st.lists(st.lists(st.sampled_from(["P1", "P2", "images", "x", "1", "a.png"]), min_size=1).map("/".join)))
def test_any_folders_give_one_patient_a_film_or_none_at_all(below: list[str]) -> None:
    found = patient_folders(below)
    assert len(found) in (0, len(below))
    assert all(not patient or patient in path.split("/")[:-1] for path, patient in zip(below, found, strict=False))


def test_the_folder_is_the_patient_where_a_scheme_would_have_one_in_many(lay: Lay) -> None:
    root = lay(*(f"{label}/{label}{n:03d}/Chest/IM-0001-0001.jpg" for label in "AB" for n in range(5)))
    index = films.index(root)
    assert len(set(patients(index))) == 10
    assert "A000/Chest/IM-0001-0001.jpg → A000, A001/Chest/" in note(index, "patients read from the folders")
    assert "(IM-0001)" in note(index, "look like Kermany's file names")


# ------------------------------------------------------------------------------------------- naming schemes


def test_a_scheme_says_its_name_and_shows_two_examples(lay: Lay) -> None:
    index = films.index(lay("A/person12_virus_3.jpeg", "A/person13_virus_4.jpeg", "B/IM-0115-0001.jpeg"), cut=False)
    assert note(index, "patients read") == (
        "patients read by Kermany's file names, for example person12_virus_3.jpeg → person12_virus, "
        "person13_virus_4.jpeg → person13_virus"
    )


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("A/IM-0001-0001.jpg", "A/IM-0001-0002.jpg", "B/IM-0001-0003.jpg"), "all 3 of them would be one patient"),
        (
            ("A/IM-0001-0001.jpg", "A/IM-0002-0001.jpg", "B/IM-0001-0001.jpg", "B/IM-0003-0001.jpg"),
            r"one name stands for films of two classes (IM-0001-0001.jpg)",
        ),
    ],
)
def test_a_scheme_is_not_believed_where_it_makes_no_sense(lay: Lay, names: tuple[str, ...], why: str) -> None:
    index = films.index(lay(*names), cut=False)
    assert set(patients(index)) == {""}
    assert f"but {why}: no patients were read from them" in note(index, "look like Kermany's")


# ------------------------------------------------------------------------------------------- Shenzhen, Montgomery


def shenzhen(*numbers: int, places: str = "CXR_png/") -> list[str]:
    return [f"{places}CHNCXR_{number:04d}_{int(number > 326)}.png" for number in numbers]


@pytest.mark.parametrize("places", ["CXR_png/", "", "ChinaSet_AllFiles/CXR_png/", "images/images/"])
def test_shenzhens_names_give_class_and_patient_wherever_the_films_lie(lay: Lay, places: str) -> None:
    films_and_masks = [*shenzhen(1, 2, 327, 328, places=places), "mask/CHNCXR_0001_0_mask.png", "Readme.pdf"]
    index = films.index(lay(*films_and_masks, "ClinicalReadings/CHNCXR_0001_0.txt"), cut=False)
    assert [(film.label, film.patient) for film in index] == [
        ("NORMAL", "CHNCXR_0001"), ("NORMAL", "CHNCXR_0002"),
        ("ABNORMAL", "CHNCXR_0327"), ("ABNORMAL", "CHNCXR_0328"),
    ]  # fmt: skip
    assert "classes read by Shenzhen's file names, for example CHNCXR_0" in note(index, "classes read")
    assert "masks or overlays" in note(index, "1 file left out")


def test_montgomerys_masks_are_left_out_and_both_sets_go_together(lay: Lay) -> None:
    names = [f"MontgomerySet/{folder}/MCUCXR_000{n}_{n % 2}.png" for n in range(1, 5) for folder in
             ("CXR_png", "ManualMask/leftMask", "ManualMask/rightMask")]  # fmt: skip
    index = films.index(lay(*names, *shenzhen(1, 327, places="China/CXR_png/")), cut=False)
    assert [film.label for film in index].count("ABNORMAL") == 3
    assert len(index) == 6
    assert "8 files left out" in note(index, "masks or overlays, by their folder")


def test_folders_of_classes_come_before_the_names_classes(lay: Lay) -> None:
    root = lay("NORMAL/CHNCXR_0001_0.png", "NORMAL/CHNCXR_0002_0.png", "TB/CHNCXR_0327_1.png")
    index = films.index(root, cut=False)
    assert index.labels == ("NORMAL", "TB")
    named = films.index(lay(*shenzhen(1, 2, 327), root="b"), cut=False, class_names={"PNEUMONIA": ["abnormal"]})
    assert named.labels == ("NORMAL", "PNEUMONIA")


@pytest.mark.parametrize(
    ("text", "sex", "age"),
    [
        ("male 45yrs \nnormal", "M", "45"),
        ("female , 24yrs\n\nPTB of left upper field", "F", "24"),
        ("Patient's Sex: F\nPatient's Age: 027Y\nnormal", "F", "27"),
        ("Male 3 months\nnormal", "M", "0"),
        ("", "", ""),
        ("no reading\xff", "", ""),
    ],
)
def test_clinical_readings_give_age_and_sex(lay: Lay, text: str, sex: str, age: str) -> None:
    root = lay(*shenzhen(1, 327), "ClinicalReadings/CHNCXR_0001_0.txt", "ClinicalReadings/CHNCXR_0999_0.txt")
    (root / "ClinicalReadings" / "CHNCXR_0001_0.txt").write_text(text, "latin-1")
    index = films.index(root, cut=False)
    assert [(film.sex, film.age) for film in index] == [(sex, age), ("", "")]
    assert not any(".txt" in each for each in index.notes)
