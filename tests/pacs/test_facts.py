"""What a DICOM file says of itself, against pydicom's own reading; and bytes that mean harm."""

from __future__ import annotations

import hashlib
import random
import struct
import time
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from hilum.errors import FilmError
from hilum.pacs.data_set import MOST_ELEMENTS
from hilum.pacs.facts import read_facts
from tests.pixels.dicoms import as_jpeg_baseline, dataset, stored_phantom, write

TAGS = {
    "StudyInstanceUID": "1.2.3.4",
    "SeriesInstanceUID": "1.2.3.5",
    "PatientID": "P-1",
    "Manufacturer": "Maker",
    "StationName": "ROOM 2",
    "BodyPartExamined": "CHEST",
    "ViewPosition": "AP",
    "PatientAge": "004Y",
    "ImageType": ["ORIGINAL", "PRIMARY", ""],
    "PresentationIntentType": "FOR PRESENTATION",
}
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
PREAMBLE = b"\0" * 128 + b"DICM"


def film(path: Path, syntax: str = ExplicitVRLittleEndian, **tags: object) -> Path:
    write(path, dataset(stored_phantom(), syntax, **{**TAGS, **tags}))  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_facts_are_what_was_written(tmp_path: Path, syntax: str) -> None:
    path = film(tmp_path / "film.dcm", syntax)
    ds = pydicom.dcmread(path)
    facts = read_facts(path)
    assert facts.sop_class == ds.SOPClassUID
    assert facts.instance == ds.SOPInstanceUID
    assert (facts.study, facts.series, facts.patient) == ("1.2.3.4", "1.2.3.5", "P-1")
    assert facts.transfer_syntax == syntax
    assert (facts.modality, facts.manufacturer, facts.station) == ("DX", "Maker", "ROOM 2")
    assert (facts.body_part, facts.view, facts.age) == ("CHEST", "AP", "004Y")
    assert facts.image_type == ("ORIGINAL", "PRIMARY", "")
    assert facts.intent == "FOR PRESENTATION"
    assert (facts.rows, facts.columns, facts.frames) == (48, 40, 1)
    assert facts.pixels == hashlib.sha256(ds.PixelData).hexdigest()


def test_compressed_pixels_are_hashed_as_they_were_sent(tmp_path: Path) -> None:
    stored = stored_phantom(8)
    path = Path(write(tmp_path / "film.dcm", as_jpeg_baseline(dataset(stored), stored)))
    assert read_facts(path).pixels == hashlib.sha256(pydicom.dcmread(path).PixelData).hexdigest()


@pytest.mark.filterwarnings("ignore")
def test_pydicoms_own_files_say_what_pydicom_reads_in_them() -> None:
    """Among them films of many machines, private sequences, icons and wrong lengths."""
    compared = 0
    for path in sorted(Path(str(get_testdata_file("CT_small.dcm"))).parent.glob("*.dcm")):
        try:
            ds = pydicom.dcmread(path, force=True)
            facts = read_facts(path)
            frames = int(str(ds.get("NumberOfFrames") or 1))
        except Exception:  # files that are wrong on purpose: by one of the two they are not read at all
            continue
        assert facts.instance == str(ds.SOPInstanceUID), path.name
        assert facts.study == str(ds.get("StudyInstanceUID", "")), path.name
        assert facts.patient == str(ds.get("PatientID") or ""), path.name
        assert facts.modality == str(ds.get("Modality") or ""), path.name
        assert (facts.rows, facts.frames) == (ds.get("Rows") or 0, frames), path.name
        assert facts.pixels == (hashlib.sha256(ds.PixelData).hexdigest() if "PixelData" in ds else ""), path.name
        compared += 1
    assert compared > 40


@pytest.mark.parametrize(
    ("character_set", "identifier"),
    [("ISO_IR 192", "北京-1"), ("GB18030", "北京-1"), ("ISO_IR 100", "Müller"), (["", "ISO 2022 IR 149"], "김-1")],
)
def test_texts_are_read_in_their_character_set(tmp_path: Path, character_set: object, identifier: str) -> None:
    path = film(tmp_path / "film.dcm", SpecificCharacterSet=character_set, PatientID=identifier)
    assert read_facts(path).patient == identifier == pydicom.dcmread(path).PatientID


@pytest.mark.parametrize("character_set", ["ISO_IR 1\0000", "no such set", "base64", "idna", "\xff" * 16])
def test_a_character_set_that_is_none_stops_nothing(tmp_path: Path, character_set: str) -> None:
    path = film(tmp_path / "film.dcm", SpecificCharacterSet="ISO_IR 100    " + " " * 2, PatientID="Müller")
    written = path.read_bytes()
    assert b"ISO_IR 100" in written
    path.write_bytes(written.replace(b"ISO_IR 100", character_set.encode("latin-1").ljust(10)[:10]))
    assert read_facts(path).patient


def test_a_data_set_alone_is_read(tmp_path: Path) -> None:
    path = film(tmp_path / "film.dcm")
    ds = pydicom.dcmread(path)
    with_header = path.read_bytes()
    path.write_bytes(with_header[with_header.index(b"\x08\x00\x08\x00CS") :])
    facts = read_facts(path)
    assert (facts.instance, facts.transfer_syntax) == (ds.SOPInstanceUID, "")


def test_what_lies_in_sequences_is_not_the_films(tmp_path: Path) -> None:
    item = Dataset()
    item.PatientID, item.PixelData, item.Rows = "another", b"icon", 64
    item["PixelData"].VR = "OB"
    for undefined in (False, True):
        ds = dataset(stored_phantom(), **TAGS)  # type: ignore[arg-type]
        ds.IconImageSequence = Sequence([item])
        ds["IconImageSequence"].is_undefined_length = undefined
        path = Path(write(tmp_path / "film.dcm", ds))
        facts = read_facts(path)
        assert (facts.patient, facts.rows) == ("P-1", 48)
        assert facts.pixels == hashlib.sha256(pydicom.dcmread(path).PixelData).hexdigest()


def test_an_age_that_is_missing_is_counted(tmp_path: Path) -> None:
    path = film(tmp_path / "film.dcm", PatientAge="", PatientBirthDate="20200105", StudyDate="20250104")
    assert read_facts(path).age == "004Y"


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("undefined", [False, True])
def test_codes_are_read_in_their_sequences(tmp_path: Path, syntax: str, undefined: bool) -> None:
    path = tmp_path / "film.dcm"
    ds = dataset(stored_phantom(), syntax, **TAGS)  # type: ignore[arg-type]
    modifier, view, region = Dataset(), Dataset(), Dataset()
    modifier.CodeValue, modifier.CodeMeaning = "399173006", "another"
    view.CodeValue, view.CodeMeaning, view.ViewModifierCodeSequence = "399067008", "lateral", [modifier]
    region.CodeValue, region.CodeMeaning = "816094009", "Chest"
    for item, keyword in ((view, "ViewCodeSequence"), (region, "AnatomicRegionSequence")):
        item.is_undefined_length_sequence_item = undefined
        setattr(ds, keyword, [item, modifier])
        ds[keyword].is_undefined_length = undefined
    ds.PatientName, ds.PatientOrientation, ds.QualityControlImage = "A^B", ["A", "F"], "YES"
    ds.SeriesDescription, ds.ProtocolName = "Chest lateral", "CXR"
    write(path, ds)
    facts = read_facts(path)
    assert (facts.view_code, facts.region) == (("399067008", "lateral"), ("816094009", "Chest"))
    assert (facts.name, facts.orientation, facts.quality_control) == ("A^B", "A", True)
    assert facts.described == ("Chest lateral", "CXR")
    assert facts.pixels == hashlib.sha256(pydicom.dcmread(path).PixelData).hexdigest()


def test_an_element_twice_is_refused(tmp_path: Path) -> None:
    """One reader takes the first, another the last: the node would answer another film than the one it names."""
    path = tmp_path / "film.dcm"
    path.write_bytes(PREAMBLE + sop_instance() + sop_instance().replace(b"1.2.3", b"1.2.4"))
    with pytest.raises(FilmError, match="says one thing twice"):
        read_facts(path)


@pytest.mark.filterwarnings("ignore:Invalid value", "ignore:The value length")
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"])
@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.a", "1..2", "1." * 32 + "1", ".1", "1 2"])
def test_a_uid_that_is_none_is_refused(tmp_path: Path, keyword: str, uid: str) -> None:
    path = tmp_path / "film.dcm"
    ds = dataset(stored_phantom(), **TAGS)  # type: ignore[arg-type]
    ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    with pydicom.config.disable_value_validation():
        setattr(ds, keyword, uid)
        ds.save_as(path)
    with pytest.raises(FilmError, match="UID is no UID") as refused:
        read_facts(path)
    assert uid not in refused.value.reason


def test_a_film_without_an_instance_is_refused_and_one_without_study_and_patient_is_not(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    ds = dataset(stored_phantom(), PatientID="", StudyInstanceUID="")
    write(path, ds)
    assert (read_facts(path).study, read_facts(path).patient) == ("", "")
    ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    del ds.SOPInstanceUID
    ds.save_as(path)
    with pytest.raises(FilmError, match="without a SOP Instance UID"):
        read_facts(path)


@pytest.mark.parametrize("content", [b"", b"DICM", b"\x89PNG\r\n", b"\0" * 4096, PREAMBLE, b"\xff" * 999])
def test_what_is_no_dicom_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(content)
    with pytest.raises(FilmError):
        read_facts(path)


def test_a_film_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = film(tmp_path / "film.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        with suppress(FilmError):
            assert not read_facts(path).pixels, "between two elements before its pixels it is a whole data set"


def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    head = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, len(value) if length is None else length)
    return head + value


def sop_instance() -> bytes:
    return struct.pack("<HH2sH", 8, 0x18, b"UI", 6) + b"1.2.3\0"


UNDEFINED = 0xFFFFFFFF
ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
EMPTY_ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
HOSTILE = {
    "sequences in one another": (explicit(0x00081111, b"SQ", b"", UNDEFINED) + ITEM) * 100_000,
    "items without an end": explicit(0x00081111, b"SQ", b"", UNDEFINED) + ITEM * 200_000,
    "empty elements": explicit(0x00091001, b"UN", b"") * 200_000,
    "a length beyond the end": explicit(0x00091001, b"UN", b"", 0xFFFFFFFE),
    "a text of 4 GiB": explicit(0x00100020, b"UT", b"", 0xFFFFFFFE),
    "pixels of 4 GiB": explicit(0x7FE00010, b"OW", b"", 0xFFFFFFFE),
    "a fragment of 4 GiB": explicit(0x7FE00010, b"OB", EMPTY_ITEM[:4] + b"\xfe\xff\xff\xff", UNDEFINED),
    "fragments without number": explicit(0x7FE00010, b"OB", EMPTY_ITEM * 200_000, UNDEFINED),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_data_sets_are_refused_in_a_bounded_time(tmp_path: Path, what: str) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(PREAMBLE + sop_instance() + HOSTILE[what])
    began = time.process_time()
    with pytest.raises(FilmError) as refused:
        read_facts(path)
    assert time.process_time() - began < 3
    assert refused.value.reason.startswith("a DICOM ")


@pytest.mark.slow
def test_a_value_of_any_size_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    large = explicit(0x00091001, b"UN", bytes(64 << 20)) + explicit(0x7FE00010, b"OW", bytes(64 << 20))
    path.write_bytes(PREAMBLE + sop_instance() + large)
    expected = hashlib.sha256(bytes(64 << 20)).hexdigest()
    tracemalloc.start()
    assert read_facts(path).pixels == expected
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20


@pytest.mark.slow
def test_a_deflated_bomb_costs_little_memory(tmp_path: Path) -> None:
    """256 KiB that become 257 MiB: refused on the way, a block at a time."""
    deflating = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflating.compress(sop_instance() + explicit(0x7FE00010, b"OW", b"", 257 << 20))
    packed += b"".join(deflating.compress(bytes(1 << 20)) for _ in range(257)) + deflating.flush()
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", 22) + b"1.2.840.10008.1.2.1.99"
    path = tmp_path / "film.dcm"
    path.write_bytes(PREAMBLE + meta + packed)
    assert path.stat().st_size < 1 << 19
    tracemalloc.start()
    with pytest.raises(FilmError, match="deflated, and larger"):
        read_facts(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_damaged_films_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    chance = random.Random(1)
    path = tmp_path / "film.dcm"
    films = [film(path, syntax).read_bytes() for syntax in SYNTAXES]
    refusals = []
    for number in range(400):
        whole = bytearray(films[number % len(films)])
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(132, min(len(whole), 1200))
            whole[place] = chance.choice((0, 0xFF, 0xFE, chance.randrange(256)))
        path.write_bytes(whole)
        try:
            read_facts(path)
        except FilmError as error:
            refusals.append(str(error))
    assert 40 < len(refusals) < 400
    assert not [words for words in refusals if "\n" in words]


def test_the_most_elements_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(PREAMBLE + sop_instance() + explicit(0x00091001, b"UN", b"") * (MOST_ELEMENTS - 1))
    assert read_facts(path).instance == "1.2.3"
