"""What results take over from a film's header, however wild it is."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.valuerep import validate_value

from hilum.errors import FilmError
from hilum.pacs.reports import build_capture, build_report, file_bytes
from hilum.pacs.reports.film_header import read_identity
from tests.pacs.films import NAMES, film
from tests.pacs.films import file_bytes as film_bytes
from tests.pacs.reports.contents import EARLIER, content, errors_of, needs

TAKEN_OVER = (
    "SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "ReferringPhysicianName", "StudyID", "AccessionNumber", "IssuerOfPatientID", "StudyDescription", "PatientAge",
    "TimezoneOffsetFromUTC", "Rows", "Columns", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID",
)  # fmt: skip
BASES = {name: film(2, name=name, drop=("PixelData",)) for name in NAMES}
CHECKED = ("AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UT")
VRS = ("UN", "LO", "PN", "DA", "TM", "CS", "SH", "UI", "US", "SQ", "OB", "DS", "IS", "AS", "UT", "FD", "AT")


def report_of(shown: Dataset, **options: Any) -> Dataset:
    return dcmread(BytesIO(file_bytes(build_report(shown, content(shown, **options)))))


def named(file: bytes) -> bytes:
    """The patient's name as it is written: its length and its value."""
    at = file.index(b"\x10\0\x10\0PN") + 6
    return file[at : at + 2 + int.from_bytes(file[at : at + 2], "little")]


@pytest.mark.parametrize("name", NAMES)
def test_the_character_set_is_kept(tmp_path: Path, name: str) -> None:
    shown = dcmread(BytesIO(film_bytes(film(2, name=name, StudyDescription="Chest"))))
    report = report_of(shown, earlier=(EARLIER,))
    assert report.PatientName == shown.PatientName
    assert named(film_bytes(shown)) == named(file_bytes(build_report(shown, content(shown))))
    assert report.get("SpecificCharacterSet") == shown.get("SpecificCharacterSet")
    path = tmp_path / "report.dcm"
    path.write_bytes(file_bytes(build_report(shown, content(shown))))
    assert errors_of(path) == []


@pytest.mark.parametrize("name", ["latin-1", "korean", "chinese, UTF-8", "chinese, GB18030"])
def test_dcmtk_reads_the_same_name_in_film_and_report(tmp_path: Path, name: str) -> None:
    needs("dcmconv")
    shown = dcmread(BytesIO(film_bytes(film(2, name=name))))
    names = []
    for file, data in (
        ("film.dcm", film_bytes(shown)),
        ("report.dcm", file_bytes(build_report(shown, content(shown)))),
    ):
        path, plain = tmp_path / file, tmp_path / f"utf8-{file}"
        path.write_bytes(data)
        subprocess.run(["dcmconv", "+U8", str(path), str(plain)], check=True, timeout=30)
        names.append(dcmread(plain, stop_before_pixels=True).PatientName)
    assert names[0] == names[1] == NAMES[name].name


def test_words_of_ours_are_written_in_the_films_set_or_in_ascii() -> None:
    for name, written in (
        ("chinese, GB18030", "肺炎"),
        ("latin-1", "<U+80BA><U+708E>"),
        ("ascii", "<U+80BA><U+708E>"),
    ):
        shown = dcmread(BytesIO(film_bytes(film(2, name=name))))
        texts = [
            each.value for each in report_of(shown, why="肺炎 is plausible.").iterall() if each.keyword == "TextValue"
        ]
        assert f"{written} is plausible." in texts, name


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyInstanceUID", "1." + "2" * 63),
        ("StudyInstanceUID", ""),
        ("StudyInstanceUID", "1.02.3"),
        ("StudyInstanceUID", "../../etc"),
        ("SeriesInstanceUID", None),
        ("SOPClassUID", None),
        ("PatientID", "7" * 65),
        ("PatientID", ["a", "b"]),
        ("PatientID", "a\x07b"),
    ],
)
def test_a_film_that_says_not_whose_it_is_is_refused_in_one_line(keyword: str, value: object) -> None:
    shown, said = film(2), content(film(2))
    with config.disable_value_validation():
        delattr(shown, keyword) if value is None else setattr(shown, keyword, value)
    with pytest.raises(FilmError, match=r"Patient ID|UID") as caught:
        build_report(shown, said)
    assert "\n" not in str(caught.value)
    assert "7777" not in str(caught.value)


@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("PatientID", "", ""),
        ("PatientID", None, ""),
        ("PatientName", "N" * 65, ""),
        ("PatientName", "A^B^C^D^E^F", ""),
        ("PatientBirthDate", "2004.08.26", "20040826"),
        ("PatientBirthDate", "20040231", ""),
        ("PatientSex", "male", ""),
        ("StudyDate", "yesterday", ""),
        ("StudyTime", "25", ""),
        ("StudyTime", "14:30:05", "143005"),
        ("StudyTime", "1430", "1430"),
        ("AccessionNumber", "1" * 17, ""),
        ("StudyID", None, ""),
        ("PatientAge", "four", None),
        ("StudyDescription", "d" * 65, None),
        ("TimezoneOffsetFromUTC", "+9900", None),
    ],
)
def test_what_dicom_does_not_allow_is_left_out(keyword: str, value: object, kept: str | None) -> None:
    shown = film(2)
    with config.disable_value_validation():
        setattr(shown, keyword, value) if value is not None else shown.pop(keyword, None)
    assert read_identity(shown).values.get(keyword) == kept


def test_what_is_left_out_is_named_by_its_keyword_alone(caplog: pytest.LogCaptureFixture) -> None:
    with config.disable_value_validation():
        shown = film(2, PatientName="Secret" * 20)
    read_identity(shown)
    assert "PatientName" in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize(
    ("raw", "charset"), [("Jérôme".encode("latin-1"), "ISO_IR 100"), ("王".encode(), "ISO_IR 192")]
)
def test_bytes_of_a_set_that_is_not_named_are_kept_and_the_set_is_named(raw: bytes, charset: str) -> None:
    shown = film(2)
    tag = Tag(tag_for_keyword("PatientName"))  # type: ignore[arg-type]
    shown[tag] = RawDataElement(tag, "PN", len(raw), raw, 0, False, True)
    data = file_bytes(build_report(shown, content(shown)))
    assert raw in data
    assert dcmread(BytesIO(data)).SpecificCharacterSet == charset


@pytest.mark.parametrize(
    ("declared", "codec", "written"),
    [
        ("GBK", "gbk", "GB18030"),
        ("ISO 2022 GBK", "gbk", "GB18030"),
        ("\\GB18030", "gb18030", "GB18030"),
        ("\\ISO_IR 192", "utf-8", "ISO_IR 192"),
        ("UTF-8", "utf-8", "ISO_IR 192"),
        ("utf8", "utf-8", "ISO_IR 192"),
        ("ISO IR 192", "utf-8", "ISO_IR 192"),
        ("ISO-8859-1", "latin-1", "ISO_IR 100"),
        ("ISO_IR 203", "iso8859-15", "ISO_IR 192"),
    ],
)
def test_a_set_that_is_named_wrongly_or_rarely_is_the_one_that_is_meant(
    tmp_path: Path, declared: str, codec: str, written: str
) -> None:
    name = {"latin-1": "Müller", "iso8859-15": "Œuf€"}.get(codec, "王^小东")
    shown = film(2)
    for keyword, vr, value in (
        ("SpecificCharacterSet", "CS", declared.encode()),
        ("PatientName", "PN", name.encode(codec)),
        ("PatientID", "LO", name.encode(codec)),
    ):
        tag = Tag(tag_for_keyword(keyword))  # type: ignore[arg-type]
        shown[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    shown = dcmread(BytesIO(film_bytes(shown)))
    path = tmp_path / "report.dcm"
    path.write_bytes(file_bytes(build_report(shown, content(shown))))
    report = dcmread(path)
    assert (report.SpecificCharacterSet, report.PatientName, report.PatientID) == (written, name, name)
    assert errors_of(path) == []


def test_times_are_where_the_film_says_that_it_is() -> None:
    report = report_of(film(2, TimezoneOffsetFromUTC="-0430"))
    assert (report.ContentDate, report.ContentTime) == ("20261129", "091507.250000")
    assert report.ContributingEquipmentSequence[0].ContributionDateTime == "20261129134507.250000+0000"
    assert report_of(film(2)).ContentTime == "134507.250000"


@st.composite
def wild_headers(draw: st.DrawFn) -> Dataset:
    """A film's header in which some elements are missing, and others are any bytes of any kind."""
    shown = deepcopy(BASES[draw(st.sampled_from(list(NAMES)))])
    for keyword in draw(st.lists(st.sampled_from(TAKEN_OVER), max_size=6, unique=True)):
        tag = Tag(tag_for_keyword(keyword))  # type: ignore[arg-type]
        if draw(st.booleans()):
            value = draw(st.one_of(st.binary(max_size=80), st.text(max_size=70).map(str.encode)))
            vr = draw(st.one_of(st.just(None), st.sampled_from(VRS)))
            named = vr or shown[tag].VR if tag in shown else vr or "LO"
            with suppress(ValueError):  # of a character set that pydicom cannot set: no such file is ever read
                shown[tag] = RawDataElement(tag, named, len(value), value, 0, False, True)
        else:
            shown.pop(tag, None)
    return shown


def invalid_elements(ds: Dataset) -> list[str]:
    """Elements whose values pydicom does not allow for their VR."""
    wrong = []
    for element in ds.iterall():
        values = element.value if element.VM > 1 else [element.value]
        for value in values if element.VR in CHECKED else []:
            try:
                validate_value(element.VR, value, config.RAISE)
            except ValueError:
                wrong.append(element.keyword)
    return wrong


@settings(max_examples=20)
@given(wild_headers())
def test_a_wild_header_gives_one_refusal_or_a_valid_report(shown: Dataset) -> None:
    try:
        report = report_of(shown, earlier=(EARLIER,))
    except FilmError:
        return
    assert invalid_elements(report) == []


@pytest.mark.slow
@settings(max_examples=150)
@given(wild_headers())
def test_dciodvfy_finds_no_error_in_reports_of_wild_headers(
    tmp_path_factory: pytest.TempPathFactory, shown: Dataset
) -> None:
    try:
        data = file_bytes(build_report(shown, content(shown)))
    except FilmError:
        return
    assert invalid_elements(dcmread(BytesIO(data))) == []
    path = tmp_path_factory.getbasetemp() / "wild.dcm"
    path.write_bytes(data)
    assert errors_of(path) == []
    path.write_bytes(file_bytes(build_capture(shown, content(shown), np.zeros((8, 8, 3), np.uint8))))
    assert errors_of(path) == []
