"""A film's header is read however much of a file stands around its data set."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hilum.pacs.headers import read_header
from tests.pacs.films import file_bytes, film, without_header


def uids(header: Dataset) -> tuple[str, str]:
    return str(header.SOPInstanceUID), str(header.PatientID)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_data_set_alone_has_a_header_too(tmp_path: Path, syntax: str) -> None:
    wanted = film(5, syntax=syntax)
    whole = file_bytes(wanted)
    for name, content in (("whole", whole), ("without a preamble", whole[132:]), ("alone", without_header(whole))):
        (tmp_path / name).write_bytes(content)
        header = read_header(tmp_path / name)
        assert uids(header) == uids(wanted)
        assert "PixelData" not in header


def test_a_deflated_one_is_read_whole(tmp_path: Path) -> None:
    wanted = film(5, syntax=DeflatedExplicitVRLittleEndian)
    (tmp_path / "film").write_bytes(file_bytes(wanted))
    assert uids(read_header(tmp_path / "film")) == uids(wanted)
