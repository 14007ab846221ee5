"""Files of a few kilobytes that claim gigabytes: refused by what they claim, with the limit, in less than 1 GB.

Every bomb is decoded in one process of its own, whose peak the system knows.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from hilum.errors import FilmError
from hilum.pixels import bounds, jpeg2000
from hilum.pixels.announced import Announced, announced_by
from tests.pixels.dicoms import as_jpeg_lossless, dataset, stored_phantom, write

GREY = stored_phantom(8, size=(64, 48))
DEEP = stored_phantom(12, size=(64, 48))
LIMIT = r"the limit is 0\.8 GB"
HUGE = 60_000

CHILD = """
import json, re, sys
from pathlib import Path
from hilum.errors import FilmError
from hilum.pixels import decode
answers = []
for path in sys.argv[1:]:
    try:
        answers.append(str(decode(path).shape))
    except FilmError as error:
        answers.append(error.reason)
status = Path("/proc/self/status")  # not getrusage, whose peak is also that of the process that started this one
if status.exists():
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([answers, peak * 1024]))
"""


def in_a_process(*paths: Path) -> tuple[list[str], int]:
    """What `decode` says of each film, and the most memory that the process took, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, check=True, timeout=120
    )
    answers, peak = json.loads(done.stdout)
    return answers, peak


def with_stream(path: Path, syntax: str, stream: bytes, **tags: object) -> Path:
    ds = dataset(DEEP, syntax, bits=12, **tags)
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    write(path, ds)
    return path


def stream_of(syntax: str) -> bytes:
    from pydicom.encaps import get_frame

    ds = dataset(DEEP, bits=12)
    ds.compress(syntax)
    return get_frame(ds.PixelData, 0, number_of_frames=1)


def jpeg_2000(width: int, height: int, tile: int = 1 << 31, coding: bytes = b"") -> bytes:
    """A stream of 64×48 pixels whose header says something else; `coding` replaces the end of its COD segment."""
    stream = bytearray(stream_of(JPEG2000Lossless))
    struct.pack_into(">II", stream, 8, width, height)
    struct.pack_into(">II", stream, 24, min(tile, width), min(tile, height))
    if coding:
        at = stream.index(b"\xff\x52")
        (length,) = struct.unpack_from(">H", stream, at + 2)
        segment = stream[at + 4 : at + 9] + coding
        segment[0] |= 1
        stream[at : at + 2 + length] = b"\xff\x52" + struct.pack(">H", len(segment) + 2) + segment
    return bytes(stream)


def jpeg_of(data: bytes, width: int, height: int) -> bytes:
    """The same JPEG or JPEG-LS with another size in its frame header."""
    stream = bytearray(data)
    at = next(stream.index(bytes([0xFF, code])) for code in (0xC0, 0xC2, 0xC3, 0xF7) if bytes([0xFF, code]) in data)
    struct.pack_into(">HH", stream, at + 5, height, width)
    return bytes(stream)


def encoded(form: str, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(GREY).save(file, form, **options)
    return file.getvalue()


def png_of(width: int, height: int, bits: int, colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    written = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")):
        written += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return written


def many_scans(scans: int, width: int = 0, height: int = 0) -> bytes:
    """A progressive JPEG whose first scan stands in it again and again."""
    data = encoded("JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    end = data.index(b"\xff\xc4", start)
    repeated = data[:start] + data[start:end] * scans + data[end:]
    return jpeg_of(repeated, width, height) if width else repeated


def tiff_of(*entries: tuple[int, int, int, int], padding: int = 0) -> bytes:
    """A TIFF of one directory: (tag, type, count, value) each."""
    written = b"II*\0" + struct.pack("<IH", 8, len(entries))
    for entry in entries:
        written += struct.pack("<HHII", *entry)
    return written + bytes(4 + padding)


def deflated(path: Path, data_set: bytes, zeros: int) -> Path:
    """A deflated DICOM whose data set ends in so many zeros."""
    meta = BytesIO()
    ds = dataset(DEEP, DeflatedExplicitVRLittleEndian, bits=12)
    ds.save_as(meta, enforce_file_format=True)
    head = meta.getvalue()
    body = 132 + 12 + struct.unpack_from("<I", head, 140)[0]
    packing = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    block = bytes(1 << 24)
    parts = [head[:body], packing.compress(data_set)]
    parts += [packing.compress(block) for _ in range(zeros >> 24)]
    path.write_bytes(b"".join([*parts, packing.flush()]))
    return path


def npz_of(path: Path, shape: str, stored: bytes = bytes(100), claims: int = 0) -> Path:
    """An archive of one array whose header says `shape`; `claims` is the size that ZIP's list gives for it."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train_images.npy", b"\x93NUMPY\x01\x00\x76\x00" + header + stored)
    if claims:
        data = path.read_bytes().replace(struct.pack("<I", 128 + len(stored)), struct.pack("<I", claims))
        path.write_bytes(data)
    return path


def lists(data: bytes) -> bytes:
    """A sequence of undefined length, VOI LUTs, with these items (explicit VR)."""
    return b"\x28\x00\x10\x30SQ\0\0\xff\xff\xff\xff" + data + b"\xfe\xff\xdd\xe0\0\0\0\0"


def raw_dicom(path: Path, elements: bytes, syntax: str = ExplicitVRLittleEndian) -> Path:
    """A DICOM with these bytes before its pixels."""
    file = BytesIO()
    ds = dataset(DEEP, syntax, bits=12)
    ds.save_as(file, enforce_file_format=True)
    data = file.getvalue()
    at = data.rindex(b"\xe0\x7f\x10\x00")
    path.write_bytes(data[:at] + elements + data[at:])
    return path


Bomb = tuple[Callable[[Path], object], str]
WRITE = Path.write_bytes
BOMBS: dict[str, Bomb] = {
    # Streams that say another size than the header around them.
    "j2k.dcm": (lambda at: with_stream(at, JPEG2000Lossless, jpeg_2000(HUGE, HUGE)), r"shape \(60000, 60000\)"),
    "jls.dcm": (lambda at: with_stream(at, JPEGLSLossless, jpeg_of(stream_of(JPEGLSLossless), HUGE, HUGE)), "60000"),
    "lossless.dcm": (
        lambda at: with_stream(at, JPEGLosslessSV1, b"\xff\xd8\xff\xc3\0\x0b\x0c" + b"\xea\x60" * 2 + b"\1\1\x11\0"),
        "60000",
    ),
    "baseline.dcm": (lambda at: with_stream(at, JPEGBaseline8Bit, jpeg_of(encoded("JPEG"), HUGE, HUGE)), "60000"),
    # Headers and streams that agree on too much.
    "rows.dcm": (lambda at: write(at, dataset(DEEP, bits=12, Rows=9000, Columns=9000)), f"2.1 GB of memory; {LIMIT}"),
    "precincts.dcm": (
        lambda at: with_stream(
            at, JPEG2000Lossless, jpeg_2000(4000, 5000, coding=b"\5\4\4\0\1" + b"\0" * 6), Rows=5000, Columns=4000
        ),
        f"as they are cut into pieces would take .* GB of memory; {LIMIT}",
    ),
    "tiles.dcm": (
        lambda at: with_stream(at, JPEG2000Lossless, jpeg_2000(4000, 5000, tile=4), Rows=5000, Columns=4000),
        f"as they are cut into pieces would take .* GB of memory; {LIMIT}",
    ),
    "blocks.dcm": (
        lambda at: with_stream(
            at, JPEG2000Lossless, jpeg_2000(4000, 5000, coding=b"\5\0\0\0\1" + b"\xff" * 6), Rows=5000, Columns=4000
        ),
        f"as they are cut into pieces would take .* GB of memory; {LIMIT}",
    ),
    "rle.dcm": (
        lambda at: with_stream(
            at, RLELossless, struct.pack("<16I", 2, 64, 6_000_064, *[0] * 13) + b"\x81\0" * 6_000_000
        ),
        "decodes to more than the 6,144 bytes that its header announces",
    ),
    "scans.dcm": (
        lambda at: with_stream(at, JPEGBaseline8Bit, many_scans(3000), BitsAllocated=8, BitsStored=8, HighBit=7),
        "3,00. scans, which would take minutes",
    ),
    # What is inflated, or read one by one.
    "deflated.dcm": (
        lambda at: deflated(at, b"\x08\0\x16\0UI\2\0" + b"1\0", 300 << 20),
        "deflated .* 256 MiB, the limit",
    ),
    "items.dcm": (
        lambda at: raw_dicom(at, lists(b"\xfe\xff\0\xe0\0\0\0\0" * 500_000)),
        "40,000 elements, the limit",
    ),
    "elements.dcm": (
        lambda at: raw_dicom(
            at, b"".join(struct.pack("<HH2sH", 9 + 2 * (n >> 16), n & 0xFFFF, b"LO", 0) for n in range(400_000))
        ),
        "40,000 elements, the limit",
    ),
    "deep.dcm": (
        lambda at: raw_dicom(at, b"\x28\x00\x10\x30SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 5000),
        "sequences lie too deep",
    ),
    "numbers.dcm": (
        lambda at: raw_dicom(
            at, b"\x28\x00\x50\x10" + struct.pack("<I", 4_000_000) + b"1\\" * 2_000_000, ImplicitVRLittleEndian
        ),
        "WindowCenter holds 3 MiB, the limit is 1",
    ),
    "tables.dcm": (
        lambda at: raw_dicom(
            at, b"\x28\x00\x10\x30SQ\0\0" + struct.pack("<I", 4_000_000) + b"\xfe\xff\0\xe0\0\0\0\0" * 500_000
        ),
        "VOILUTSequence holds 3 MiB, the limit is 1",
    ),
    "fragments.dcm": (
        lambda at: with_stream(at, JPEG2000Lossless, b"\xfe\xff\0\xe0\0\0\0\0" * 200_000),
        "more than 100,000 fragments",
    ),
    # Pictures.
    "deep.png": (
        lambda at: WRITE(at, png_of(9000, 9000, 16, 6)),
        f"9000×9000 pixels would take 3.3 GB of memory; {LIMIT}",
    ),
    "wide.png": (lambda at: WRITE(at, png_of(2**31 - 1, 2**31 - 1, 8, 0)), "the limit is 100 million"),
    "palette.png": (lambda at: WRITE(at, png_of(9900, 9900, 8, 3)), f"1.9 GB of memory; {LIMIT}"),
    "scans.jpg": (lambda at: WRITE(at, many_scans(3000)), "3,00. scans, which would take minutes"),
    "few-scans.jpg": (lambda at: WRITE(at, many_scans(60, 9000, 9000)), "scans, which would take minutes"),
    "huge.jpg": (lambda at: WRITE(at, jpeg_of(encoded("JPEG"), HUGE, HUGE)), "the limit is 100 million"),
    "colours.jpg": (
        lambda at: WRITE(
            at, b"\xff\xd8\xff\xc2\0\x14\x08" + struct.pack(">HHB", 9900, 9900, 4) + bytes(12) + b"\xff\xda\0\2"
        ),
        f"1.0 GB of memory; {LIMIT}",
    ),
    # Archives of arrays.
    "array.npz#train/0": (
        lambda at: npz_of(archive(at), "(8300000, 100, 10)"),
        r"8\.3 GB of memory; the limit is 0\.4 GB",
    ),
    "claims.npz#train/0": (
        lambda at: npz_of(archive(at), "(8300000, 100, 10)", claims=2**32 - 2),
        r"8\.3 GB of memory; the limit is 0\.4 GB",
    ),
    "more.npz#train/0": (
        lambda at: npz_of(archive(at), "(10, 28, 28)", stored=bytes(50_000_000)),
        "has 50,000,000 bytes, its header announces 7,840",
    ),
}


def archive(path: Path) -> Path:
    return Path(str(path).partition("#")[0])


def test_every_bomb_is_refused_in_less_than_a_gigabyte(tmp_path: Path) -> None:
    for name, (make, _) in BOMBS.items():
        make(tmp_path / name)
    answers, peak = in_a_process(*(tmp_path / name for name in BOMBS))
    for (name, (_, reason)), answer in zip(BOMBS.items(), answers, strict=True):
        with pytest.raises(FilmError, match=reason):
            raise FilmError(name, answer)
    assert peak < 1_000_000_000


def test_metadata_is_no_reason_to_take_memory(tmp_path: Path) -> None:
    """A compressed text of 100 MB beside sound pixels: read or refused, in little memory."""
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * 100_000_000, zip=True)
    Image.fromarray(GREY).save(tmp_path / "text.png", pnginfo=info)
    (answer,), peak = in_a_process(tmp_path / "text.png")
    assert "\n" not in answer
    assert peak < 180_000_000


def test_what_ordinary_writers_write_is_within_the_limits(tmp_path: Path) -> None:
    """The largest plates: 18 million pixels in every form."""
    for form, options in (("JPEG", {"progressive": True}), ("PNG", {})):
        file = BytesIO()
        Image.fromarray(np.zeros((4_280, 4_280), np.uint8)).save(file, form, **options)
        with bounds.room_for_picture("film", file.getvalue()):
            pass
    for bits, colour in ((16, 0), (16, 2), (16, 6), (8, 6), (8, 3)):
        with bounds.room_for_picture("film", png_of(4280, 4280, bits, colour)):
            pass
    with bounds.room_for("film", bounds.DICOM * 4280 * 4280, "it"):
        pass
    tiled = jpeg_2000(4280, 4280, tile=512)
    bounds.refuse_jpeg_2000("film", tiled)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP", "WEBP", "JPEG2000"])
@pytest.mark.parametrize("size", [(31, 17), (640, 480), (1200, 70)])
def test_a_claim_is_the_size_that_pillow_reads(form: str, size: tuple[int, int]) -> None:
    file = BytesIO()
    Image.new("RGB", size).save(file, form)
    claim = announced_by(file.getvalue())
    assert claim is not None
    assert (claim.width, claim.height) == size == Image.open(file).size


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "I;16"])
def test_a_claim_has_the_channels_and_bits(mode: str) -> None:
    file = BytesIO()
    Image.new(mode, (20, 10)).save(file, "PNG")
    claim = announced_by(file.getvalue())
    expected = {"L": (1, 8), "RGB": (3, 8), "RGBA": (4, 8), "LA": (2, 8), "P": (4, 1), "I;16": (1, 16)}
    assert claim is not None
    assert (claim.channels, claim.bits) == expected[mode]


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_form_of_webp_says_its_size(lossless: bool, mode: str) -> None:
    file = BytesIO()
    Image.new(mode, (123, 77)).save(file, "WEBP", lossless=lossless, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
    assert announced_by(file.getvalue()) == Announced(123, 77, 4)


def test_a_tiff_cannot_hide_a_large_tile_or_copies_of_itself() -> None:
    size = (256, 3, 1, 48), (257, 3, 1, 64)
    tile = announced_by(tiff_of(*size, (322, 4, 1, HUGE), (323, 4, 1, HUGE)))
    assert tile is not None
    assert tile.extra >= HUGE * HUGE
    copies = announced_by(tiff_of(*size, *[(50_000 + n, 7, 10_000, 8) for n in range(100)], padding=10_000))
    assert copies is not None
    assert copies.extra >= 1_000_000


def test_the_scans_of_a_progressive_jpeg_are_counted() -> None:
    plain = encoded("JPEG", progressive=True)
    claim = announced_by(plain)
    assert claim is not None
    assert claim.scans == plain.count(b"\xff\xda") > 3
    hidden = plain.replace(b"\xff\xda", b"\xff\xfe\0\6\xff\xd9\0\0\xff\xda")  # the end of the image, in a comment
    found = announced_by(hidden)
    assert found is not None
    assert found.scans == claim.scans


def test_a_jpeg_2000_stream_is_found_behind_a_false_one() -> None:
    file = BytesIO()
    Image.new("L", (123, 77)).save(file, "JPEG2000")
    data = file.getvalue()
    false = b"\xff\x4f\xff\x51" + bytes(60)
    at = data.index(b"jp2h") - 4
    data = data[:at] + struct.pack(">I4s", 8 + len(false), b"xml ") + false + data[at:]
    assert jpeg2000.size_of(data)[:2] == (123, 77)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "write_", "a_pixel"),
    [
        ("grey.jpg", lambda at, grey, rgb: Image.fromarray(grey).save(at), 8),
        ("progressive.jpg", lambda at, grey, rgb: Image.fromarray(rgb).save(at, progressive=True, subsampling=0), 8),
        ("grey.png", lambda at, grey, rgb: Image.fromarray(grey).save(at), 8),
        ("rgb.png", lambda at, grey, rgb: Image.fromarray(rgb).save(at), 11),
        ("rgba.png", lambda at, grey, rgb: Image.fromarray(np.dstack([rgb, grey])).save(at), 19),
        ("palette.png", lambda at, grey, rgb: Image.fromarray(rgb).quantize(64).save(at, transparency=3), 19),
        ("grey16.png", lambda at, grey, rgb: cv2.imwrite(str(at), grey.astype(np.uint16) * 200), 15),
        ("rgb16.png", lambda at, grey, rgb: cv2.imwrite(str(at), rgb.astype(np.uint16) * 200), 35),
        ("rgba16.png", lambda at, grey, rgb: cv2.imwrite(str(at), np.dstack([rgb, grey]).astype(np.uint16) * 9), 41),
        ("raw.dcm", lambda at, grey, rgb: write(at, dataset(grey.astype(np.uint16) * 16, bits=12)), 26),
        ("tall.dcm", lambda at, grey, rgb: write(at, dataset(grey.astype(np.uint16) * 200, bits=12)), 26),
        ("lossless.dcm", lambda at, grey, rgb: as_jpeg_lossless(
            Path(write(at.with_suffix(".raw"), dataset(grey.astype(np.uint16) * 16, bits=12))), at), 26),
    ],
)  # fmt: skip
def test_decoding_takes_what_is_claimed_for_a_pixel(
    tmp_path: Path, name: str, write_: Callable[..., object], a_pixel: int
) -> None:
    side = 4000
    grey = np.kron(
        np.random.default_rng(1).integers(0, 255, (40, 40), np.uint8), np.ones((side // 40,) * 2, np.uint8)
    )
    write_(tmp_path / name, grey, np.stack([grey, grey.T, grey[::-1]], axis=-1))
    _, base = in_a_process(tmp_path / "none.png")
    (answer,), peak = in_a_process(tmp_path / name)
    assert answer == str((side, side))
    assert peak - base < a_pixel * side * side + 60_000_000  # and the libraries that are imported for it
