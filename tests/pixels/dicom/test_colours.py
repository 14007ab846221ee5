"""Grey in colours is grey; colours are refused."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from hilum.errors import FilmError
from hilum.pixels.decode import decode_scaled
from tests.pixels.dicom.matrix import encapsulated
from tests.pixels.dicoms import dataset, stored_phantom, write

STORED = stored_phantom(8)
GREY = "in colours that are all grey, and read as grey"


def coloured(channels: Any, meaning: str = "RGB", planar: int = 0, syntax: str = "") -> Any:
    """A film of (height, width, 3) samples."""
    ds = dataset(channels[..., 0], bits=8 * channels.dtype.itemsize)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, meaning, planar
    ds.PixelData = (np.moveaxis(channels, -1, 0) if planar else channels).tobytes()
    if syntax == JPEGBaseline8Bit:
        file = BytesIO()
        Image.fromarray(channels).save(file, "JPEG", quality=95)
        return encapsulated(ds, file.getvalue(), syntax)
    if syntax:
        ds.compress(syntax)
    return ds


def three(values: Any) -> Any:
    return np.ascontiguousarray(np.repeat(values[..., None], 3, axis=2))


@pytest.mark.parametrize("stored", [STORED, stored_phantom(16)], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize(
    ("syntax", "planar"), [("", 0), ("", 1), (RLELossless, 0), (JPEG2000Lossless, 0), (JPEGLSLossless, 0)]
)
def test_rgb_of_equal_channels_is_grey(stored: Any, planar: int, syntax: str, tmp_path: Path) -> None:
    ds = coloured(three(stored), planar=planar, syntax=syntax)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(stored)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)
    assert decoded.remarks == (GREY,)


def test_grey_that_was_compressed_as_a_colour_jpeg_is_grey(tmp_path: Path) -> None:
    ds = coloured(three(STORED), "YBR_FULL_422", syntax=JPEGBaseline8Bit)
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    assert np.abs(decoded.grey - (STORED - STORED.min()) / np.ptp(STORED)).mean() < 0.02
    assert decoded.remarks == (GREY,)


@pytest.mark.parametrize("meaning", ["YBR_FULL", "YBR_FULL_422"])
def test_neutral_chrominance_is_grey(meaning: str, tmp_path: Path) -> None:
    channels = three(STORED)
    channels[..., 1:] = 128
    ds = coloured(channels, meaning)
    if meaning == "YBR_FULL_422":
        pairs = np.full((48, 20, 4), 128, np.uint8)
        pairs[..., :2] = STORED.reshape(48, 20, 2)
        ds.PixelData = pairs.tobytes()
    decoded = decode_scaled(write(tmp_path / "film", ds), None, "", None)
    expected = decode_scaled(write(tmp_path / "plain", dataset(STORED)), None, "", None)
    np.testing.assert_array_equal(decoded.grey, expected.grey)


@pytest.mark.parametrize(
    ("meaning", "syntax"),
    [(meaning, syntax) for meaning in ("RGB", "YBR_FULL") for syntax in ("", RLELossless, JPEG2000Lossless)]
    + [("MONOCHROME2", "")],
)
def test_a_patch_of_colour_is_colour(meaning: str, syntax: str, tmp_path: Path) -> None:
    channels = three(STORED)
    if meaning == "YBR_FULL":
        channels[..., 1:] = 128
    channels[5:9, 5:9, 1] = 250
    with pytest.raises(FilmError, match=rf"a DICOM in colour \({meaning}\); films are MONOCHROME1 or MONOCHROME2"):
        decode_scaled(write(tmp_path / "film", coloured(channels, meaning, syntax=syntax)), None, "", None)


def palette(ds: Any, red: Any, blue: Any) -> Any:
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for colour, entries in (("Red", red), ("Green", red), ("Blue", blue)):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [len(entries), 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", entries.astype("<u2").tobytes())
    return ds


def test_a_palette_of_grey_is_read_and_one_of_colours_refused(tmp_path: Path) -> None:
    curve = np.round(65535 * np.linspace(0, 1, 256) ** 0.5)
    decoded = decode_scaled(write(tmp_path / "film", palette(dataset(STORED), curve, curve)), None, "", None)
    shown = curve[STORED]
    np.testing.assert_allclose(decoded.grey, (shown - shown.min()) / np.ptp(shown), atol=1e-6)
    assert decoded.remarks == ("in a palette that is all grey, and read as grey",)
    with pytest.raises(FilmError, match=r"in colour \(PALETTE COLOR\)"):
        decode_scaled(write(tmp_path / "hot", palette(dataset(STORED), curve, curve[::-1])), None, "", None)
