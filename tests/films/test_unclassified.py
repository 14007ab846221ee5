"""Films are found whatever they show: in data sets with classes, and in folders without."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hilum import films
from hilum.errors import LayoutError
from tests.conftest import ChestFolder


def test_a_folder_without_classes_gives_its_films_with_patients_and_hashes(
    chest_folder: ChestFolder, tmp_path: Path
) -> None:
    classified = chest_folder({"train": {"normal": 4, "bacteria": 3}})
    flat = tmp_path / "flat"
    flat.mkdir()
    for film in films.index(classified, cut=False):
        shutil.copy(film.path, flat)
    found = films.find_unclassified([flat])
    expected = {Path(film.path).name: (film.patient, film.sha256) for film in films.index(classified, cut=False)}
    assert {Path(film.path).name: (film.patient, film.sha256) for film in found} == expected
    assert {film.label for film in found} == {""}
    both = films.find_unclassified([classified, flat])
    assert len(both) == 14


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="no such folder"):
        films.find_unclassified([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError, match="no films found"):
        films.find_unclassified([tmp_path / "empty"])
