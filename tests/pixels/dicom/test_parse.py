"""Files without their header, and files whose data set is not what the header says."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from hilum.errors import FilmError
from hilum.pixels.decode import decode_scaled
from hilum.pixels.pictures import Decoded
from tests.pixels.dicoms import dataset, stored_phantom

ORDERS = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
STORED = stored_phantom(12)


def file_of(syntax: str, **tags: Any) -> bytes:
    file = BytesIO()
    dataset(STORED, syntax, 12, **tags).save_as(file, enforce_file_format=True)
    return file.getvalue()


def body_of(data: bytes) -> bytes:
    """The data set, without preamble and meta information."""
    length = int.from_bytes(data[140:144], "little")
    return data[144 + length :]


def meta_of(uid: str) -> bytes:
    data = file_of(uid)
    return data[: len(data) - len(body_of(data))]


def read(path: Path, data: bytes) -> Decoded:
    path.write_bytes(data)
    return decode_scaled(str(path), None, "", None)


@pytest.fixture
def plain(tmp_path: Path) -> Any:
    return read(tmp_path / "plain", file_of(ExplicitVRLittleEndian)).grey


@pytest.mark.parametrize("really", ORDERS)
@pytest.mark.parametrize("named", ORDERS)
def test_a_data_set_is_read_as_it_is_written_whatever_the_header_says(
    really: str, named: str, plain: Any, tmp_path: Path
) -> None:
    decoded = read(tmp_path / "film", meta_of(ORDERS[named]) + body_of(file_of(ORDERS[really])))
    np.testing.assert_array_equal(decoded.grey, plain)
    of_a_kind = {"implicit": "little-endian", "explicit": "little-endian"}  # pydicom itself sees which of the two
    assert bool(decoded.remarks) == (of_a_kind.get(really, really) != of_a_kind.get(named, named))


@pytest.mark.parametrize("really", ["implicit", "explicit", "big-endian"])
@pytest.mark.parametrize("start", ["data set", "meta", "DICM"])
def test_a_file_without_its_header_is_read_by_its_data_set(
    really: str, start: str, plain: Any, tmp_path: Path
) -> None:
    data = file_of(ORDERS[really])
    decoded = read(tmp_path / "film", {"data set": body_of(data), "meta": data[132:], "DICM": data[128:]}[start])
    np.testing.assert_array_equal(decoded.grey, plain)
    assert decoded.remarks == ("it has no file header (PS3.10); it was read by its data set",)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_a_compressed_film_without_its_header_is_read_by_its_codestream(
    syntax: str, plain: Any, tmp_path: Path
) -> None:
    ds = dataset(STORED, bits=12)
    ds.compress(syntax)
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    decoded = read(tmp_path / "film", body_of(file.getvalue()))
    np.testing.assert_array_equal(decoded.grey, plain)
    assert decoded.remarks[0] == "it has no file header (PS3.10); it was read by its data set"


def test_meta_information_may_be_wrong_about_its_own_length(plain: Any, tmp_path: Path) -> None:
    data = bytearray(file_of(ExplicitVRLittleEndian))
    data[140:144] = (7).to_bytes(4, "little")
    np.testing.assert_array_equal(read(tmp_path / "film", bytes(data)).grey, plain)


def test_meta_information_may_name_no_transfer_syntax(plain: Any, tmp_path: Path) -> None:
    data = file_of(ExplicitVRLittleEndian)
    uid = b"\x02\0\x10\0UI" + (20).to_bytes(2, "little") + ExplicitVRLittleEndian.encode() + b"\0"
    assert uid in data
    decoded = read(tmp_path / "film", data.replace(uid, b""))
    np.testing.assert_array_equal(decoded.grey, plain)
    assert decoded.remarks == ("it names no transfer syntax; it was read by its data set",)


def test_a_transfer_syntax_that_nobody_knows_does_not_hide_plain_pixels(plain: Any, tmp_path: Path) -> None:
    """A private one, of a machine, around a data set that is written as usual."""
    data = file_of(ExplicitVRLittleEndian)
    private = data.replace(ExplicitVRLittleEndian.encode() + b"\0", b"1.2.840.113619.5.2\0\0")
    decoded = read(tmp_path / "film", private)
    np.testing.assert_array_equal(decoded.grey, plain)
    assert "its transfer syntax says 1.2.840.113619.5.2" in decoded.remarks[0]


@pytest.mark.parametrize(
    "rubbish", [b"\xff" * 1001, b"\xfc\xff\xfc\xffOB\0\0\x64\0\0\0cut", b"\0" * 512, b"garbage!" * 30]
)
@pytest.mark.parametrize("order", ["implicit", "explicit", "big-endian"])
def test_what_lies_behind_the_pixels_is_no_part_of_the_film(
    order: str, rubbish: bytes, plain: Any, tmp_path: Path
) -> None:
    decoded = read(tmp_path / "film", file_of(ORDERS[order]) + rubbish)
    np.testing.assert_array_equal(decoded.grey, plain)
    assert decoded.remarks == ()


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless], ids=lambda uid: uid.name)
def test_compressed_pixels_without_their_end_are_read_if_they_are_whole(
    syntax: str, plain: Any, tmp_path: Path
) -> None:
    ds = dataset(STORED, bits=12)
    ds.compress(syntax)
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    data = file.getvalue()
    assert data.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    decoded = read(tmp_path / "film", data[:-8])
    np.testing.assert_array_equal(decoded.grey, plain)
    assert decoded.remarks == ("its pixel data has no end, and was read up to the end of the file",)
    with pytest.raises(FilmError, match=r"cut off or damaged \(its last fragment\); fetch it again"):
        read(tmp_path / "film", data[:-12])


@pytest.mark.parametrize("keep", [4, 40, 150, 400, 2000])
def test_a_file_without_its_header_that_holds_no_film_is_named(keep: int, tmp_path: Path) -> None:
    data = body_of(file_of(ImplicitVRLittleEndian))
    with pytest.raises(FilmError, match=r"fetch it again|unknown format"):
        read(tmp_path / "film", data[:keep])
