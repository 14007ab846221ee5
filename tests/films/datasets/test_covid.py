"""Collections of the pandemic: COVIDx's lists and CoronaHack's metadata. Small copies of their layouts."""

from __future__ import annotations

import pytest

from hilum import films
from hilum.errors import LayoutError
from tests.films.conftest import Lay
from tests.films.datasets.test_radiologists import labels, notes


class TestCovidx:
    def test_lists_without_a_header(self, lay: Lay) -> None:
        root = lay("train/a.jpg", "train/COVID (7).png", "train/c.jpeg", "test/a.jpg")
        (root / "train.txt").write_text(
            "3 a.jpg pneumonia cohen\n12 COVID (7).png COVID-19 sirm\n31 c.jpeg normal rsna\n"
        )
        (root / "test.txt").write_text("90 a.jpg normal rsna\n")
        index = films.index(root, cut=False)
        assert [(film.label, film.patient, film.split, film.site) for film in index] == [
            ("NORMAL", "90", "test", "rsna"),
            ("PNEUMONIA", "3", "train", "cohen"),
            ("COVID-19", "12", "train", "sirm"),
            ("NORMAL", "31", "train", "rsna"),
        ]

    def test_pneumonia_and_covid_can_be_one_class(self, lay: Lay) -> None:
        root = lay("train/a.jpg", "train/b.jpg")
        (root / "train_COVIDx8A.txt").write_text("3 a.jpg pneumonia cohen\n4 b.jpg COVID-19 cohen\n")
        index = films.index(root, class_names={"PNEUMONIA": ["pneumonia", "covid-19"]}, cut=False)
        assert labels(index) == {"a": "PNEUMONIA", "b": "PNEUMONIA"}

    def test_negative_is_said_to_be_of_covid(self, lay: Lay) -> None:
        root = lay("train/a.jpg", "train/b.jpg")
        (root / "train.txt").write_text("5 a.jpg negative cohen\n6 b.jpg positive cohen\n")
        index = films.index(root / "train.txt", cut=False)
        assert labels(index) == {"a": "NEGATIVE", "b": "COVID-19"}
        assert "may show another pneumonia" in notes(index)

    def test_a_broken_line_is_named(self, lay: Lay) -> None:
        root = lay("train/a.jpg")
        (root / "train.txt").write_text("5 a.jpg negative cohen\n" * 30 + "6 b.jpg perhaps cohen\n")
        with pytest.raises(LayoutError, match="line 31: expected a patient, a file, a class and a source"):
            films.index(root)


class TestCoronaHack:
    def test_the_type_of_data_set_is_the_split(self, lay: Lay) -> None:
        folder = "Coronahack-Chest-XRay-Dataset/Coronahack-Chest-XRay-Dataset"
        root = lay(f"{folder}/train/IM-0128-0001.jpeg", f"{folder}/train/1-s2.0-S1684-main.pdf-002.jpg",
                   f"{folder}/test/person1_virus_6.jpeg")  # fmt: skip
        (root / "Chest_xray_Corona_Metadata.csv").write_text(
            ",X_ray_image_name,Label,Dataset_type,Label_2_Virus_category,Label_1_Virus_category\n"
            "0,IM-0128-0001.jpeg,Normal,TRAIN,,\n"
            "1,1-s2.0-S1684-main.pdf-002.jpg,Pnemonia,TRAIN,COVID-19,Virus\n"
            "2,person1_virus_6.jpeg,Pnemonia,TEST,,Virus\n"
        )
        index = films.index(root, cut=False)
        assert [(film.label, film.split, film.subtype, film.patient) for film in index] == [
            ("NORMAL", "train", "", "IM-0128"),
            ("PNEUMONIA", "train", "COVID-19", ""),
            ("PNEUMONIA", "test", "virus", "person1_virus"),
        ]
        assert "splits from Dataset_type" in notes(index)
