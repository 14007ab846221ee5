"""What a picture's own header says of its size, read before any decoder sees the file; a header is a claim."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from hilum.pixels import jpeg2000

_MARKER = re.compile(
    rb"\xff+[^\xff\x00\xd0-\xd7]"
)  # of JPEG, between coded data: neither a stuffed byte nor a restart
_FEW = 40  # scans: about ten are usual
_SIZE_OF_TYPE = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 322, 323


class Announced(NamedTuple):
    """What a header announces.

    Attributes:
        width: in pixels.
        height: in pixels.
        channels: of a pixel; 4 where transparency may be laid over 3.
        bits: of a channel.
        scans: how often a decoder goes over the whole picture.
        extra: bytes that a decoder takes beside the pixels.
    """

    width: int
    height: int
    channels: int = 1
    bits: int = 8
    scans: int = 1
    extra: int = 0


def announced_by(data: bytes) -> Announced | None:
    """Read the claim of a JPEG, PNG, TIFF, BMP, WebP or JPEG 2000 picture.

    Returns:
        The claim; None if it is none of these, or its header is cut off or damaged: no decoder reads those.

    >>> announced_by(b"\\x89PNG\\r\\n\\x1a\\n\\0\\0\\0\\rIHDR" + bytes([0, 0, 2, 0, 0, 0, 1, 0, 16, 0]))
    Announced(width=512, height=256, channels=1, bits=16, scans=1, extra=0)
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"\x89PNG"):
            return _png(data)
        if data.startswith((b"II", b"MM")):
            return _tiff(data)
        if data.startswith(b"BM"):
            return _bmp(data)
        if data.startswith(b"RIFF"):
            return _webp(data)
        if jpeg2000.is_one(data):
            size = jpeg2000.size_of(data)
            return Announced(size.width, size.height, size.components, size.bits, extra=jpeg2000.extra_bytes(data))
    except (struct.error, IndexError, ValueError):
        pass
    return None


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a JPEG (ITU-T T.81, B.1.1), each with its marker's second byte, up to the end of the image."""
    place = 2
    while found := _MARKER.search(data, place):
        marker = data[found.end() - 1]
        if marker == 0xD9:
            return
        place = found.end()
        if marker in (0x01, 0xD8):
            continue
        (length,) = struct.unpack_from(">H", data, place)
        yield marker, data[place + 2 : place + length]
        place += max(length, 2)


def _jpeg(data: bytes) -> Announced | None:
    """Of several frame headers the largest: decoders differ in which one they take.

    A sequential frame with all its components in the first scan has no other. Of other frames the marker of a scan is
    counted wherever its two bytes occur, and exactly only where that is often.
    """
    width = height = channels = bits = 0
    sequential = False
    for marker, segment in jpeg_segments(data):
        if marker == 0xDA:
            if sequential and segment[0] == channels:
                return Announced(width, height, channels, bits) if width else None
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            depth, rows, columns, samples = struct.unpack_from(">BHHB", segment)
            sequential = marker in (0xC0, 0xC1, 0xC3)
            width, height = max(width, columns), max(height, rows)
            channels, bits = max(channels, samples), max(bits, depth)
    scans = data.count(b"\xff\xda")
    if scans > _FEW:
        scans = sum(marker == 0xDA for marker, _ in jpeg_segments(data))
    return Announced(width, height, channels, bits, scans) if width else None


def _png(data: bytes) -> Announced:
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    channels = {0: 1, 2: 3, 3: 4, 4: 2, 6: 4}.get(colour, 4)  # a palette may have transparent colours
    return Announced(width, height, channels, bits)


def _bmp(data: bytes) -> Announced:
    (length,) = struct.unpack_from("<I", data, 14)
    if length == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
    return Announced(abs(width), abs(height), 4 if bits == 32 else 3)


def _webp(data: bytes) -> Announced:
    """RFC 9649: the canvas of the extended format; else the size of the one picture."""
    form = data[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif form == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        width, height = (number & 0x3FFF for number in struct.unpack_from("<HH", data, 26))
    return Announced(width, height, 4)


def _tiff(data: bytes) -> Announced | None:
    """TIFF 6.0, section 2, and BigTIFF: the first image.

    Its tags may all claim the whole file as their values, each in a copy of its own; and a decoder takes a whole
    tile at a time, which may be larger than the picture.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    count_form, entry, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + count_form, data, start)
    place = start + struct.calcsize(order + count_form)
    tags: dict[int, int] = {}
    values = 0
    for number in range(min(count, (len(data) - place) // entry)):
        at = place + number * entry
        tag, kind = struct.unpack_from(order + "HH", data, at)
        (length,) = struct.unpack_from(order + ("Q" if big else "I"), data, at + 4)
        size = _SIZE_OF_TYPE.get(kind, 0) * length
        values += size if size <= len(data) else 0
        if size <= inline and length:
            form = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
            if form:
                (tags[tag],) = struct.unpack_from(order + form, data, at + (12 if big else 8))
        elif tag == _BITS and kind == 3:
            (where,) = struct.unpack_from(order + ("Q" if big else "I"), data, at + (12 if big else 8))
            (tags[tag],) = struct.unpack_from(order + "H", data, where)
    if _WIDTH not in tags or _HEIGHT not in tags:
        return None
    width, height = tags[_WIDTH], tags[_HEIGHT]
    channels, bits = max(1, tags.get(_SAMPLES, 1)), max(1, tags.get(_BITS, 8))
    tile = tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0) * channels * bits // 8
    return Announced(width, height, channels, bits, extra=tile + values)
