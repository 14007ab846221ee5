"""A codestream that is not what its transfer syntax names is read as what it is, or refused; never as garbage."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from hilum.errors import FilmError
from hilum.pixels.decode import decode, decode_scaled
from hilum.pixels.dicom.codestream import recognise
from tests.pixels.dicom.matrix import SYNTAXES, by_openjph, encapsulated, film
from tests.pixels.dicoms import dataset, stored_phantom, write

KINDS = {syntax.uid: syntax for syntax in SYNTAXES if syntax.make is not by_openjph}
STREAMS = [ExplicitVRLittleEndian, RLELossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]


def frame_of(syntax: str, bits: int) -> tuple[bytes, Any]:
    ds, stored = film(KINDS[UID(syntax)], bits, False)
    data = bytes(ds.PixelData)
    return (data if syntax == ExplicitVRLittleEndian else next(generate_frames(data, number_of_frames=1))), stored


def labelled(frame: bytes, stored: Any, syntax: str, bits: int, in_fragments: bool) -> Any:
    ds = dataset(stored, bits=bits)
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.PixelData = encapsulate([frame]) if in_fragments else frame + b"\0" * (len(frame) % 2)
    ds["PixelData"].VR = "OB" if in_fragments else "OW"
    ds["PixelData"].is_undefined_length = in_fragments
    return ds


def save(path: Path, ds: Any) -> str:
    """As it is: pydicom would not write what contradicts itself."""
    ds.preamble = b"\0" * 128
    named = ds.file_meta.TransferSyntaxUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    marker = ds["PixelData"]
    ds.save_as(path, implicit_vr=False, little_endian=True)
    written = path.read_bytes()
    assert marker is ds["PixelData"]
    old = _element(ExplicitVRLittleEndian)
    assert old in written
    path.write_bytes(written.replace(old, _element(named), 1))
    return str(path)


def _element(uid: str) -> bytes:
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value


@pytest.mark.parametrize(
    ("really", "bits"), [(uid, bits) for uid in STREAMS for bits in (8, 12) if (uid, bits) != (JPEGBaseline8Bit, 12)]
)
@pytest.mark.parametrize("named", STREAMS, ids=lambda uid: uid.name)
def test_every_codestream_is_read_under_every_name(really: str, named: str, bits: int, tmp_path: Path) -> None:
    frame, stored = frame_of(really, bits)
    path = save(tmp_path / "film", labelled(frame, stored, named, bits, really != ExplicitVRLittleEndian))
    decoded = decode_scaled(path, None, "", None)
    proper = labelled(frame, stored, really, bits, really != ExplicitVRLittleEndian)
    expected = decode_scaled(save(tmp_path / "proper", proper), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert not expected.remarks
    assert bool(decoded.remarks) == (really != named)
    assert all("its transfer syntax says" in remark for remark in decoded.remarks)


@pytest.mark.parametrize("named", STREAMS[1:], ids=lambda uid: uid.name)
def test_uncompressed_pixels_in_a_fragment_are_read_by_their_length(named: str, tmp_path: Path) -> None:
    stored = stored_phantom(12)
    path = save(tmp_path / "film", labelled(stored.tobytes(), stored, named, 12, in_fragments=True))
    decoded = decode_scaled(path, None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(stored, bits=12)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert any("are not compressed" in remark for remark in decoded.remarks)


@pytest.mark.parametrize("really", STREAMS[2:], ids=lambda uid: uid.name)
def test_a_codestream_without_items_around_it_is_read(really: str, tmp_path: Path) -> None:
    frame, stored = frame_of(really, 8)
    decoded = decode_scaled(save(tmp_path / "film", labelled(frame, stored, really, 8, False)), None, "", None)
    expected = decode_scaled(save(tmp_path / "proper", labelled(frame, stored, really, 8, True)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)


@pytest.mark.parametrize("really", STREAMS[1:], ids=lambda uid: uid.name)
def test_a_frame_in_several_fragments_or_without_a_table_of_offsets_is_whole(really: str, tmp_path: Path) -> None:
    frame, stored = frame_of(really, 8)
    expected = decode_scaled(save(tmp_path / "proper", labelled(frame, stored, really, 8, True)), None, "", None)
    item = b"\xfe\xff\x00\xe0"
    frame += b"\0" * (len(frame) % 2)
    half = len(frame) // 4 * 2
    parts = [b"", frame[:half], frame[half:]]
    for fragments in (parts, parts[1:], [frame], [b"\0\0\0\0", frame]):
        ds = labelled(frame, stored, really, 8, True)
        ds.PixelData = b"".join(item + len(part).to_bytes(4, "little") + part for part in fragments)
        decoded = decode_scaled(save(tmp_path / "film", ds), None, "", None)
        np.testing.assert_array_equal(decoded.grey, expected.grey)


def test_frames_that_only_the_table_of_offsets_counts_are_counted(tmp_path: Path) -> None:
    frame, stored = frame_of(JPEG2000Lossless, 8)
    ds = labelled(frame, stored, JPEG2000Lossless, 8, True)
    ds.PixelData = encapsulate([frame, frame, frame])
    with pytest.raises(FilmError, match="a DICOM of 3 frames; export the one frame"):
        decode_scaled(save(tmp_path / "film", ds), None, "", None)


@pytest.mark.parametrize("lost", [0, 40, 400])
def test_a_jpeg_ls_without_its_end_is_not_read_on_into_other_memory(lost: int, tmp_path: Path) -> None:
    """CharLS would: it took ten seconds, or the process."""
    frame, stored = frame_of(JPEGLSLossless, 12)
    end = frame.rindex(b"\xff\xd9")
    path = save(tmp_path / "film", labelled(frame[: end - lost], stored, JPEGLSLossless, 12, True))
    began = time.process_time()
    if lost:
        with pytest.raises(FilmError, match=r"cut off or damaged \(as JPEG-LS\)"):
            decode_scaled(path, None, "", None)
    else:
        expected = decode_scaled(write(tmp_path / "plain", dataset(stored, bits=12)), None, "", None)
        np.testing.assert_array_equal(decode_scaled(path, None, "", None).grey, expected.grey)
    assert time.process_time() - began < 3


OTHERS = {
    "JPEG XL": (b"\xff\x0a" + bytes(600), "compressed as JPEG XL, which Hilum cannot decode; export"),
    "video": (b"\0\0\0\x01\x67" + bytes(600), "compressed as H.264 or H.265 video, which Hilum cannot decode"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(600), "compressed as PNG, which Hilum cannot decode"),
    "arithmetic JPEG": (
        b"\xff\xd8\xff\xc9\x00\x0b\x08" + (48).to_bytes(2, "big") + (40).to_bytes(2, "big") + b"\x01\x01\x11\0",
        "compressed as JPEG with arithmetic or hierarchical coding, which",
    ),
    "noise": (bytes(range(7, 207)) * 3, r"damaged \(it does not start as JPEG 2000 does\); fetch it again"),
    "nothing": (b"\0\0", "does not start as JPEG 2000 does"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_codestream_of_a_film_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    frame, reason = OTHERS[kind]
    path = save(tmp_path / "film", labelled(frame, stored_phantom(8), JPEG2000Lossless, 8, True))
    with pytest.raises(FilmError, match=reason):
        decode_scaled(path, None, "", None)


@pytest.mark.parametrize("really", STREAMS[2:], ids=lambda uid: uid.name)
def test_a_codestream_of_another_size_than_the_header_is_refused_before_it_is_decoded(
    really: str, tmp_path: Path
) -> None:
    frame, stored = frame_of(really, 8)
    ds = labelled(frame, stored, really, 8, True)
    ds.Rows, ds.Columns = ds.Columns, ds.Rows
    with pytest.raises(FilmError, match=r"has shape \(48, 40\), its header \(40, 48\)"):
        decode_scaled(save(tmp_path / "film", ds), None, "", None)


def test_pixel_data_of_twice_the_length_is_not_read_as_half_of_its_bytes(tmp_path: Path) -> None:
    stored = stored_phantom(12)
    ds = dataset(stored, bits=12)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    with pytest.raises(FilmError, match="has 3,840 bytes, its header announces 1,920"):
        decode_scaled(write(tmp_path / "film", ds), None, "", None)


def test_jpeg_2000_that_lacks_tiles_is_cut(tmp_path: Path) -> None:
    """A decoder leaves them black, and says nothing."""
    stored = stored_phantom(8, size=(64, 64))
    file = BytesIO()
    Image.fromarray(stored).save(file, "JPEG2000", no_jp2=True, tile_size=(32, 32), irreversible=False)
    stream, second = file.getvalue(), file.getvalue().index(b"\xff\x90\0\x0a\0\x01")
    third = stream.index(b"\xff\x90\0\x0a\0\x02")
    path = tmp_path / "film"
    whole = dataset(stored, bits=8)
    np.testing.assert_allclose(
        decode(write(path, encapsulated(dataset(stored, bits=8), stream, JPEG2000Lossless))),
        decode(write(tmp_path / "plain", whole)),
        atol=1 / 255,
    )
    lacking = stream[:second] + stream[third:]
    with pytest.raises(FilmError, match=r"cut off or damaged \(as JPEG 2000\)"):
        decode(write(path, encapsulated(dataset(stored, bits=8), lacking, JPEG2000Lossless)))


@pytest.mark.parametrize("signed", [False, True])
def test_words_in_the_other_order_of_bytes_are_put_in_order(signed: bool, tmp_path: Path) -> None:
    """As some converters leave them, while the header is right."""
    stored = stored_phantom(12, size=(64, 64), signed=signed)
    ds = dataset(stored, bits=12)
    ds.PixelData = stored.byteswap().tobytes()
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(stored, bits=12)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert decoded.remarks == ("the bytes of its words are in the other order than its transfer syntax says",)


@given(st.binary(max_size=300), st.sampled_from([b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n", b""]))
def test_recognising_ends_in_a_description_whatever_the_bytes_are(data: bytes, start: bytes) -> None:
    assert isinstance(recognise(start + data).kind, str)


@pytest.mark.parametrize("really", STREAMS[1:], ids=lambda uid: uid.name)
def test_a_header_is_read_as_its_decoder_reads_it(really: str) -> None:
    bits = 8 if really == JPEGBaseline8Bit else 12
    frame, stored = frame_of(really, bits)
    found = recognise(frame)
    if really == RLELossless:
        assert found.bits == 16
    else:
        depth = 16 if really == JPEGLosslessSV1 and bits > 8 else bits  # GDCM compresses the whole cell
        assert (found.shape, found.bits, found.samples, found.cut) == (stored.shape, depth, 1, False)
