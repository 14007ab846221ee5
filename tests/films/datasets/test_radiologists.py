"""Data sets that radiologists read for: RSNA 2018, VinDr-CXR and -PCXR, SIIM. Small copies of their layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum import films
from hilum.errors import LayoutError
from hilum.records import Manifest
from tests.films.conftest import Lay


def labels(manifest: Manifest) -> dict[str, str]:
    return {Path(film.path).stem: film.label for film in manifest}


def notes(manifest: Manifest) -> str:
    return "\n".join(manifest.notes)


class TestRsna2018:
    BOXES = (
        "patientId,x,y,width,height,Target\na,,,,,0\nb,,,,,0\n"
        "c,264.0,152.0,213.0,379.0,1\nc,562.0,152.0,256.0,453.0,1\n"
    )
    CLASSES = "patientId,class\na,Normal\nb,No Lung Opacity / Not Normal\nc,Lung Opacity\nc,Lung Opacity\n"

    def laid(self, lay: Lay, *, details: bool = True) -> Path:
        root = lay(*(f"stage_2_train_images/{name}.dcm" for name in "abc"), "stage_2_test_images/t.dcm")
        (root / "stage_2_train_labels.csv").write_text(self.BOXES)
        if details:
            (root / "stage_2_detailed_class_info.csv").write_text(self.CLASSES)
        return root

    @pytest.mark.parametrize("named", ["", "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"])
    def test_a_film_without_an_opacity_is_normal_only_if_it_was_called_so(self, lay: Lay, named: str) -> None:
        index = films.index(self.laid(lay) / named, cut=False)
        assert labels(index) == {"a": "NORMAL", "b": "", "c": "PNEUMONIA"}
        assert [film.patient for film in index] == ["a", "b", "c"]
        assert (
            "RSNA 2018: NORMAL is Normal; PNEUMONIA is Lung Opacity; No Lung Opacity / Not Normal is neither"
            in notes(index)
        )
        assert "1 film unlabelled (neither Lung Opacity nor Normal)" in notes(index)

    def test_the_negative_class_is_the_users_choice(self, lay: Lay) -> None:
        both = {"NORMAL": ["Normal", "No Lung Opacity / Not Normal"]}
        index = films.index(self.laid(lay), class_names=both, cut=False)
        assert labels(index) == {"a": "NORMAL", "b": "NORMAL", "c": ""}
        index = films.index(self.laid(lay), class_names=both | {"PNEUMONIA": ["lung_opacity"]}, cut=False)
        assert labels(index) == {"a": "NORMAL", "b": "NORMAL", "c": "PNEUMONIA"}

    def test_films_of_the_test_folder_have_no_labels_and_are_left_out(self, lay: Lay) -> None:
        assert "1 film left out, which the tables do not list or label (stage_2_test_images: 1)" in notes(
            films.index(self.laid(lay), cut=False)
        )

    def test_boxes_alone_do_not_tell_normal_films(self, lay: Lay) -> None:
        index = films.index(self.laid(lay, details=False), cut=False)
        assert labels(index) == {"a": "NORMAL", "b": "NORMAL", "c": "PNEUMONIA"}
        assert "among them films with other findings" in notes(index)
        assert "1 film in several rows" in notes(index)

    def test_tables_that_contradict_each_other_are_refused(self, lay: Lay) -> None:
        root = self.laid(lay)
        (root / "stage_2_detailed_class_info.csv").write_text(self.CLASSES.replace("a,Normal", "a,Lung Opacity"))
        with pytest.raises(LayoutError, match=r"line 2 has the Target 0, and .* calls a Lung Opacity; fetch both"):
            films.index(root)


class TestVinDr:
    HEADER = "image_id,rad_id,Consolidation,Pneumonia,Other diseases,No finding\n"

    def laid(self, lay: Lay) -> Path:
        root = lay(*(f"train/{name}.dicom" for name in "abcd"), "test/t.dicom", "annotations/readme.md")
        readers = (
            "a,R1,0,1,0,0\na,R2,1,1,0,0\na,R3,0,0,0,1\n"  # two of three: pneumonia
            "b,R1,0,0,0,1\nb,R4,0,0,0,1\nb,R5,0,0,0,1\n"
            "c,R1,0,1,0,0\nc,R2,0,0,0,1\nc,R3,1,0,0,0\n"  # three answers
            "d,R1,1,0,0,0\nd,R2,1,0,0,0\nd,R3,0,0,0,1\n"  # two of three: another finding
        )
        (root / "annotations" / "image_labels_train.csv").write_text(self.HEADER + readers)
        test = "image_id,Consolidation,Pneumonia,Other disease,No finding\nt,0,1,0,0\n"
        (root / "annotations" / "image_labels_test.csv").write_text(test)
        return root

    def test_a_film_is_of_the_class_that_most_of_its_readers_say(self, lay: Lay) -> None:
        index = films.index(self.laid(lay), cut=False)
        assert labels(index) == {"t": "PNEUMONIA", "a": "PNEUMONIA", "b": "NORMAL", "c": "", "d": ""}
        assert {Path(film.path).stem: film.split for film in index} == dict.fromkeys("abcd", "train") | {"t": "test"}
        assert "the readers disagree" in notes(index)
        assert "more than half of its readers" in notes(index)

    def test_findings_are_counted_as_the_class_that_they_make(self, lay: Lay) -> None:
        opacity = {"PNEUMONIA": ["pneumonia", "consolidation"]}
        index = films.index(self.laid(lay), class_names=opacity, cut=False)
        assert labels(index) == {
            "t": "PNEUMONIA",
            "a": "PNEUMONIA",
            "b": "NORMAL",
            "c": "PNEUMONIA",
            "d": "PNEUMONIA",
        }

    def test_a_table_in_its_own_folder_leads_to_the_films_beside_it(self, lay: Lay) -> None:
        table = self.laid(lay) / "annotations" / "image_labels_train.csv"
        assert len(films.index(table, cut=False)) == 4

    def test_children_have_other_names_for_pneumonia(self, lay: Lay) -> None:
        root = lay("train/a.dicom", "train/b.dicom", "train/c.dicom")
        (root / "image_labels_train.csv").write_text(
            "image_id,rad_ID,No finding,Bronchitis,Brocho-pneumonia,Pneumonia,Pleuro-pneumonia\n"
            "a,R1,0.0,0.0,1.0,0.0,0.0\nb,R1,1.0,0.0,0.0,0.0,0.0\nc,R2,0.0,1.0,0.0,0.0,0.0\n"
        )
        index = films.index(root, cut=False)
        assert labels(index) == {"a": "PNEUMONIA", "b": "NORMAL", "c": ""}
        assert "VinDr-PCXR" in notes(index)

    def test_a_row_a_box_as_kaggle_gives_it(self, lay: Lay) -> None:
        root = lay("train/a.dicom", "train/b.dicom")
        (root / "train.csv").write_text(
            "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"
            "a,No finding,14,R1,,,,\na,No finding,14,R2,,,,\na,No finding,14,R3,,,,\n"
            "b,Infiltration,6,R1,1,2,3,4\nb,Consolidation,4,R1,1,2,3,4\n"
            "b,Consolidation,4,R2,1,2,3,4\nb,No finding,14,R3,,,,\n"
        )
        index = films.index(root, class_names={"OPACITY": ["infiltration", "consolidation"]}, cut=False)
        assert labels(index) == {"a": "NORMAL", "b": "OPACITY"}
        assert "no row has Pneumonia; the findings are No finding, Consolidation, Infiltration" in notes(
            films.index(root, cut=False)
        )


class TestSiim:
    def test_minus_one_is_a_film_without_a_pneumothorax(self, lay: Lay) -> None:
        one, two = "1.2.276.0.7230010.3.1.4.8323329.14508.1", "1.2.276.0.7230010.3.1.4.8323329.14508.2"
        root = lay(f"dicom-images-train/s1/e1/{one}.dcm", f"dicom-images-train/s2/e2/{two}.dcm")
        (root / "train-rle.csv").write_text(
            f"ImageId, EncodedPixels\n{one}, -1\n{two},175349 7 1013\n{two},9 2 1015\n"
        )
        index = films.index(root, cut=False)
        assert [film.label for film in index] == ["NEGATIVE", "PNEUMOTHORAX"]
        assert "not the same as a normal film" in notes(index)


class TestFolders:
    """Recognising a folder does no harm to one that is of classes, and asks where it cannot know."""

    def test_a_stray_table_in_a_folder_of_classes_changes_nothing(self, lay: Lay) -> None:
        root = lay("NORMAL/1.png", "PNEUMONIA/2.png")
        (root / "train.csv").write_bytes(b"\xff\x00 no table")
        (root / "test.txt").write_text("read me\nfirst\n")
        assert films.index(root, cut=False).labels == ("NORMAL", "PNEUMONIA")

    def test_two_data_sets_in_one_folder_are_a_question(self, lay: Lay) -> None:
        root = lay("a.png")
        (root / "stage_2_train_labels.csv").write_text("patientId,x,y,width,height,Target\na,,,,,0\n")
        (root / "Data_Entry_2017.csv").write_text("Image Index,Finding Labels\na.png,No Finding\n")
        with pytest.raises(
            LayoutError, match=r"holds tables of NIH ChestX-ray14, RSNA 2018; name one of them: .*csv"
        ):
            films.index(root)

    def test_two_tables_of_the_same_films_are_a_question(self, lay: Lay) -> None:
        root = lay("train/a.jpg")
        for name in ("train_COVIDx7A.txt", "train_COVIDx8A.txt"):
            (root / name).write_text("3 a.jpg pneumonia cohen\n")
        with pytest.raises(LayoutError, match=r"1 film in .* and in another table .*; name one table: "):
            films.index(root)

    def test_kaggles_joined_copy_of_rsna(self, lay: Lay) -> None:
        root = lay("Training/Images/a.png", "Training/Images/c.png")
        (root / "stage2_train_metadata.csv").write_text(
            "patientId,x,y,width,height,Target,class,age,sex,modality,position\n"
            "a,,,,,0,Normal,51,F,CR,PA\nc,1,2,3,4,1,Lung Opacity,48,M,CR,AP\n"
        )
        one, two = films.index(root, cut=False)
        assert (one.label, one.age, one.sex, one.view) == ("NORMAL", "51", "F", "PA")
        assert (two.label, two.view) == ("PNEUMONIA", "AP")
