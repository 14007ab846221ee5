"""JPEG and PNG as grey."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from hilum.errors import FilmError
from hilum.pixels import chest_phantom, decode

GREY8 = np.round(chest_phantom(1, (40, 56)) * 255).astype(np.uint8)
GREY16 = np.round(chest_phantom(1, (40, 56)) * 4095).astype(np.uint16)  # 12 bits in 16, as scanners write them
ALPHA = np.tile(np.linspace(0, 255, 56).astype(np.uint8), (40, 1))
COLOUR = np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)


def saved(path: Path, image: Image.Image, **options: Any) -> str:
    image.save(path, **options)
    return str(path)


def luminance(colour: Any) -> Any:
    """ITU-R BT.601, pixel by pixel."""
    return colour[..., 0] * 0.299 + colour[..., 1] * 0.587 + colour[..., 2] * 0.114


def stretched(values: Any) -> Any:
    values = values.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


EIGHT_BITS = {
    "grey": (Image.fromarray(GREY8), GREY8 / 255),
    "one bit": (Image.fromarray(GREY8 > 128), (GREY8 > 128).astype(float)),
    "RGB of equal channels": (Image.fromarray(np.dstack([GREY8] * 3)), GREY8 / 255),
    "RGB": (Image.fromarray(COLOUR), luminance(COLOUR) / 255),
    "RGBA over black": (
        Image.fromarray(np.dstack([COLOUR, ALPHA])),
        luminance(COLOUR) / 255 * (ALPHA / 255),
    ),
    "grey and alpha": (Image.fromarray(np.dstack([GREY8, ALPHA])), GREY8 / 255 * (ALPHA / 255)),
    "palette": (Image.fromarray(GREY8 // 4 * 4).convert("P"), GREY8 // 4 * 4 / 255),
}


@pytest.mark.parametrize("kind", EIGHT_BITS)
def test_eight_bits_are_divided_by_255(kind: str, tmp_path: Path) -> None:
    image, expected = EIGHT_BITS[kind]
    grey = decode(saved(tmp_path / "film.png", image))
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, expected, atol=0.51 / 255 if "RGB" in kind else 1e-6)


def test_a_see_through_palette_lies_over_black(tmp_path: Path) -> None:
    image = Image.fromarray(GREY8 // 64 * 64).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    clear = int(np.asarray(image)[20, 28])
    grey = decode(saved(tmp_path / "film.png", image, transparency=clear))
    assert grey[20, 28] == 0
    kept = np.asarray(image) != clear
    np.testing.assert_allclose(grey[kept], (np.asarray(image.convert("L")) / 255)[kept], atol=1e-6)


SIXTEEN_BITS = {
    "grey": (GREY16, stretched(GREY16)),
    "BGR": (np.dstack([GREY16 // 2, GREY16 // 3, GREY16]), None),
    "BGRA": (np.dstack([GREY16, GREY16, GREY16, ALPHA.astype(np.uint16) * 257]), stretched(GREY16 * (ALPHA / 255))),
}


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
def test_sixteen_bits_take_their_own_extremes_and_keep_every_level(kind: str, tmp_path: Path) -> None:
    values, expected = SIXTEEN_BITS[kind]
    if expected is None:
        expected = stretched(luminance(values[..., ::-1].astype(np.float64)))
    (tmp_path / "film.png").write_bytes(cv2.imencode(".png", values)[1].tobytes())
    grey = decode(str(tmp_path / "film.png"))
    np.testing.assert_allclose(grey, expected, atol=2e-5)
    assert (grey.min(), grey.max()) == (0, 1)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_its_own_luminance(mode: str, progressive: bool, tmp_path: Path) -> None:
    path = saved(tmp_path / "film.jpg", Image.fromarray(GREY8).convert(mode), quality=95, progressive=progressive)
    reference = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    assert reference is not None
    np.testing.assert_allclose(decode(path), reference / 255, atol=2.01 / 255)


def test_a_jpeg_called_png_is_read_by_its_content(tmp_path: Path) -> None:
    jpeg = saved(tmp_path / "film.jpg", Image.fromarray(GREY8))
    os.rename(jpeg, tmp_path / "film.png")
    assert decode(str(tmp_path / "film.png")).shape == GREY8.shape


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_a_photographed_film_stands_upright(orientation: int, extension: str, tmp_path: Path) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"film.{extension}", Image.fromarray(GREY8), exif=exif)
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        np.testing.assert_array_equal(decode(path), np.asarray(upright, dtype=np.float32) / np.float32(255))


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def test_a_huge_picture_is_refused_from_its_header(tmp_path: Path) -> None:
    """Nothing but a header is there: decoding it would say that it is cut off."""
    idat = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "film.png").write_bytes(png_header(20_000, 20_000) + idat)
    with pytest.raises(FilmError, match=r"20000×20000 pixels; the limit is 100 million: scale it down"):
        decode(str(tmp_path / "film.png"))


def test_a_large_plate_below_the_limit_is_read_in_silence(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """Pillow by itself warns from 89 million pixels on."""
    levels = np.zeros((9_500, 10_000), dtype=np.uint8)
    levels[:100] = 200
    path = saved(tmp_path / "film.png", Image.fromarray(levels), compress_level=1)
    assert decode(path).shape == (9_500, 10_000)
    assert not recwarn.list


def test_refusals_say_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    grey = Image.fromarray(GREY8)
    flat = Image.new("L", (64, 64), 128)
    cases = {
        saved(tmp_path / "a.png", grey.resize((15, 40))): "15×40 pixels; a film has at least 16×16",
        saved(tmp_path / "b.jpg", grey.convert("CMYK")): r"printing colours \(CMYK\); save it as grey or RGB",
        saved(
            tmp_path / "c.png", grey, save_all=True, append_images=[flat.resize((56, 40))]
        ): "more than one picture",
        saved(tmp_path / "d.png", flat): "every pixel has the same value",
        saved(tmp_path / "e.gif", grey): "a GIF picture; Hilum reads JPEG, PNG and DICOM: convert it",
        saved(tmp_path / "f.tif", grey): "a TIFF picture; ",
        saved(tmp_path / "g.bmp", grey): "a BMP picture; ",
        saved(tmp_path / "h.webp", grey): "a WebP picture; ",
    }
    for path, reason in cases.items():
        with pytest.raises(FilmError, match=reason) as caught:
            decode(path)
        assert caught.value.path == path


@pytest.mark.parametrize("extension", ["png", "jpg"])
@pytest.mark.parametrize("keep", [0.05, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(extension: str, keep: float, tmp_path: Path) -> None:
    file = BytesIO()
    Image.fromarray(GREY8).save(file, "PNG" if extension == "png" else "JPEG")
    data = file.getvalue()
    path = tmp_path / f"film.{extension}"
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(FilmError, match="copy it again"):
        decode(str(path))
