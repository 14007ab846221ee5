"""Data sets whose labels come from reports: NIH, CheXpert, MIMIC-CXR-JPG, PadChest. Small copies of their layouts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from hilum import films
from hilum.errors import LayoutError
from tests.films.conftest import Lay
from tests.films.datasets.test_radiologists import labels, notes


class TestNih:
    def laid(self, lay: Lay) -> Path:
        root = lay(*(f"images_00{n}/images/0000000{n}_000.png" for n in range(1, 5)))
        (root / "Data_Entry_2017.csv").write_text(
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
            "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
            "00000001_000.png,Edema|Pneumonia,0,1,58,M,PA,2682,2749,0.143,0.143,\n"
            "00000002_000.png,No Finding,0,2,80,F,AP,2500,2048,0.171,0.171,\n"
            "00000003_000.png,Pleural_Thickening,0,3,81,M,PA,2582,2991,0.143,0.143,\n"
            "00000004_000.png,No Finding,0,4,9,F,PA,2500,2048,0.168,0.168,\n"
        )
        (root / "train_val_list.txt").write_text("00000001_000.png\n00000002_000.png\n")
        (root / "test_list.txt").write_text("00000003_000.png\r\n00000004_000.png\r\n")
        return root

    @pytest.mark.parametrize("named", ["", "Data_Entry_2017.csv"])
    def test_the_whole_set_has_official_splits(self, lay: Lay, named: str) -> None:
        index = films.index(self.laid(lay) / named, cut=False)
        assert list(labels(index).values()) == ["PNEUMONIA", "NORMAL", "", "NORMAL"]
        assert [film.split for film in index] == ["train", "train", "test", "test"]
        first = index.films[0]
        assert (first.patient, first.view, first.age, first.sex) == ("1", "PA", "58", "M")
        assert "NIH ChestX-ray14" in notes(index)

    def test_kaggles_sample_which_holds_everything_twice_is_read_once(self, lay: Lay) -> None:
        """`sample_labels.csv`, `sample/sample_labels.csv`, `sample/images` and `sample/sample/images`."""
        names = [f"0000000{n}_000.png" for n in (1, 2)]
        root = lay(*(f"sample/images/{name}" for name in names))
        table = "Image Index,Finding Labels,Patient ID\n" + f"{names[0]},Pneumonia,1\n{names[1]},No Finding,2\n"
        (root / "sample" / "sample" / "images").mkdir(parents=True)
        for name in names:
            copy = root / "sample" / "sample" / "images" / name
            copy.write_bytes((root / "sample" / "images" / name).read_bytes())
        for place in ("", "sample", "sample/sample"):
            (root / place / "sample_labels.csv").write_text(table)
        index = films.index(root, cut=False)
        assert [film.path for film in index] == [str(root / "sample" / "images" / name) for name in names]
        assert "2 films found that lie there more than once, byte for byte" in notes(index)

    def test_columns_of_the_users_own_come_on_top(self, lay: Lay) -> None:
        root = self.laid(lay)
        table = root / "Data_Entry_2017.csv"
        lines = table.read_text().splitlines()
        folds = ("fold", "val", "train", "test", "")
        table.write_text("\n".join(f"{fold},{line}" for fold, line in zip(folds, lines, strict=True)))
        index = films.index(table, cut=False, split_column="fold", patient_column="Follow-up #")
        assert [(film.split, film.patient, film.label) for film in index] == [
            ("val", "0", "PNEUMONIA"),
            ("train", "0", "NORMAL"),
            ("test", "0", ""),
            ("", "0", "NORMAL"),
        ]
        with pytest.raises(LayoutError, match=r"--split-column 'part' is not a column; .*: fold, Image Index"):
            films.index(table, cut=False, split_column="part")

    def test_films_without_a_label_are_for_no_training(self, lay: Lay) -> None:
        root = self.laid(lay)
        (root / "train_val_list.txt").write_text("".join(f"0000000{n}_000.png\n" for n in (1, 2, 3)))
        (root / "test_list.txt").write_text("00000004_000.png\n")
        index = films.index(root)
        assert {film.label: film.split for film in index if not film.label} == {"": ""}
        assert "LEAK" not in notes(index)
        assert "no film of :" not in notes(index)

    def test_a_sample_has_none(self, lay: Lay) -> None:
        root = self.laid(lay)
        (root / "train_val_list.txt").unlink()
        (root / "test_list.txt").unlink()
        (root / "Data_Entry_2017.csv").rename(root / "sample_labels.csv")
        assert {film.split for film in films.index(root, cut=False)} == {""}

    def test_findings_can_make_other_classes(self, lay: Lay) -> None:
        index = films.index(self.laid(lay), class_names={"PLEURA": ["pleural thickening"]}, cut=False)
        assert list(labels(index).values()) == ["", "NORMAL", "PLEURA", "NORMAL"]

    def test_films_that_were_not_fetched_are_left_out(self, lay: Lay) -> None:
        root = self.laid(lay)
        (root / "images_004/images/00000004_000.png").unlink()
        index = films.index(root, cut=False)
        assert len(index) == 3
        assert "1 film left out (not in the folder: 00000004_000.png)" in notes(index)


class TestCheXpert:
    HEADER = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Lung Opacity,Pneumonia,Support Devices\n"

    def laid(self, lay: Lay, root: str = "CheXpert-v1.0-small") -> Path:
        paths = ("train/patient00001/study1/view1_frontal.jpg", "train/patient00001/study1/view2_lateral.jpg",
                 "train/patient00002/study1/view1_frontal.jpg", "train/patient00003/study2/view1_frontal.jpg",
                 "valid/patient64541/study1/view1_frontal.jpg")  # fmt: skip
        folder = lay(*paths, root=root)
        values = ("Female,68,Frontal,AP,1.0,,,1.0", "Female,68,Lateral,,1.0,,,", "Male,87,Frontal,PA,,-1.0,-1.0,",
                  "Male,50,Frontal,AP,,1.0,1.0,", "Male,73,Frontal,AP,0.0,1.0,0.0,")  # fmt: skip
        rows = [f"CheXpert-v1.0-small/{path},{value}\n" for path, value in zip(paths, values, strict=True)]
        (folder / "train.csv").write_text(self.HEADER + "".join(rows[:4]))
        (folder / "valid.csv").write_text(self.HEADER + rows[4])
        return folder

    @pytest.mark.parametrize("root", ["CheXpert-v1.0-small", "chexpert/unpacked"])
    @pytest.mark.parametrize("inside", [True, False])
    def test_paths_lead_to_the_films_from_any_folder(
        self, lay: Lay, monkeypatch: pytest.MonkeyPatch, root: str, inside: bool
    ) -> None:
        folder = self.laid(lay, root)
        monkeypatch.chdir(folder if inside else "/")
        index = films.index("." if inside else folder, cut=False)
        assert [film.label for film in index] == ["NORMAL", "", "PNEUMONIA", ""]
        assert [film.patient for film in index] == [f"patient{n}" for n in ("00001", "00002", "00003", "64541")]
        assert [film.split for film in index] == ["train", "train", "train", "val"]
        assert [film.sex for film in index] == ["F", "M", "M", "M"]
        assert "1 film left out (a lateral view: LATERAL)" in notes(index)
        assert "which the tables do not list" not in notes(index)
        assert "skipped" not in notes(index)

    def test_the_folder_above_it_will_do(self, lay: Lay) -> None:
        assert len(films.index(self.laid(lay).parent, cut=False)) == 4

    def test_what_is_uncertain_is_the_users_choice(self, lay: Lay) -> None:
        folder = self.laid(lay)
        one, two, _, last = films.index(folder, cut=False, uncertain="positive")
        assert (one.label, two.label, last.label) == ("NORMAL", "PNEUMONIA", "")
        negative = films.index(folder, cut=False, uncertain="negative")
        assert [film.label for film in negative] == ["NORMAL", "", "PNEUMONIA", ""]
        assert "uncertain; --uncertain positive or negative decides" in notes(films.index(folder, cut=False))
        certain = films.index(folder, cut=False, class_names={"OPACITY": ["Lung Opacity"]})
        assert [film.label for film in certain] == ["NORMAL", "", "OPACITY", "OPACITY"]
        with pytest.raises(LayoutError, match="has to be positive, negative, leave-out"):
            films.index(folder, uncertain="ones")  # type: ignore[arg-type]


class TestMimic:
    def laid(self, lay: Lay, *, views: bool = True) -> Path:
        root = lay("files/p10/p10000032/s50414267/02aa.jpg", "files/p10/p10000032/s50414267/174413ec.jpg",
                   "files/p10/p10000764/s57375967/096052b7.jpg")  # fmt: skip
        tables = {
            "chexpert": "subject_id,study_id,Edema,No Finding,Pneumonia\n"
            "10000032,50414267,,1.0,\n10000764,57375967,,,1.0\n11111111,50000000,,,1.0\n",
            "split": "dicom_id,study_id,subject_id,split\n02aa,50414267,10000032,train\n"
            "174413ec,50414267,10000032,train\n096052b7,57375967,10000764,validate\nffff,50000000,11111111,test\n",
            "metadata": "dicom_id,subject_id,study_id,ViewPosition,Rows\n02aa,10000032,50414267,PA,3056\n"
            "174413ec,10000032,50414267,LATERAL,3056\n096052b7,10000764,57375967,AP,2544\nffff,11111111,50000000,AP,1\n",
        }
        for name, text in tables.items():
            if name != "metadata" or views:
                (root / f"mimic-cxr-2.0.0-{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
        return root

    @pytest.mark.parametrize(
        "named", ["", *(f"mimic-cxr-2.0.0-{n}.csv.gz" for n in ("chexpert", "split", "metadata"))]
    )
    def test_its_tables_are_joined(self, lay: Lay, named: str) -> None:
        index = films.index(self.laid(lay) / named, cut=False)
        assert [(film.label, film.patient, film.split, film.view) for film in index] == [
            ("NORMAL", "10000032", "train", "PA"),
            ("PNEUMONIA", "10000764", "val", "AP"),
        ]
        assert "1 film left out (a lateral view: LATERAL)" in notes(index)
        assert "1 film left out (not in the folder" in notes(index)

    def test_without_its_metadata_lateral_views_are_not_known(self, lay: Lay) -> None:
        index = films.index(self.laid(lay, views=False), cut=False)
        assert [film.label for film in index] == ["NORMAL", "NORMAL", "PNEUMONIA"]
        assert "lateral views not known" in notes(index)

    def test_no_column_of_a_joined_table_can_be_named(self, lay: Lay) -> None:
        table = self.laid(lay) / "mimic-cxr-2.0.0-chexpert.csv.gz"
        with pytest.raises(LayoutError, match="joined with other tables"):
            films.index(table, patient_column="subject_id")

    def test_labels_are_needed(self, lay: Lay) -> None:
        root = self.laid(lay)
        (root / "mimic-cxr-2.0.0-chexpert.csv.gz").unlink()
        with pytest.raises(LayoutError, match=r"needs mimic-cxr-2\.0\.0-chexpert\.csv\.gz beside it"):
            films.index(root)


class TestPadChest:
    def laid(self, lay: Lay) -> Path:
        root = lay("0/1.png", "13/2.png", "13/3.png", "13/4.png", "0/5.png")
        (root / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv").write_text(
            ",ImageID,ImageDir,StudyDate_DICOM,PatientID,PatientBirth,PatientSex_DICOM,Projection,Labels\n"
            "0,1.png,0,20140915,p1,1930.0,F,PA,\"['pneumonia', 'vertebral fracture']\"\n"
            "1,2.png,13,20120401,p2,1962,M,AP_horizontal,\"['normal']\"\n"
            "2,3.png,13,20120401,p2,1962,M,L,\"['normal']\"\n"
            "3,4.png,13,20100101,p3,1950,F,PA,\"['normal', 'scoliosis']\"\n"
            "4,5.png,0,20100101,p4,1950,F,COSTAL,['exclude']\n"
        )
        return root

    def test_its_lists_are_read(self, lay: Lay) -> None:
        index = films.index(self.laid(lay), cut=False)
        assert labels(index) == {"1": "PNEUMONIA", "2": "NORMAL", "4": ""}
        first = index.films[0]
        assert (first.patient, first.age, first.sex, first.view) == ("p1", "84", "F", "PA")
        assert "1 film left out (a lateral view: L)" in notes(index)
        assert "1 film left out (not a frontal view: COSTAL)" in notes(index)
        assert "1 film unlabelled (NORMAL and a finding besides)" in notes(index)

    def test_films_in_one_folder_are_found_too(self, lay: Lay) -> None:
        root = self.laid(lay)
        for path in list(root.glob("*/*.png")):
            (root / "images-224").mkdir(exist_ok=True)
            path.rename(root / "images-224" / path.name)
        assert len(films.index(root, cut=False)) == 3
