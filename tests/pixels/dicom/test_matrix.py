"""Every transfer syntax × depth × sign × polarity, against pydicom and GDCM; and the page that says what is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from hilum.pixels import decode
from tests.pixels.dicom.matrix import BLOCK, DEPTHS, PAGE, POLARITIES, SYNTAXES, Syntax, by_openjph, film, table
from tests.pixels.dicoms import write

ONE_LEVEL = 1 / 255
FILMS = [
    pytest.param(syntax, bits, signed, id=f"{syntax.name}-{bits}-{'signed' if signed else 'unsigned'}")
    for syntax in SYNTAXES
    for bits in DEPTHS
    for signed in (False, True)
    if bits in syntax.depths and (syntax.signed or not signed)
]


def by_gdcm(path: str) -> Any:
    """The stored values as GDCM reads the file."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    assert reader.Read()
    image = reader.GetImage()
    kind = image.GetPixelFormat()
    dtype = f"{'i' if kind.GetPixelRepresentation() else 'u'}{kind.GetBitsAllocated() // 8}"
    buffer = image.GetBuffer().encode("utf-8", "surrogateescape")  # GDCM gives bytes as a string
    values = np.frombuffer(buffer, dtype).reshape(image.GetDimension(1), image.GetDimension(0))
    if dtype == "i2" and kind.GetBitsStored() < 16 and values.min() >= 0:  # JPEG-LS: it leaves the sign to its caller
        top = 1 << (kind.GetBitsStored() - 1)
        values = np.where(values >= top, values - 2 * top, values)
    return values


def shown(ds: Any, stored: Any) -> Any:
    """Stored values as pydicom presents them, from 0 to 1, brighter is denser."""
    values = apply_voi_lut(apply_modality_lut(stored, ds), ds).astype(np.float64)
    slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
    if ds.get("VOILUTSequence"):
        grey = values / (2 ** int(np.max(ds.VOILUTSequence[0].LUTData)).bit_length() - 1)
    else:  # pydicom's windows give the range of the stored values, in the modality's units
        low = intercept + slope * (-(2 ** (ds.BitsStored - 1)) if ds.PixelRepresentation else 0)
        grey = (values - low) / (slope * (2**ds.BitsStored - 1))
    return 1 - grey if ds.PhotometricInterpretation == "MONOCHROME1" else grey


@pytest.mark.parametrize(("syntax", "bits", "signed"), FILMS)
def test_grey_is_within_one_level_of_pydicoms_and_gdcms(
    syntax: Syntax, bits: int, signed: bool, tmp_path: Path
) -> None:
    middle = 0 if signed else 2 ** (bits - 1)
    tags = {"RescaleSlope": 2, "RescaleIntercept": -100}
    window = {"WindowCenter": 2 * middle - 100, "WindowWidth": 2 ** (bits + 1) * 0.8}
    ds, stored = film(syntax, bits, signed, **tags, **window)
    for polarity in POLARITIES:
        ds.PhotometricInterpretation = polarity
        path = write(tmp_path / polarity, ds)
        grey = decode(path)
        reference = pydicom.dcmread(path)
        np.testing.assert_allclose(grey, shown(reference, reference.pixel_array), atol=ONE_LEVEL)
        if syntax.make is by_openjph:  # GDCM does not read it; it was compressed without losses
            np.testing.assert_allclose(grey, shown(reference, stored), atol=ONE_LEVEL)
        else:
            np.testing.assert_allclose(grey, shown(reference, by_gdcm(path)), atol=ONE_LEVEL)


def test_the_page_says_what_is_read(tmp_path: Path) -> None:
    found = BLOCK.search(PAGE.read_text("utf-8"))
    assert found, f"{PAGE.name} has no block for DICOM"
    assert found[0] == found[1] + table(tmp_path) + found[2], "run: python -m tests.pixels.dicom.matrix"


# pydicom-data, from PyPI: give the folder of its films to try them (`pip install pydicom-data`).
_DATA = os.environ.get("HILUM_PYDICOM_DATA", "")


def published() -> list[Path]:
    try:
        import data_store  # type: ignore[import-not-found]  # what pydicom-data installs
    except ImportError:
        folder = Path(_DATA) if _DATA else None
    else:
        folder = Path(data_store.__path__[0])
    return sorted(folder.rglob("*.dcm")) if folder else []


def test_published_radiographs_and_slices_are_shown_as_pydicom_and_gdcm_show_them() -> None:
    """All CR and CT films of pydicom-data that are one frame of grey."""
    films = published()
    if not films:
        pytest.skip("pydicom-data is not installed, and HILUM_PYDICOM_DATA names no folder with its films")
    tried = []
    for path in films:
        ds = pydicom.dcmread(path, force=True)
        if ds.get("Modality") not in ("CR", "CT", "RG", "DX") or ds.get("NumberOfFrames", 1) > 1:
            continue
        tried.append(path.name)
        window = None
        if ds.Modality == "CT":  # through the slice's own window, not the lung's; both readers get the same
            ds.WindowCenter, ds.WindowWidth = 40, 400
            ds.VOILUTFunction = "LINEAR_EXACT"
            window = (40.0, 400.0)
        grey = decode(str(path), window=window)
        for stored in (ds.pixel_array, by_gdcm(str(path))):
            np.testing.assert_allclose(grey, shown(ds, stored), atol=ONE_LEVEL, err_msg=path.name)
    assert len(tried) >= 8, tried
