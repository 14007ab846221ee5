"""Changes that keep a format's own rules (checksums, lengths, order), so that they get past its header."""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from random import Random
from typing import Any

from hilum.pixels.announced import jpeg_segments
from tests.fuzz.mutators import BYTES, NUMBERS, Mutator, change_a_value, flip_bits, flip_late_bits, nested


def jpeg(data: bytes, rnd: Random) -> bytes:
    """One segment changed, dropped, repeated or put in; its length written right."""
    start = data.index(b"\xff\xda")
    segments = [(marker, segment) for marker, segment in jpeg_segments(data[:start])]
    coded = data[start:]
    how, at = rnd.randrange(6), rnd.randrange(len(segments))
    marker, segment = segments[at]
    if how == 0:
        segments[at] = (marker, flip_bits(segment, rnd))
    elif how == 1:
        del segments[at]
    elif how == 2:
        segments[at:at] = [segments[at]] * rnd.choice((1, 50))
    elif how == 3:
        blown = rnd.choice(
            (b"Exif\0\0", b"MPF\0", b"ICC_PROFILE\0\1\1", b"Photoshop 3.0\x008BIM", b"JFIF\0", b"Adobe\0")
        )
        segments[at:at] = [
            (rnd.choice((0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE)), blown + rnd.randbytes(rnd.choice((0, 9, 60_000))))
        ]
    elif how == 4:
        coded = flip_late_bits(coded, rnd)
    else:
        segments[at] = (rnd.choice((0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, marker)), segment)
    written = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(part) + 2) + part for marker, part in segments)
    return b"\xff\xd8" + written + coded


def png(data: bytes, rnd: Random) -> bytes:
    """One chunk changed, dropped, repeated or put in; its checksum right."""
    chunks, place = [], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    how, at = rnd.randrange(6), rnd.randrange(len(chunks))
    name, content = chunks[at]
    if how == 0 and content:
        chunks[at] = (name, flip_bits(content, rnd))
    elif how == 1:
        del chunks[at]
    elif how == 2:
        chunks[at:at] = [chunks[at]] * rnd.choice((1, 50))
    elif how == 3:
        kinds = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tRNS", b"PLTE", b"pHYs", b"acTL", b"IDAT")
        chunks[at:at] = [
            (rnd.choice(kinds), rnd.choice((b"", b"a\0\0" + zlib.compress(bytes(10**6)), rnd.randbytes(999))))
        ]
    elif how == 4:
        number = rnd.choice(NUMBERS)
        chunks[0] = (
            b"IHDR",
            rnd.choice((struct.pack(">I", number) + chunks[0][1][4:], chunks[0][1][:8] + rnd.randbytes(5))),
        )
    else:  # the pixels themselves: packed again, so that zlib has no complaint
        body = b"".join(content for name, content in chunks if name == b"IDAT")
        packed = zlib.compress(rnd.choice(BYTES)(zlib.decompress(body), rnd))
        rest = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
        chunks = [*rest[:-1], (b"IDAT", packed), rest[-1]]
    written = (
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in chunks
    )
    return data[:8] + b"".join(written)


def tiff(data: bytes, rnd: Random) -> bytes:
    """An entry of the first directory gets another tag, type, count or value."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    at = start + 2 + 12 * rnd.randrange(count)
    changed = bytearray(data)
    place, form = rnd.choice(((0, "<H"), (2, "<H"), (4, "<I"), (8, "<I"), (8, "<I"), (8, "<I")))
    mask = 0xFFFF if form == "<H" else 0xFFFFFFFF
    struct.pack_into(form, changed, at + place, rnd.choice((*NUMBERS, 3, 4, 5, 8, 16, 34712)) & mask)
    return bytes(changed)


_TAGS = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "NumberOfFrames",
    "PlanarConfiguration",
    "PixelPaddingValue",
    "SmallestImagePixelValue",
)
_WORDS = (
    "Modality",
    "PhotometricInterpretation",
    "PresentationLUTShape",
    "VOILUTFunction",
    "WindowCenter",
    "WindowWidth",
    "RescaleSlope",
    "RescaleIntercept",
    "PatientID",
    "SOPClassUID",
)


def dicom(data: bytes, rnd: Random) -> bytes:
    """A data set written again with another value, without an element, or with its frame damaged in its items."""
    import pydicom
    from pydicom.encaps import encapsulate, get_frame

    ds = pydicom.dcmread(BytesIO(data))
    how = rnd.randrange(8)
    if how == 0:
        ds.add_new(rnd.choice(_TAGS), "US", rnd.choice(NUMBERS) & 0xFFFF)
    elif how == 1:
        ds.add_new(
            rnd.choice(_WORDS), "LO", rnd.choice(("", "-1", "1e999", "0", "nan", "1\\2\\3", "x" * 60, "1,5", "2048"))
        )
    elif how == 2:
        del ds[rnd.choice([element.tag for element in ds])]
    elif how == 3:
        table = pydicom.Dataset()
        table.add_new(
            "LUTDescriptor",
            "US",
            [rnd.choice((0, 1, 16, 4096)), rnd.choice((0, 9, 65535)), rnd.choice((0, 8, 12, 16, 99))],
        )
        table.add_new("LUTData", "OW", rnd.randbytes(rnd.choice((0, 2, 32, 8192))))
        ds.add_new(rnd.choice(("VOILUTSequence", "ModalityLUTSequence")), "SQ", [table] * rnd.choice((1, 3)))
    elif how == 4:
        inner = pydicom.Dataset()
        for _ in range(rnd.choice((2, 30, 150))):
            outer = pydicom.Dataset()
            outer.add_new("ReferencedStudySequence", "SQ", [inner])
            inner = outer
        ds.add_new("ReferencedStudySequence", "SQ", [inner])
    elif how == 5:
        ds.add_new(0x00091001, "UN", rnd.randbytes(rnd.choice((1, 70_000))))
        ds.add_new("ImageComments", "LT", "x" * rnd.choice((1, 10_000)))
    elif ds["PixelData"].is_undefined_length:
        frame = get_frame(ds.PixelData, 0, number_of_frames=1)
        ds.PixelData = encapsulate([rnd.choice(BYTES)(frame, rnd) for _ in range(rnd.choice((1, 1, 1, 2)))])
        ds["PixelData"].VR = "OB"
    else:
        ds.PixelData = rnd.choice(BYTES)(ds.PixelData, rnd)
    file = BytesIO()
    try:
        ds.save_as(file, enforce_file_format=True)
    except Exception:  # what cannot be written so is changed as bytes
        return rnd.choice(BYTES)(data, rnd)
    return file.getvalue()


def zipped(change: Callable[[str, bytes, Random], bytes]) -> Mutator:
    """A member of a ZIP file changed, in an archive whose checksums are right."""

    def mutate(data: bytes, rnd: Random) -> bytes:
        with zipfile.ZipFile(BytesIO(data)) as old:
            members = [(name, old.read(name)) for name in old.namelist()]
        at = rnd.randrange(len(members))
        name, content = members[at]
        how = rnd.random()
        if how < 0.1:
            del members[at]
        elif how < 0.2:
            members[at] = (rnd.choice(("x.npy", "train_images.npy", "../x", "schema.json")), content)
        else:
            members[at] = (name, change(name, content, rnd))
        file = BytesIO()
        with zipfile.ZipFile(
            file, "w", rnd.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
        ) as new:
            for name, content in members:
                new.writestr(name, content)
        return file.getvalue()

    return mutate


def npy(name: str, content: bytes, rnd: Random) -> bytes:
    """An array whose header says another shape or type, its length right; or one of other bytes."""
    if rnd.random() < 0.5:
        return rnd.choice(BYTES)(content, rnd)
    (length,) = struct.unpack_from("<H", content, 8)
    header = content[10 : 10 + length].decode("latin-1")
    shape = rnd.choice(
        (
            "()",
            "(3,)",
            "(0, 28, 28)",
            "(-1, 28, 28)",
            "(2, 28, 28)",
            "(99999999999, 28, 28)",
            "(1, 2",
            "None",
            "(2, 28, 28, 3)",
            "(True, 28, 28)",
            "(" * 200,
            "(2, 1568, 1)",
        )
    )
    kind = rnd.choice(("|u1", "<u2", "<f4", "<f8", "|O", "|b1", "<U7", "|V3", "<M8[s]", "x", "<c8", "[('a', '<i4')]"))
    changed = f"{{'descr': '{kind}', 'fortran_order': {rnd.choice(('True', 'False', '7'))}, 'shape': {shape}, }}"
    header = changed if rnd.random() < 0.8 else header.replace("shape", rnd.choice(("shap", "shape', 'x")))
    packed = header.encode("latin-1", "replace") + b"\n"
    return (
        b"\x93NUMPY"
        + rnd.choice((b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\x09\0"))
        + struct.pack("<H", len(packed))
        + packed
        + content[10 + length :]
    )


def skops(name: str, content: bytes, rnd: Random) -> bytes:
    return tree(content, rnd) if name.endswith(".json") else npy(name, content, rnd)


def tree(data: bytes, rnd: Random) -> bytes:
    """A JSON file with one value changed, or itself deep in lists."""
    value = change_a_value(json.loads(data), rnd)
    try:
        text = json.dumps(value, ensure_ascii=rnd.random() < 0.5)
    except RecursionError:
        return b"[" * 100_000 + data + b"]" * 100_000
    written = text.encode("utf-8", "surrogatepass")
    return rnd.choice((written, written, written, b"\xef\xbb\xbf" + written, text.encode("utf-16", "surrogatepass")))


def safetensors(data: bytes, rnd: Random) -> bytes:
    """The header's JSON changed, its length right."""
    (length,) = struct.unpack_from("<Q", data)
    header = tree(data[8 : 8 + length], rnd)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def csv(data: bytes, rnd: Random) -> bytes:
    """A cell, a row or the header replaced, dropped or repeated."""
    rows = [re.split(b"[,;]", line) for line in data.splitlines()]
    at = rnd.randrange(len(rows))
    cell = rnd.randrange(len(rows[at]))
    how = rnd.randrange(6)
    if how == 0:
        rows[at][cell] = rnd.choice(
            (
                b"",
                b'"',
                b'"a\nb"',
                b"nan",
                b"1e999",
                b"\xff\xfe",
                b"\0",
                b"x" * 200_000,
                b"=1+1",
                b"../..",
                b"a.png",
                "é".encode(),
                b"-1",
                b" ",
                b"train",
                b"archive.npz#train/0",
            )
        )
    elif how == 1:
        rows[at:at] = [rows[at]] * rnd.choice((1, 1000))
    elif how == 2:
        del rows[at][cell]
    elif how == 3:
        rows[0][rnd.randrange(len(rows[0]))] = rnd.choice(
            (b"path", b"label", b"", b"split", b"x", b"prob_x", b"Path", b"\xff")
        )
    elif how == 4:
        rows[at].insert(cell, rnd.choice((b"", b"a.png", b"1")))
    else:
        rnd.shuffle(rows)
    separator = b"," if rnd.random() < 0.9 else rnd.choice((b";", b"\t", b"|"))
    return rnd.choice((b"\n", b"\n", b"\r\n", b"\r", b"\n\n")).join(separator.join(row) for row in rows)


def toml(data: bytes, rnd: Random) -> bytes:
    """A line's value replaced, dropped or repeated; sections moved; tables and lists deep in one another."""
    lines = data.decode().splitlines()
    at = rnd.choice([number for number, line in enumerate(lines) if line.strip()])
    key, equals, _ = lines[at].partition(" = ")
    how = rnd.randrange(7)
    value = rnd.choice(
        (
            '""',
            "nan",
            "inf",
            "-1",
            "0",
            "1e400",
            "true",
            "[]",
            "{}",
            "1979-05-27",
            "'x'",
            "10" * 40,
            '"\\u0000"',
            "[1, [2, [3]]]",
            '"a',
            "0x7fffffffffffffff",
            "99999999",
            "-0.5",
            '["NORMAL"]',
        )
    )
    if how == 0 and equals:
        lines[at] = f"{key} = {value}"
    elif how == 1:
        lines[at:at] = [lines[at]] * rnd.choice((1, 100))
    elif how == 2:
        del lines[at]
    elif how == 3:
        depth = rnd.choice((5, 300, 3000, 100_000))
        lines[at] = f"{key} = " + "[" * depth + "]" * depth
    elif how == 4:
        depth = rnd.choice((5, 300, 3000))
        lines.append(
            rnd.choice(
                (
                    "[" + ".".join("a" * depth) + "]",
                    "x." * depth + "y = 1",
                    "z = " + "{a = " * depth + "1" + "}" * depth,
                )
            )
        )
    elif how == 5:
        lines.insert(at, rnd.choice(("[pixels]", "[[members]]", "[tune]", "x = 1", "[training.x]", "= 3", "\x00")))
    else:
        lines[at] = lines[at][: rnd.randrange(len(lines[at]) + 1)]
    return "\n".join(lines).encode()


def any_of(*mutators: Any) -> Mutator:
    """One of these, drawn."""
    return lambda data, rnd: rnd.choice(mutators)(data, rnd)


__all__ = [
    "any_of",
    "csv",
    "dicom",
    "jpeg",
    "nested",
    "npy",
    "png",
    "safetensors",
    "skops",
    "tiff",
    "toml",
    "tree",
    "zipped",
]
