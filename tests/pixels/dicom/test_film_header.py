"""What a DICOM says of whom it shows and how it was taken, and nothing where it is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hilum.pixels import FilmHeader, read_square
from hilum.recipe import Pixels
from tests.pixels.dicoms import dataset, stored_phantom, write

SAYS: dict[str, Any] = {
    "PatientID": "p1",
    "StudyInstanceUID": "1.2.3",
    "PatientAge": "044Y",
    "PatientSex": "F",
    "ViewPosition": "PA",
}


def header_of(folder: Path, **tags: Any) -> FilmHeader:
    return read_square(write(folder / "film", dataset(stored_phantom(), bits=12, **tags)), Pixels(size=32)).header


def test_it_is_what_the_film_says(tmp_path: Path) -> None:
    expected = FilmHeader("p1", "1.2.3", "044Y", "F", "PA", 0.1)
    assert header_of(tmp_path, ImagerPixelSpacing=[0.2, 0.1], PixelSpacing=[0.4, 0.3], **SAYS) == expected
    assert header_of(tmp_path, PixelSpacing=[0.2, 0.1], **SAYS) == expected


def test_a_film_that_says_nothing_has_an_empty_one(tmp_path: Path) -> None:
    assert header_of(tmp_path) == FilmHeader()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"ViewPosition": "pa"}, FilmHeader(view="PA")),
        ({"ViewPosition": "Jane Doe"}, FilmHeader()),
        ({"PatientSex": "female"}, FilmHeader(sex="f")),
        ({"ImagerPixelSpacing": [0, 0]}, FilmHeader()),
        ({"ImagerPixelSpacing": [1e9, 1e9]}, FilmHeader()),
        ({"PatientBirthDate": "19500101", "StudyDate": "20240102"}, FilmHeader(age="074Y")),
        ({"PatientBirthDate": "19500101", "AcquisitionDate": "20240102"}, FilmHeader(age="074Y")),
        ({"PatientBirthDate": "yesterday", "StudyDate": "20240102"}, FilmHeader()),
        ({"PatientID": " a\tb "}, FilmHeader(patient="a b")),
    ],
    ids=str,
)
def test_what_it_says_wrongly_says_nothing(tmp_path: Path, tags: dict[str, Any], expected: FilmHeader) -> None:
    assert header_of(tmp_path, **tags) == expected


def test_what_cannot_be_read_takes_nothing_else_with_it(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "film", dataset(stored_phantom(), bits=12, ImagerPixelSpacing=[0.25, 0.25], **SAYS)))
    path.write_bytes(path.read_bytes().replace(b"0.25\\0.25", b"zero\\zero"))
    assert read_square(str(path), Pixels(size=32)).header == FilmHeader("p1", "1.2.3", "044Y", "F", "PA")
