"""Pictures as grey: JPEG and PNG, and the other kinds."""

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
from PIL import Image, ImageOps

from hilum.errors import FilmError, reason_of
from hilum.pixels import chest_phantom, decode
from hilum.pixels.decode import decode_scaled
from hilum.pixels.scale import FEW_OUTSIDE

GREY8 = np.round(chest_phantom(1, (40, 56)) * 255).astype(np.uint8)
GREY16 = np.round(chest_phantom(1, (40, 56)) * 4095).astype(np.uint16)  # 12 bits in 16, as scanners write them
ALPHA = np.tile(np.linspace(0, 255, 56).astype(np.uint8), (40, 1))
COLOUR = np.random.default_rng(1).integers(0, 256, (40, 56, 3), dtype=np.uint8)


FORMATS = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "bmp": "BMP", "webp": "WEBP", "jp2": "JPEG2000"}


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
        saved(tmp_path / "d.png", flat): "every pixel has the same value",
        saved(
            tmp_path / "e.gif", grey
        ): "a GIF picture; Hilum reads DICOM, JPEG, PNG, TIFF, BMP, WebP and JPEG 2000: convert it to PNG",
        saved(
            tmp_path / "f.tif", grey.convert("CMYK")
        ): r"a TIFF in printing colours \(CMYK\); save it as grey or RGB",
        saved(tmp_path / "g.bmp", grey.resize((15, 40))): "15×40 pixels; a film has at least 16×16",
        saved(tmp_path / "h.avif", grey): "an AVIF picture; Hilum reads",
    }
    for path, reason in cases.items():
        with pytest.raises(FilmError, match=reason) as caught:
            decode(path)
        assert caught.value.path == path


# ------------------------------------------------------------------------------------ what lies around the pixels


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def chunk(name: bytes, content: bytes, wrong: int = 0) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content) ^ wrong)


def mpf(pictures: int) -> bytes:
    """An index of pictures (CIPA DC-007, 5.2.3) that gives their number."""
    entry = struct.pack("<HHI4s", 0xB000, 7, 4, b"0100") + struct.pack("<HHII", 0xB001, 4, 1, pictures)
    return b"MPF\0II*\0" + struct.pack("<IH", 8, 2) + entry + b"\0\0\0\0"


AROUND_JPEG = {
    "an index of one picture": segment(0xE2, mpf(1)),
    "an index that is damaged": segment(0xE2, mpf(1)[:14]),
    "a profile without its parts": segment(0xE2, b"ICC_PROFILE\0\x03\x09" + b"x" * 4000),
    "EXIF without an end": segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "EXIF with an orientation of 9": segment(
        0xE1, b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0\0\0\0\0"
    ),
    "Photoshop's blocks cut off": segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff"),
    "megabytes of text": segment(0xFE, b"text " * 13_000) * 30,
    "a length that leads beyond the file": b"\xff\xed\xff\xffPhotoshop",
    "a length of none": b"\xff\xe5\0\0rubbish",
    "fill bytes": b"\xff\xff\xff" + segment(0xE9, b"x"),
}  # fmt: skip
AROUND_PNG = {
    "a profile that is too long": chunk(b"iCCP", b"ICC\0\0" + zlib.compress(bytes(60 << 20))),
    "text that is too long": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * (70 << 20))),
    "much text": chunk(b"tEXt", b"Comment\0" + b"x" * 1_000_000) * 3,
    "text with a wrong checksum": chunk(b"tEXt", b"Comment\0hello", wrong=1),
    "a compression that nobody knows": chunk(b"zTXt", b"Comment\0\x09hello"),
    "EXIF that is damaged": chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
    "gamma and significant bits": chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"sBIT", b"\5"),
    "a private chunk": chunk(b"prVt", b"x" * 100),
    "physical pixels that are cut off": chunk(b"pHYs", b"\0"),
}


@pytest.mark.parametrize("around", [*AROUND_JPEG, *AROUND_PNG, "trailing bytes"])
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_sound_pixels_are_read_whatever_lies_around_them(around: str, kind: str, tmp_path: Path) -> None:
    sound = tmp_path / f"sound.{kind}"
    data = Path(saved(sound, Image.fromarray(GREY8))).read_bytes()
    more = (AROUND_JPEG if kind == "jpg" else AROUND_PNG).get(around)
    if around != "trailing bytes" and more is None:
        return
    start = 2 if kind == "jpg" else 33
    odd = data + b"\0rubbish\xff\xd8" * 300 if more is None else data[:start] + more + data[start:]
    (tmp_path / "film").write_bytes(odd)
    decoded = decode_scaled(str(tmp_path / "film"), None, "", None)
    np.testing.assert_array_equal(decoded.grey, decode(str(sound)))
    assert decoded.remarks == ()


def test_orientation_of_xmp_counts_where_exif_has_none(tmp_path: Path) -> None:
    data = Path(saved(tmp_path / "sound.jpg", Image.fromarray(GREY8))).read_bytes()
    xmp = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation="3"/>')
    (tmp_path / "film").write_bytes(data[:2] + xmp + data[2:])
    np.testing.assert_array_equal(decode(str(tmp_path / "film")), decode(str(tmp_path / "sound.jpg"))[::-1, ::-1])


@pytest.mark.parametrize("extension", ["jpg", "png", "tif", "webp"])
def test_the_first_of_several_pictures_is_read_with_a_remark(extension: str, tmp_path: Path) -> None:
    grey = Image.fromarray(GREY8)
    options = {"lossless": True} if extension == "webp" else {}
    alone = saved(tmp_path / f"alone.{extension}", grey, **options)
    many, others = tmp_path / f"many.{extension}", [grey.rotate(180), grey.rotate(180)]
    form = {"format": "MPO"} if extension == "jpg" else {}
    path = saved(many, grey, save_all=True, append_images=others, **options, **form)
    decoded = decode_scaled(path, None, "", None)
    np.testing.assert_allclose(decoded.grey, decode(alone), atol=1e-6)
    assert [remark.partition(" in a ")[0] for remark in decoded.remarks] == ["the first of several pictures"]


# ------------------------------------------------------------------------------------ other kinds of pictures

WHITE_IS_ZERO = 0
TIFFS: dict[str, tuple[Any, dict[str, Any]]] = {
    "8 bits": (GREY8, {}),
    "16 bits": (GREY16, {}),
    "16 bits, big-endian": (GREY16, {"byteorder": ">"}),
    "16 bits with sign, big-endian, deflated": (
        GREY16.astype(np.int16) - 2000,
        {"byteorder": ">", "compression": "zlib"},
    ),
    "32 bits with sign, big-endian, deflated": (
        GREY16.astype(np.int32) * 70_000 - 2000,
        {"byteorder": ">", "compression": "zlib", "predictor": True},
    ),
    "floats, big-endian, deflated": (
        GREY16.astype(np.float32) / 4096 - 0.3,
        {"byteorder": ">", "compression": "zlib", "tile": (16, 16)},
    ),
    "32 bits": (GREY16.astype(np.uint32) * 70_000, {}),
    "16 bits with sign": (GREY16.astype(np.int16) - 2000, {}),
    "floats": (GREY16.astype(np.float32) / 4096 - 0.3, {}),
    "white is zero, 8 bits": (GREY8, {"photometric": "miniswhite"}),
    "white is zero, 16 bits": (GREY16, {"photometric": "miniswhite"}),
    "tiles": (GREY16, {"tile": (16, 16)}),
    "BigTIFF": (GREY16, {"bigtiff": True}),
    "deflated with differences": (GREY16, {"compression": "zlib", "predictor": True}),
    "colours of 8 bits": (COLOUR, {"photometric": "rgb"}),
    "colours of 16 bits": (COLOUR.astype(np.uint16) * 16, {"photometric": "rgb"}),
    "colours in planes": (np.moveaxis(COLOUR, 2, 0).copy(), {"photometric": "rgb", "planarconfig": "separate"}),
}


@pytest.mark.parametrize("kind", TIFFS)
def test_a_tiff_is_read_as_tifffile_wrote_it(kind: str, tmp_path: Path) -> None:
    import tifffile

    values, options = TIFFS[kind]
    tifffile.imwrite(tmp_path / "film", values, **options)
    levels = np.moveaxis(values, 0, 2) if "planes" in kind else values
    grey = luminance(levels.astype(np.float64)) if levels.ndim == 3 else levels.astype(np.float64)
    if "white" in kind:
        grey = 255 - grey if "8 bits" in kind else -grey
    expected = grey / 255 if values.dtype == np.uint8 else stretched(grey)
    np.testing.assert_allclose(
        decode(str(tmp_path / "film")), expected, atol=0.51 / 255 if levels.ndim == 3 else 1e-5
    )


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_deflate", "jpeg", "group4", "lzma", "zstd"])
def test_compressions_of_tiff(compression: str, tmp_path: Path) -> None:
    levels = GREY8 if compression != "group4" else (GREY8 > 100).astype(np.uint8) * 255
    image = Image.fromarray(levels) if compression != "group4" else Image.fromarray(levels > 0)
    options = {"quality": 97} if compression == "jpeg" else {}
    path = saved(tmp_path / "film.tif", image, compression=compression, **options)
    np.testing.assert_allclose(decode(path), levels / 255, atol=0.03 if compression == "jpeg" else 1e-6)


@pytest.mark.parametrize("kind", ["bmp", "bmp of colours", "webp", "webp over black", "jp2", "j2k", "jp2 of 16 bits"])
def test_other_pictures_are_read_as_they_were_written(kind: str, tmp_path: Path) -> None:
    extension, _, rest = kind.partition(" ")
    image, expected = Image.fromarray(GREY8), GREY8 / 255
    if rest == "of colours":
        image, expected = Image.fromarray(COLOUR), luminance(COLOUR) / 255
    elif rest == "over black":
        image, expected = Image.fromarray(np.dstack([GREY8] * 3 + [ALPHA])), GREY8 / 255 * (ALPHA / 255)
    elif rest == "of 16 bits":
        image, expected = Image.fromarray(GREY16), stretched(GREY16)
    options = {"lossless": True, "exact": True} if extension == "webp" else {}
    named = saved(tmp_path / f"film.{extension}", image, **options)
    os.rename(named, tmp_path / "film.jpg")  # the bytes decide
    np.testing.assert_allclose(decode(str(tmp_path / "film.jpg")), expected, atol=0.51 / 255 if rest else 1e-5)


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
def test_colours_of_jpeg_2000_keep_all_their_bits(bits: int, tmp_path: Path) -> None:
    from openjpeg.utils import encode_array

    whole = (COLOUR.astype(np.float64) - COLOUR.min()) / (int(COLOUR.max()) - int(COLOUR.min()))
    levels = np.rint(whole * (2**bits - 1)).astype(np.uint16)
    stream = encode_array(levels, bits_stored=bits, photometric_interpretation=1, use_mct=False, codec_format=1)
    (tmp_path / "film").write_bytes(bytes(stream))
    expected = stretched(luminance(levels.astype(np.float64)))
    np.testing.assert_allclose(decode(str(tmp_path / "film")), expected, atol=1e-5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_stands_upright_too(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "film.webp", Image.fromarray(GREY8).convert("RGB"), lossless=True, exif=exif)
    with Image.open(path) as written:
        upright = np.asarray(ImageOps.exif_transpose(written).convert("L")) / 255
    np.testing.assert_allclose(decode(path), upright, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"photometric": "rgb", "planarconfig": "separate"},
            "a TIFF in colour of 16 bits a channel; save it as grey",
        ),
        ({"bigtiff": True, "byteorder": ">"}, "a big-endian BigTIFF, which is not read; save it as TIFF or PNG"),
    ],
)
def test_tiffs_that_no_decoder_here_reads_right_are_named(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    import tifffile

    values = np.stack([GREY16] * 3) if "planarconfig" in options else GREY16
    tifffile.imwrite(tmp_path / "film", values, **options)
    with pytest.raises(FilmError, match=message):
        decode(str(tmp_path / "film"))


def test_a_marker_in_a_tiff_does_not_set_its_scale(tmp_path: Path) -> None:
    marked = GREY16.copy()
    marked[:3, :3] = 65535
    decoded = decode_scaled(saved(tmp_path / "film.tif", Image.fromarray(marked)), None, "", None)
    assert decoded.remarks == (FEW_OUTSIDE,)
    np.testing.assert_allclose(decoded.grey[3:], stretched(GREY16)[3:], atol=0.03)


def test_numbers_that_are_none_are_named(tmp_path: Path) -> None:
    values = GREY16.astype(np.float32)
    values[3, 3] = np.nan
    with pytest.raises(FilmError, match="values that are NaN or infinite; write it again without them"):
        decode(saved(tmp_path / "film.tif", Image.fromarray(values)))


def test_a_damaged_chunk_is_named_without_marks_of_a_programming_language(tmp_path: Path) -> None:
    data = bytearray(Path(saved(tmp_path / "sound.png", Image.fromarray(GREY8))).read_bytes())
    data[29] ^= 1  # the checksum of IHDR
    (tmp_path / "film").write_bytes(data)
    with pytest.raises(
        FilmError, match=r"damaged \(broken PNG file \(bad header checksum in 'IHDR'\)\); copy it again"
    ):
        decode(str(tmp_path / "film"))


@pytest.mark.parametrize("mistake", [IndexError("index out of range"), TypeError("an integer is required")])
def test_a_mistake_of_a_parser_that_pillow_passes_on_is_called_damage(mistake: Exception) -> None:
    passed_on = SyntaxError(str(mistake))
    passed_on.__cause__ = mistake
    assert reason_of(passed_on) == "damaged"


@pytest.mark.parametrize("extension", ["png", "jpg", "tif", "bmp", "webp", "jp2"])
@pytest.mark.parametrize("keep", [0.05, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(extension: str, keep: float, tmp_path: Path) -> None:
    file = BytesIO()
    Image.fromarray(GREY8).save(file, FORMATS[extension])
    data = file.getvalue()
    path = tmp_path / f"film.{extension}"
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(FilmError, match="copy it again"):
        decode(str(path))
