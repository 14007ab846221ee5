"""The films that a node's tests send are what they say: read back by pydicom, valid by dicom3tools."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID, JPEGBaseline8Bit

from tests.pacs.films import (
    CR,
    DX,
    NAMES,
    RAW_DX,
    RF,
    SYNTAXES,
    TEST_ROOT,
    data_set,
    file_bytes,
    film,
    phantom_levels,
    save,
    uid,
)

dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: UID(syntax).name)
def test_a_film_reads_back_in_every_transfer_syntax(syntax: str) -> None:
    ds = dcmread(BytesIO(file_bytes(film(3, syntax=syntax, frames=2))))
    assert ds.file_meta.TransferSyntaxUID == syntax
    wanted = phantom_levels(3, 8 if syntax == JPEGBaseline8Bit else 12, (256, 224)).astype(int)
    assert ds.pixel_array.shape == (2, 256, 224)
    most = 12 if syntax == JPEGBaseline8Bit else 0
    assert np.abs(ds.pixel_array[0] - wanted).max() <= most


@dciodvfy
@pytest.mark.parametrize("sop_class", [DX, RAW_DX, CR])
def test_a_film_is_valid(sop_class: str, tmp_path: Path) -> None:
    path = save(tmp_path / "film.dcm", film(1, sop_class=sop_class, view="PA"))
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    assert not [line for line in said.splitlines() if line.startswith("Error")], said


@pytest.mark.parametrize("name", NAMES)
def test_a_name_reads_back_in_its_character_set(name: str) -> None:
    assert str(dcmread(BytesIO(file_bytes(film(1, name=name)))).PatientName) == NAMES[name].name


def test_the_same_arguments_give_the_same_bytes_and_another_number_another_film() -> None:
    assert file_bytes(film(5)) == file_bytes(film(5))
    one, two, repeated = film(5), film(6, study=5), film(5, pixels=6)
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.StudyInstanceUID == two.StudyInstanceUID
    assert one.PatientID == two.PatientID
    assert one.SOPInstanceUID == repeated.SOPInstanceUID
    assert one.PixelData != repeated.PixelData
    assert film(9).StudyInstanceUID != one.StudyInstanceUID


def test_uids_are_below_the_tests_own_root_and_short_enough() -> None:
    assert uid(3, 10**9).is_valid
    assert uid(3, 1).startswith(TEST_ROOT)


def test_elements_are_dropped_and_replaced() -> None:
    ds = film(1, sop_class=RF, drop=("PatientID", "StudyInstanceUID"), age="071Y", view="", Rows=0)
    assert "PatientID" not in ds
    assert "StudyInstanceUID" not in ds
    assert (ds.Modality, ds.PatientAge, ds.ViewPosition, ds.Rows) == ("RF", "071Y", "", 0)


def test_what_goes_over_the_wire_is_the_file_without_its_header() -> None:
    ds = film(2)
    read = dcmread(BytesIO(data_set(ds)), force=True)
    assert read.SOPInstanceUID == ds.SOPInstanceUID
    assert file_bytes(ds).endswith(data_set(ds))
