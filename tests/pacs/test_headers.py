"""A film's header is read however much of a file stands around its data set."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from hilum.pacs.facts import read_facts
from hilum.pacs.headers import read_header
from hilum.pacs.storing import file_meta
from tests.pacs.films import DX, data_set, file_bytes, film, without_header


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


@pytest.mark.parametrize("is_in", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    "said",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEG2000Lossless,
    ],
)
def test_a_film_in_another_transfer_syntax_than_it_says_is_the_film_that_was_answered(
    tmp_path: Path, is_in: str, said: str
) -> None:
    """The receiver's facts and the detector's pixels are read by what the data set is; a report is about these."""
    wanted = film(5, syntax=is_in)
    (tmp_path / "film").write_bytes(file_meta(DX, wanted.SOPInstanceUID, said, "A", "B") + data_set(wanted))
    facts = read_facts(tmp_path / "film")
    assert (facts.instance, facts.patient) == uids(read_header(tmp_path / "film")) == uids(wanted)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, JPEG2000Lossless])
@pytest.mark.parametrize("kind", ["OB", "SQ"])
def test_megabytes_before_the_patient_hide_nobody(tmp_path: Path, syntax: str, kind: str) -> None:
    wanted = film(5, syntax=syntax)
    noise = Random(1).randbytes(3 << 20)  # which deflating makes no smaller
    item = Dataset()
    item.add_new(0x00090010, "LO", "TESTS")
    item.add_new(0x00091001, "OB", noise)
    wanted.add_new(0x00090010, "LO", "TESTS")
    wanted.add_new(0x00091002, kind, noise if kind == "OB" else Sequence([item]))
    wanted[0x00091002].is_undefined_length = kind == "SQ"
    (tmp_path / "film").write_bytes(file_bytes(wanted))
    assert uids(read_header(tmp_path / "film")) == uids(wanted)
