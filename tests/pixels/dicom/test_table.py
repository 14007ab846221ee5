"""Modality and VOI LUTs whose descriptor and data disagree; the table as it should be is the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hilum.errors import FilmError
from hilum.pixels import decode as read
from hilum.pixels.decode import decode_scaled
from hilum.pixels.dicom.table import look_up, read_table
from tests.pixels.dicoms import dataset, lookup_table, stored_phantom, write

CURVE = np.round(4095 * np.linspace(0, 1, 4096) ** 0.7).astype(np.uint16)  # of 12 bits


def item(descriptor: list[int], data: Any, vr: str = "OW", descriptor_vr: str = "US") -> Dataset:
    made = Dataset()
    made.add_new("LUTDescriptor", descriptor_vr, descriptor)
    made.add_new("LUTData", vr, data)
    made.ModalityLUTType = "US"
    return made


def words(entries: Any, order: str = "<") -> bytes:
    return bytes(np.asarray(entries).astype(f"{order}u2").tobytes())


def shown(path: Path, stored: Any, table: Dataset, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> Any:
    bits = tags.pop("bits", 12)
    return decode_scaled(write(path, dataset(stored, syntax, bits, VOILUTSequence=[table], **tags)), None, "", None)


DISAGREEING: dict[str, tuple[Dataset, str]] = {
    "12 bits that say 16": (item([4096, 0, 16], words(CURVE)), "has entries of 12 bits, its descriptor says 16"),
    "12 bits that say 8": (item([4096, 0, 8], words(CURVE)), "has entries of 12 bits, its descriptor says 8"),
    "12 bits that say 0": (item([4096, 0, 0], words(CURVE)), "has entries of 12 bits, its descriptor says 0"),
    "12 bits that say 32": (item([4096, 0, 32], words(CURVE)), "has entries of 12 bits, its descriptor says 32"),
    "more entries than said": (item([1024, 0, 12], words(CURVE)), "has 4096 entries, its descriptor says 1024"),
    "fewer entries than said": (item([0, 0, 12], words(CURVE)), "has 4096 entries, its descriptor says 65536"),
    "numbers instead of words": (item([4096, 0, 12], CURVE.tolist(), "US"), ""),
}


@pytest.mark.parametrize("kind", DISAGREEING)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda uid: uid.name)
def test_a_table_is_read_by_its_data(kind: str, syntax: str, tmp_path: Path) -> None:
    table, remark = DISAGREEING[kind]
    stored = stored_phantom(12)
    decoded = shown(tmp_path / "film", stored, table, syntax)
    np.testing.assert_allclose(decoded.grey, CURVE[stored] / 4095, atol=1e-6)
    assert decoded.remarks == ((f"its VOI LUT {remark}",) if remark else ())


@pytest.mark.parametrize(
    ("first", "descriptor_vr", "signed", "written"),
    [
        (-2048, "US", True, 63488),  # the case of many writers
        (-2048, "SS", True, -2048),
        (-100, "US", True, 65436),
        (40_000, "SS", False, 40_000 - 65536),
        (0, "SS", False, 0),
        (1000, "US", True, 1000),
    ],
)
def test_the_first_value_may_have_the_other_sign(
    first: int, descriptor_vr: str, signed: bool, written: int, tmp_path: Path
) -> None:
    stored = stored_phantom(12).astype(np.int64) + first
    stored = stored.astype(np.int16 if signed else np.uint16)
    table = item([4096, written, 12], words(CURVE), descriptor_vr=descriptor_vr)
    decoded = shown(tmp_path / "film", stored, table, bits=16)
    np.testing.assert_allclose(decoded.grey, CURVE[stored.astype(np.int64) - first] / 4095, atol=1e-6)
    assert any("with the sign of the pixels" in remark for remark in decoded.remarks) == (first != written)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=lambda uid: uid.name)
@pytest.mark.parametrize("layout", ["OB", "OW", "US", "a word each", "OB, odd"])
@pytest.mark.parametrize("bits", [8, 16])
def test_entries_of_8_bits_may_lie_in_octets_or_words(syntax: str, layout: str, bits: int, tmp_path: Path) -> None:
    entries = np.round(255 * np.linspace(0, 1, 255 if layout == "OB, odd" else 256) ** 0.7).astype(np.uint8)
    packed = entries.tobytes() + b"\0" * (len(entries) % 2)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    in_words = np.frombuffer(packed, "<u2")  # the first of two is the lower one (PS3.5, 8.1.1)
    data: dict[str, tuple[str, Any]] = {
        "OB": ("OW" if order == ">" else "OB", words(in_words, order) if order == ">" else packed),
        "OB, odd": ("OW" if order == ">" else "OB", words(in_words, order) if order == ">" else packed),
        "OW": ("OW", words(in_words, order)),
        "US": ("US", in_words.tolist()),
        "a word each": ("OW", words(entries, order)),
    }
    vr, value = data[layout]
    stored = stored_phantom(8)
    decoded = shown(tmp_path / "film", stored, item([len(entries), 0, bits], value, vr), syntax, bits=8)
    places = np.minimum(stored, len(entries) - 1)
    np.testing.assert_allclose(decoded.grey, entries[places] / 255, atol=1e-6)


def test_the_voi_lut_comes_after_slope_and_intercept(tmp_path: Path) -> None:
    stored = stored_phantom(10)
    decoded = shown(
        tmp_path / "film", stored, item([4096, 100, 12], words(CURVE)), bits=10, RescaleSlope=2, RescaleIntercept=-5
    )
    places = np.clip(stored.astype(np.int64) * 2 - 5 - 100, 0, 4095)
    np.testing.assert_allclose(decoded.grey, CURVE[places] / 4095, atol=1e-6)


UNUSABLE = {
    "no data": item([4096, 0, 12], b""),
    "no descriptor": item([], words(CURVE)),
    "a descriptor of two": item([4096, 0], words(CURVE)),
    "all the same": item([4096, 0, 12], words(np.full(4096, 7))),
    "one entry": item([1, 0, 12], words([5])),
    "beside the values": item([256, 20_000, 12], words(np.arange(256) * 16)),
    "text": item([4096, 0, 12], "white", "LO"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_table_that_cannot_be_applied_gives_way_to_the_next_one_or_the_window(kind: str, tmp_path: Path) -> None:
    stored = stored_phantom(12)
    window: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 3000}
    alone = decode_scaled(write(tmp_path / "alone", dataset(stored, bits=12, **window)), None, "", None)
    ds = dataset(stored, bits=12, VOILUTSequence=[UNUSABLE[kind]], **window)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    np.testing.assert_array_equal(decoded.grey, alone.grey)
    assert any(remark.startswith("its VOI LUT") and "ignored" in remark for remark in decoded.remarks)
    ds.VOILUTSequence = [UNUSABLE[kind], lookup_table(CURVE, 0, 12)]
    np.testing.assert_allclose(read(write(tmp_path / "second", ds)), CURVE[stored] / 4095, atol=1e-6)


@pytest.mark.parametrize("kind", ["no data", "no descriptor", "all the same", "text"])
def test_a_modality_lut_that_cannot_be_applied_is_ignored(kind: str, tmp_path: Path) -> None:
    stored = stored_phantom(12)
    ds = dataset(stored, bits=12, ModalityLUTSequence=[UNUSABLE[kind]])
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    np.testing.assert_array_equal(decoded.grey, read(write(tmp_path / "plain", dataset(stored, bits=12))))
    assert any("modality LUT was ignored" in remark for remark in decoded.remarks)
    ds.WindowCenter, ds.WindowWidth = 100, 50  # in units that nobody knows now
    path = write(tmp_path / "window", ds)
    np.testing.assert_array_equal(read(path), decoded.grey)
    with pytest.raises(FilmError, match="its values have no units, in which the window of the recipe is written"):
        read(path, window=(100, 50))


@pytest.mark.parametrize("kind", ["more entries than said", "fewer entries than said", "12 bits that say 16"])
def test_a_modality_lut_is_read_by_its_data_too(kind: str, tmp_path: Path) -> None:
    stored = stored_phantom(12)
    window: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 3000, "VOILUTFunction": "LINEAR_EXACT"}
    ds = dataset(stored, bits=12, ModalityLUTSequence=[DISAGREEING[kind][0]], **window)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    np.testing.assert_allclose(decoded.grey, np.clip((CURVE[stored] - 500.0) / 3000, 0, 1), atol=1e-5)
    assert decoded.remarks


@given(
    st.lists(st.integers(-40_000, 70_000), max_size=5),
    st.one_of(st.binary(max_size=40), st.lists(st.integers(0, 65535), max_size=20), st.text(max_size=5), st.none()),
    st.booleans(),
)
def test_a_table_is_read_or_refused_whatever_it_holds(descriptor: list[int], data: Any, little_endian: bool) -> None:
    made = {"LUTDescriptor": descriptor, "LUTData": data}
    try:
        table = read_table(made, little_endian, 0, 4095)  # type: ignore[arg-type]  # a data set has get, as a dict
    except ValueError as refused:
        said = str(refused)
    else:
        grey = look_up(np.arange(-10, 5000), table) / (2**table.bits - 1)
        said = "" if 0 <= grey.min() <= grey.max() <= 1 else "outside 0 to 1"
    assert said in ("", "its descriptor does not have three values", "its entries are missing or all the same")
