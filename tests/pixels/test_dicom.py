"""DICOM radiographs and CT slices; pydicom's own functions are the reference for the numbers."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from hilum.errors import FilmError
from hilum.pixels import decode

from .dicoms import as_jpeg_baseline, as_jpeg_lossless, dataset, lookup_table, stored_phantom, write

NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def stretched(values: Any) -> Any:
    values = values.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
@pytest.mark.parametrize(
    ("bits", "signed"), [(8, False), (8, True), (10, False), (12, True), (16, False), (16, True)]
)
def test_without_a_window_a_films_own_extremes_are_black_and_white(
    syntax: str, bits: int, signed: bool, tmp_path: Path
) -> None:
    stored = stored_phantom(bits, signed=signed)
    grey = decode(write(tmp_path / "film", dataset(stored, syntax, bits)))
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, stretched(stored), atol=1e-6)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless], ids=lambda uid: uid.name)
@pytest.mark.parametrize(("bits", "signed"), [(8, False), (12, False), (16, False), (16, True)])
def test_lossless_compression_changes_nothing(syntax: str, bits: int, signed: bool, tmp_path: Path) -> None:
    stored = stored_phantom(bits, signed=signed)
    ds = dataset(stored, bits=bits)
    ds.compress(syntax)
    np.testing.assert_allclose(decode(write(tmp_path / "film", ds)), stretched(stored), atol=1e-6)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_changes_nothing(bits: int, tmp_path: Path) -> None:
    stored = stored_phantom(bits)
    write(tmp_path / "plain", dataset(stored, bits=bits))
    grey = decode(as_jpeg_lossless(tmp_path / "plain", tmp_path / "film"))
    np.testing.assert_allclose(grey, stretched(stored), atol=1e-6)


def test_damaged_lossless_jpegs_never_end_the_process(tmp_path: Path) -> None:
    """GDCM aborts on some of these; a helper process does it instead, and the next film gets a new one."""
    write(tmp_path / "plain", dataset(stored_phantom(12), bits=12))
    whole = as_jpeg_lossless(tmp_path / "plain", tmp_path / "film")
    data = Path(whole).read_bytes()
    frame = data.index(b"\xff\xd8\xff")
    refused = 0
    for place in range(frame + 2, frame + 60, 3):
        (tmp_path / "damaged").write_bytes(data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :])
        try:
            decode(str(tmp_path / "damaged"))
        except FilmError:
            refused += 1
    assert refused > 3
    decode(whole)


def test_baseline_jpeg_is_what_pillow_decodes(tmp_path: Path) -> None:
    stored = stored_phantom(8)
    grey = decode(write(tmp_path / "film", as_jpeg_baseline(dataset(stored), stored)))
    assert np.abs(grey - stretched(stored)).mean() < 0.02


WINDOWS: dict[str, dict[str, Any]] = {
    "linear": {"WindowCenter": 2000, "WindowWidth": 1500},
    "linear by name": {"WindowCenter": 2000, "WindowWidth": 1500, "VOILUTFunction": "LINEAR"},
    "the first of several": {"WindowCenter": [1800, 100], "WindowWidth": [3000, 50]},
    "a width of 1": {"WindowCenter": 2000, "WindowWidth": 1},
    "linear exact": {"WindowCenter": 2000.5, "WindowWidth": 0.5, "VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": {"WindowCenter": 2000, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
    "after a rescale": {"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 4000, "WindowWidth": 5000},
    "a VOI LUT": {"VOILUTSequence": [lookup_table(np.arange(4096) ** 2 // 4096, 0, 12)]},
    "a VOI LUT before a window": {
        "VOILUTSequence": [lookup_table(np.arange(2000)[::-1] * 2, 1000, 16)],
        "WindowCenter": 1,
        "WindowWidth": 2,
    },
    "a modality LUT": {
        "ModalityLUTSequence": [lookup_table(np.arange(4096) // 2, 0, 16)],
        "WindowCenter": 1000,
        "WindowWidth": 800,
    },
}


def as_pydicom_presents(path: str) -> Any:
    """pydicom's result runs over the output range of the modality or of the table; here over 0 to 1."""
    ds = pydicom.dcmread(path)
    values = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds).astype(np.float64)
    if ds.get("VOILUTSequence"):
        entries = np.frombuffer(ds.VOILUTSequence[0]["LUTData"].value, "<u2")
        return values / (2 ** int(entries.max()).bit_length() - 1)  # the descriptor's depth may be wrong
    depth = ds.ModalityLUTSequence[0].LUTDescriptor[2] if ds.get("ModalityLUTSequence") else ds.BitsStored
    low = ds.get("RescaleIntercept", 0)
    return (values - low) / ((2**depth - 1) * ds.get("RescaleSlope", 1))


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda uid: uid.name)
def test_tables_and_windows_are_applied_as_pydicom_applies_them(kind: str, syntax: str, tmp_path: Path) -> None:
    path = write(tmp_path / "film", dataset(stored_phantom(12), syntax, 12, **WINDOWS[kind]))
    np.testing.assert_allclose(decode(path), as_pydicom_presents(path), atol=1e-5)


def test_a_table_of_8_bits_may_have_more_than_256_entries(tmp_path: Path) -> None:
    """pydicom wraps the indices around here."""
    stored = stored_phantom(12)
    ds = dataset(stored, bits=12, VOILUTSequence=[lookup_table(np.arange(4096) // 16, 0, 8)])
    np.testing.assert_allclose(decode(write(tmp_path / "film", ds)), stored // 16 / 255, atol=1e-6)


@pytest.mark.parametrize(
    "tags",
    [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
        {"PresentationLUTShape": "INVERSE"},
    ],
)
def test_brighter_is_denser_in_every_polarity(tags: dict[str, str], tmp_path: Path) -> None:
    """MONOCHROME1 and INVERSE say the same thing, and are not undone by each other."""
    stored = stored_phantom(12)
    grey = decode(write(tmp_path / "film", dataset(stored, bits=12, **tags)))
    np.testing.assert_allclose(grey, 1 - stretched(stored), atol=1e-6)


@pytest.mark.parametrize("meaning", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_moves_no_extreme(meaning: str, tmp_path: Path) -> None:
    stored = stored_phantom(10)
    padded = stored.copy()
    padded[:, :5] = 4000
    ds = dataset(padded, bits=12, PhotometricInterpretation=meaning, PixelPaddingValue=4000)
    grey = decode(write(tmp_path / "film", ds))
    expected = stretched(stored[:, 5:])
    np.testing.assert_array_equal(grey[:, :5], 0)
    np.testing.assert_allclose(grey[:, 5:], expected if meaning == "MONOCHROME2" else 1 - expected, atol=1e-6)


def test_padding_may_be_a_range_and_negative(tmp_path: Path) -> None:
    stored = stored_phantom(12, signed=True)
    stored[:, :3], stored[:, 3:6] = -3000, -2990
    ds = dataset(stored, PixelPaddingValue=-3000, PixelPaddingRangeLimit=-2980)
    np.testing.assert_allclose(decode(write(tmp_path / "film", ds))[:, 6:], stretched(stored[:, 6:]), atol=1e-6)


def test_a_ct_slice_goes_through_the_lung_window_whatever_it_stores(tmp_path: Path) -> None:
    stored = stored_phantom(12)
    tags: dict[str, Any] = {
        "Modality": "CT",
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "WindowCenter": 40,
        "WindowWidth": 400,
    }
    path = write(tmp_path / "slice", dataset(stored, bits=12, **tags))
    hounsfield = stored.astype(np.float64) - 1024
    np.testing.assert_allclose(decode(path), np.clip((hounsfield + 1350) / 1500, 0, 1), atol=1e-6)
    np.testing.assert_allclose(decode(path, window=(40, 400)), np.clip((hounsfield + 160) / 400, 0, 1), atol=1e-6)


def test_a_given_window_replaces_a_radiographs_own(tmp_path: Path) -> None:
    stored = stored_phantom(12)
    tags: dict[str, Any] = {"WindowCenter": 100, "WindowWidth": 50, "PhotometricInterpretation": "MONOCHROME1"}
    path = write(tmp_path / "film", dataset(stored, bits=12, **tags))
    np.testing.assert_allclose(
        decode(path, window=(2000, 1000)), 1 - np.clip((stored - 1500.0) / 1000, 0, 1), atol=1e-6
    )


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "RF"])
def test_radiographs_are_read(modality: str, tmp_path: Path) -> None:
    decode(write(tmp_path / "film", dataset(stored_phantom(12), bits=12, Modality=modality)))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "magnetic resonance": (
        {"Modality": "MR"},
        r"modality MR \(magnetic resonance\); Hilum reads CR, DX, RG, RF and CT",
    ),
    "a secondary capture": ({"Modality": "OT"}, "secondary capture"),
    "a modality of many lines": (
        {"Modality": "A\nB\x00", "SOPClassUID": SecondaryCaptureImageStorage},
        "modality A B;",
    ),
    "no modality": ({"Modality": None, "SOPClassUID": SecondaryCaptureImageStorage}, "modality unknown"),
    "raw data": ({"PresentationIntentType": "FOR PROCESSING"}, "take the FOR PRESENTATION image"),
    "no pixels": ({"PixelData": None}, "without pixel data"),
    "several frames": ({"NumberOfFrames": 3}, "of 3 frames; export the one frame"),
    "colour": ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, r"in colour \(RGB\)"),
    "a palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, r"in colour \(PALETTE COLOR\)"),
    "few bits": ({"BitsStored": 4}, "of 4 bits stored; Hilum reads 8 to 16"),
    "too large": ({"Rows": 20_000, "Columns": 20_000}, "20000×20000 pixels"),
    "too small": ({"Rows": 8}, "40×8 pixels"),
    "cut off": ({"PixelData": b"\0" * 100}, "cut off or damaged .*; fetch it again"),
    "a CT without units": ({"Modality": "CT"}, "has no Hounsfield units"),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of writing the wrong header
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_a_film_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    tags, reason = REFUSED[kind]
    path = write(tmp_path / "film.dcm", dataset(stored_phantom(12), bits=12, **tags))
    with pytest.raises(FilmError, match=reason) as caught:
        decode(path)
    assert caught.value.path == path


@pytest.mark.parametrize("syntax", [MPEG4HP41, JPEGExtended12Bit, "1.2.3.4"])
def test_a_compression_that_cannot_be_decoded_is_named(syntax: str, tmp_path: Path) -> None:
    ds = as_jpeg_baseline(dataset(stored_phantom(12), bits=12), stored_phantom(8))
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    path = tmp_path / "film"
    ds.preamble = b"\0" * 128
    ds.save_as(path, implicit_vr=False, little_endian=True)
    with pytest.raises(FilmError, match=r"compressed as .*, which Hilum cannot decode; export it uncompressed"):
        decode(str(path))


@pytest.mark.parametrize("kind", ["plain", "RLE", "J2K", "JLS", "baseline"])
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_truncated_file_is_refused(kind: str, keep: float, tmp_path: Path) -> None:
    stored = stored_phantom(8, size=(128, 128))
    ds = dataset(stored)
    if kind == "baseline":
        as_jpeg_baseline(ds, stored)
    elif kind != "plain":
        ds.compress({"RLE": RLELossless, "J2K": JPEG2000Lossless, "JLS": JPEGLSLossless}[kind])
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    (tmp_path / "film").write_bytes(file.getvalue()[: int(keep * len(file.getvalue()))])
    with pytest.raises(FilmError, match="fetch it again"):
        decode(str(tmp_path / "film"))


def test_pydicoms_warnings_stay_inside(tmp_path: Path, recwarn: pytest.WarningsRecorder, capfd: Any) -> None:
    ds = dataset(stored_phantom(12), bits=12)
    ds.PixelData += b"\0" * 64
    ds.add_new("PatientBirthDate", "DA", "yesterday")
    recwarn.clear()
    path = tmp_path / "film"
    ds.save_as(path, enforce_file_format=True)
    recwarn.clear()
    decode(str(path))
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")


def test_a_real_radiograph_of_15_bits_is_inverted_and_windowed(shared: Path) -> None:
    path = str(shared / "data" / "dicom" / "RG1_J2KI.dcm")
    grey = decode(path)
    assert grey.shape == (1955, 1841)
    np.testing.assert_allclose(grey, 1 - as_pydicom_presents(path), atol=1e-5)
    assert grey[800:1100, 880:960].mean() > grey[600:900, 1200:1400].mean()  # the spine is denser than a lung
    assert decode(str(shared / "data" / "dicom" / "RG3_J2KR.dcm")).shape == (1760, 1760)
