"""Bits above, below and beside those stored, in every cell and after every decoder; a slow loop is the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.encoders.base import JPEG2000LosslessEncoder, JPEGLSLosslessEncoder
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from hilum.pixels.decode import decode, decode_scaled
from hilum.pixels.dicom.stored import stored_values
from tests.pixels.dicom.matrix import by_gdcm, encapsulated
from tests.pixels.dicoms import dataset, stored_phantom, write

MASKED = "the bits above those stored were not empty"


def one_value(cell: int, bits: int, high_bit: int, signed: bool) -> int:
    """PS3.5, 8.1.1, in words: the bits from high_bit down, the first of them a sign."""
    digits = [(cell >> place) & 1 for place in range(high_bit, high_bit - bits, -1)]
    value = int("".join(map(str, digits)), 2)
    return value - 2**bits if signed and digits[0] else value


@st.composite
def cells(draw: Any) -> tuple[Any, Any, int, int, bool]:
    """A phantom's values somewhere in cells whose other bits hold rubbish: the values, the cells, how they lie."""
    width = draw(st.sampled_from([8, 16, 32]))
    bits = draw(st.integers(8, min(width, 16)))
    high_bit = draw(st.integers(bits - 1, width - 1))
    signed = draw(st.booleans())
    values = stored_phantom(bits, seed=draw(st.integers(0, 99)), size=(24, 20), signed=signed).astype(np.int64)
    low = high_bit + 1 - bits
    rubbish = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 2**width, values.shape, dtype=np.uint64)
    keep = np.uint64(((1 << bits) - 1) << low)
    whole = (rubbish & ~keep) | ((values.astype(np.uint64) << np.uint64(low)) & keep)
    return values, whole.astype(f"u{width // 8}"), bits, high_bit, signed


@given(cells())
def test_rubbish_around_the_values_changes_nothing(case: tuple[Any, Any, int, int, bool]) -> None:
    values, whole, bits, high_bit, signed = case
    taken = stored_values(whole, bits, high_bit, signed, [])
    np.testing.assert_array_equal(taken, values)
    assert taken[3, 4] == one_value(int(whole[3, 4]), bits, high_bit, signed)


def compressed(cells: Any, syntax: str, **tags: Any) -> Any:
    """A film whose codestream carries whole cells of 16 bits, as some archives compress them; then the tags."""
    ds = dataset(cells, syntax if syntax in (ExplicitVRBigEndian, ImplicitVRLittleEndian) else ExplicitVRLittleEndian)
    if syntax == JPEGLosslessSV1:
        ds = by_gdcm(ds, cells, syntax)
    elif syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless):
        ds.compress(syntax)
    for keyword, value in tags.items():
        setattr(ds, keyword, value)
    return ds


DECODERS = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
)


@pytest.mark.parametrize("syntax", DECODERS, ids=lambda uid: uid.name)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("bits", "high_bit"), [(12, 11), (12, 15), (10, 12), (8, 7), (8, 15), (14, 13), (15, 14)])
def test_an_overlay_or_rubbish_beside_the_values_is_left_out_after_every_decoder(
    syntax: str, signed: bool, bits: int, high_bit: int, tmp_path: Path
) -> None:
    values = stored_phantom(bits, signed=signed).astype(np.int64)
    low = high_bit + 1 - bits
    rubbish = np.random.default_rng(3).integers(0, 2**16, values.shape)
    rubbish[:20, :] = 0  # as an overlay does, it covers a part
    keep = ((1 << bits) - 1) << low
    whole = ((rubbish & ~keep) | ((values << low) & keep)).astype(np.uint16)
    tags = {"BitsStored": bits, "HighBit": high_bit, "PixelRepresentation": int(signed)}
    decoded = decode_scaled(write(tmp_path / "film", compressed(whole, syntax, **tags)), None, "", None)
    plain = dataset(values.astype(np.int16 if signed else np.uint16), bits=bits)
    expected = decode_scaled(write(tmp_path / "plain", plain), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert any(MASKED in remark for remark in decoded.remarks) == (high_bit < 15)
    assert not expected.remarks


@pytest.mark.parametrize("syntax", DECODERS, ids=lambda uid: uid.name)
@pytest.mark.parametrize("bits", [8, 12])
def test_values_that_need_more_bits_than_the_header_says_do_not_wrap(syntax: str, bits: int, tmp_path: Path) -> None:
    """The other way round: the header's depth is wrong, not the values'."""
    values = stored_phantom(14)
    ds = compressed(values, syntax, BitsStored=bits, HighBit=bits - 1)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(values, bits=14)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert any(f"more bits than the {bits}" in remark for remark in decoded.remarks)


def test_negative_values_without_a_sign_in_the_header_do_not_wrap(tmp_path: Path) -> None:
    values = stored_phantom(12, signed=True)
    ds = dataset(values, bits=12)
    ds.PixelRepresentation = 0
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(values, bits=12)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert decoded.remarks


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("signed", [False, True])
def test_a_highest_bit_where_no_value_reaches_is_an_error_of_the_header(
    bits: int, signed: bool, tmp_path: Path
) -> None:
    """Shifted down, values of 12 bits in their usual place would keep 8."""
    values = stored_phantom(bits, signed=signed)
    ds = dataset(values, bits=bits, HighBit=15)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(values, bits=bits)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert any("highest bit at 15" in remark for remark in decoded.remarks)


@pytest.mark.parametrize("high_bit", [0, 3, 16, 200])
def test_a_highest_bit_that_cannot_be_is_said(high_bit: int, tmp_path: Path) -> None:
    values = stored_phantom(12)
    path = write(tmp_path / "film", dataset(values, bits=12, HighBit=high_bit))
    decoded = decode_scaled(path, None, "", None)
    np.testing.assert_allclose(
        decoded.grey, decode_scaled(write(tmp_path / "p", dataset(values, bits=12)), None, "", None).grey
    )
    assert any("cannot be" in remark for remark in decoded.remarks)


@pytest.mark.parametrize("encoder", [JPEG2000LosslessEncoder, JPEGLSLosslessEncoder], ids=["JPEG 2000", "JPEG-LS"])
def test_a_value_of_its_own_depth_in_a_codestream_is_not_shifted(encoder: Any, tmp_path: Path) -> None:
    """Most encoders shift the value down themselves, and leave High Bit in the header as it was."""
    values = stored_phantom(12)
    frame = encoder.encode(dataset(values, bits=12), index=0)
    ds = encapsulated(dataset(values, bits=12), frame, encoder.UID)
    ds.HighBit = 15
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(values, bits=12)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("really", [False, True], ids=["unsigned", "two's complement"])
def test_a_codestream_without_the_headers_sign_is_read_as_its_values_go_on(
    bits: int, really: bool, tmp_path: Path
) -> None:
    """JPEG 2000 says itself whether its samples have a sign; converters write two's complement without saying so."""
    from openjpeg.utils import encode_array

    values = stored_phantom(bits, size=(96, 80), signed=really)
    cells = values.view(f"u{values.dtype.itemsize}") & (2**bits - 1)
    frame = bytes(encode_array(cells, bits_stored=bits, photometric_interpretation=2, codec_format=0))
    ds = encapsulated(dataset(values, bits=bits, PixelRepresentation=1), frame, JPEG2000Lossless)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    np.testing.assert_array_equal(decoded.grey, decode(write(tmp_path / "plain", dataset(values, bits=bits))))
    assert [remark for remark in decoded.remarks if "sign" in remark] == (
        [] if really else ["its codestream has no sign, its header says that it has; it was read without"]
    )


@pytest.mark.parametrize("signed", [False, True])
def test_cells_of_32_bits_are_read(signed: bool, tmp_path: Path) -> None:
    values = stored_phantom(16, signed=signed)
    ds = dataset(values.astype(np.int32 if signed else np.uint32), bits=16)
    ds.PixelRepresentation = int(signed)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(values)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
