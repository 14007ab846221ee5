"""Elements that are missing, of several values, of another type or no numbers: completed, or named in one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement

from hilum.errors import FilmError
from hilum.pixels.decode import decode_scaled
from hilum.pixels.dicom.elements import parsed
from hilum.pixels.pictures import Decoded
from tests.pixels.dicoms import dataset, stored_phantom, write

STORED = stored_phantom(12)
PROGRAMMERS = re.compile(
    r"NoneType|Traceback|Error\b|could not|broadcast|index out|subscript|object has no|invalid literal|unpack"
    r"|argument|expected|dtype|numpy|KeyError|codec|__|list index|bytes-like",
)
TRULY = {"Rows": 48, "Columns": 40, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "SamplesPerPixel": 1}


def element(keyword: str, vr: str, value: Any) -> DataElement:
    return DataElement(tag_for_keyword(keyword) or 0, vr, value)


def read(path: Path, *elements: DataElement, without: tuple[str, ...] = (), **tags: Any) -> Decoded:
    ds = dataset(STORED, bits=12, **tags)
    for keyword in without:
        delattr(ds, keyword)
    for one in elements:
        ds[one.tag] = one
    return decode_scaled(write(path, ds), None, "", None)


@pytest.fixture
def plain(tmp_path: Path) -> Any:
    return read(tmp_path / "plain").grey


MISSING = {
    "PhotometricInterpretation": "PhotometricInterpretation is missing; "
    "high values were taken as white (MONOCHROME2)",
    "BitsStored": "BitsStored is missing; 12 bits were read",
    "BitsAllocated": "BitsAllocated is missing; 16 bits were read",
    "PixelRepresentation": "PixelRepresentation is missing; values were read without a sign",
    "SamplesPerPixel": "",
    "HighBit": "",
}


@pytest.mark.parametrize("keyword", MISSING)
def test_what_is_missing_and_follows_from_the_rest_is_completed(keyword: str, plain: Any, tmp_path: Path) -> None:
    decoded = read(tmp_path / "film", without=(keyword,))
    np.testing.assert_array_equal(decoded.grey, plain)
    assert decoded.remarks == ((MISSING[keyword],) if MISSING[keyword] else ())


def test_without_any_depth_the_whole_cell_is_read(plain: Any, tmp_path: Path) -> None:
    decoded = read(tmp_path / "film", without=("BitsStored", "HighBit"))
    np.testing.assert_allclose(decoded.grey, plain, atol=1e-6)
    assert decoded.remarks == ("BitsStored is missing; 16 bits were read",)


@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
def test_a_film_that_does_not_say_its_size_is_refused(keyword: str, tmp_path: Path) -> None:
    with pytest.raises(FilmError, match=rf"its {keyword} \(0028,001[01]\) is missing; export the film again"):
        read(tmp_path / "film", without=(keyword,))


@pytest.mark.parametrize("vr", ["UL", "IS", "DS", "LO", "SS", "US twice"])
@pytest.mark.parametrize("keyword", TRULY)
def test_a_number_is_read_whatever_its_type(keyword: str, vr: str, plain: Any, tmp_path: Path) -> None:
    number = TRULY[keyword]
    value: Any = {"IS": str(number), "DS": f"{number}.0", "LO": f" {number} "}.get(vr, number)
    if vr == "US twice":
        vr, value = "US", [number, number]
    np.testing.assert_array_equal(read(tmp_path / "film", element(keyword, vr, value)).grey, plain)


@pytest.mark.parametrize("keyword", TRULY)
def test_several_values_or_words_are_named(keyword: str, tmp_path: Path) -> None:
    tag = rf"its {keyword} \(0028,\d{{4}}\)"
    with pytest.raises(FilmError, match=rf"{tag} holds several values \({TRULY[keyword]}, 7\) where one belongs"):
        read(tmp_path / "several", element(keyword, "US", [TRULY[keyword], 7]))
    with pytest.raises(FilmError, match=rf"{tag} is 'many', not a whole number; correct it, or export"):
        read(tmp_path / "words", element(keyword, "LO", "many"))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"BitsAllocated": 12}, "of 12 bits allocated; Hilum reads 8, 16 and 32"),
        ({"BitsAllocated": 8}, "says 12 bits stored in 8 allocated"),
        ({"BitsStored": 32, "BitsAllocated": 32}, "of 32 bits stored; Hilum reads 8 to 16"),
        ({"PhotometricInterpretation": "GREY"}, r"PhotometricInterpretation \(0028,0004\) is 'GREY', which does not"),
        ({"PhotometricInterpretation": "MONOCHROME"}, "is 'MONOCHROME', which does not say whether"),
        ({"SamplesPerPixel": 2}, r"in colour \(MONOCHROME2\)"),
    ],
)
def test_headers_that_contradict_themselves_are_refused(tags: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(FilmError, match=reason):
        read(tmp_path / "film", **tags)


KEYWORDS = [
    *TRULY, "PixelRepresentation", "PlanarConfiguration", "NumberOfFrames", "PhotometricInterpretation", "Modality",
    "SOPClassUID", "WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleSlope", "RescaleIntercept",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "PresentationLUTShape", "PresentationIntentType", "VOILUTSequence",
    "ModalityLUTSequence", "PixelData",
]  # fmt: skip
VALUES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"", b"1\\2", b"1,5", b"-0", b"1e400", b"nan", b"\xff\xff", b"\0\0", b"0x10", b"None", b"a\nb"]),
)


def raw(keyword: str, vr: bytes, value: bytes) -> bytes:
    """An element in explicit VR, little-endian, whatever it holds."""
    tag = tag_for_keyword(keyword) or 0
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    value += b" " * (len(value) % 2)
    long = vr in (b"OB", b"OW", b"SQ", b"UN")
    return head + (b"\0\0" + len(value).to_bytes(4, "little") if long else len(value).to_bytes(2, "little")) + value


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(KEYWORDS),
    st.sampled_from([b"US", b"SS", b"DS", b"IS", b"LO", b"CS", b"UN", b"OW", b"SQ", b"FD", b"AT", b"ZZ"]),
    VALUES,
)
def test_whatever_an_element_holds_the_film_is_read_or_refused_in_our_words(
    tmp_path: Path, keyword: str, vr: bytes, value: bytes
) -> None:
    ds = dataset(STORED, bits=12, WindowCenter=2000, WindowWidth=3000, RescaleSlope=1, RescaleIntercept=0)
    if keyword in ds:
        delattr(ds, keyword)
    data = Path(write(tmp_path / "film", ds)).read_bytes()
    element = raw(keyword, vr, value)
    place = data.index(b"\x08\0\x18\0", 300)  # in the data set, out of order
    (tmp_path / "film").write_bytes(data[:place] + element + data[place:])
    try:
        decoded = decode_scaled(str(tmp_path / "film"), None, "", None)
    except FilmError as refused:
        said = str(refused).split(": ", 1)[1]
    else:
        said = " ".join(decoded.remarks)
        assert 0 <= decoded.grey.min() < decoded.grey.max() <= 1
    assert "\n" not in said
    assert not PROGRAMMERS.search(said), said


@given(st.text(max_size=12) | st.floats() | st.integers() | st.binary(max_size=4))
def test_a_value_is_a_finite_number_or_says_why_not(value: Any) -> None:
    number = parsed(value)
    assert (number.value is None) <= bool(number.problem)
    assert number.value is None or np.isfinite(number.value)
