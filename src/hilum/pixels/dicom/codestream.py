"""What compressed pixel data is, by its own first bytes, and the size and depth that it announces.

A file's transfer syntax is a claim about them; archives and converters change the one and forget the other.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

JPEG, JPEG_LOSSLESS, JPEG_LS, JPEG_2000, RLE = "JPEG", "lossless JPEG", "JPEG-LS", "JPEG 2000", "RLE"

_MOST_TILES = 65_535  # that a codestream can number; more are a claim on memory, refused as one
_FRAMES = {0xC0: JPEG, 0xC1: JPEG, 0xC2: JPEG, 0xC3: JPEG_LOSSLESS, 0xF7: JPEG_LS}
_OTHER_FRAMES = {*range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_OTHERS = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\x01\xb3", "MPEG-2 video"),
    (b"\0\0\0\x01", "H.264 or H.265 video"),
    (b"\x89PNG", "PNG"),
)


class Codestream(NamedTuple):
    """One compressed frame, as its own header describes it.

    Attributes:
        kind: `JPEG` (with losses), `lossless JPEG`, `JPEG-LS`, `JPEG 2000` (high-throughput too), `RLE`; or a kind
            that Hilum does not decode; empty if the bytes are none of these.
        shape: height and width in pixels; None for RLE, which does not say.
        bits: bits of a sample; for RLE the number of segments times 8, of all samples together.
        samples: samples of a pixel; 0 for RLE.
        signed: whether its samples are.
        cut: whether its last part is shorter than it says.
    """

    kind: str
    shape: tuple[int, int] | None = None
    bits: int = 0
    samples: int = 0
    signed: bool = False
    cut: bool = False


def recognise(data: bytes) -> Codestream:
    """Read the header of a compressed frame.

    >>> recognise(bytes.fromhex("ffd8ffc0000b080200014001011100"))
    Codestream(kind='JPEG', shape=(512, 320), bits=8, samples=1, signed=False, cut=False)
    """
    try:
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data.startswith(b"\xff\x4f\xff\x51"):
            return _jpeg_2000(data, 0)
        if data.startswith((b"\0\0\0\x0cjP  ", b"\0\0\0\x0cjP\x1a\x1a")):
            start = data.find(b"\xff\x4f\xff\x51")  # the codestream in its box (ISO/IEC 15444-1, annex I)
            return _jpeg_2000(data, start) if start >= 0 else Codestream(JPEG_2000, cut=True)
    except struct.error:
        return Codestream(JPEG_2000 if data[:2] != b"\xff\xd8" else JPEG, cut=True)
    for signature, kind in _OTHERS:
        if data.startswith(signature):
            return Codestream(kind)
    segments = _rle_segments(data)
    return Codestream(RLE, bits=8 * segments) if segments else Codestream("")


def _jpeg(data: bytes) -> Codestream:
    """ITU-T T.81, annex B, and T.87, annex C: the markers up to the frame header."""
    place = 2
    while True:
        while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] == b"\xff":
            place += 1  # fill bytes
        lead, marker, length = struct.unpack_from(">BBH", data, place)
        if lead != 0xFF or marker in (0xD9, 0xDA) or length < 2:
            return Codestream(JPEG, cut=True)  # the scan, or no marker, before any frame header
        if marker in _FRAMES or marker in _OTHER_FRAMES:
            bits, height, width, samples = struct.unpack_from(">BHHB", data, place + 4)
            kind = _FRAMES.get(marker, "JPEG with arithmetic or hierarchical coding")
            return Codestream(kind, (height, width), bits, samples)
        place += 2 + length


def _jpeg_2000(data: bytes, start: int) -> Codestream:
    """ISO/IEC 15444-1, annex A.5.1 (SIZ), and the lengths of the tile-parts (A.4.2)."""
    right, bottom, left, top = struct.unpack_from(">IIII", data, start + 8)
    across, down, tiles_left, tiles_top = struct.unpack_from(">IIII", data, start + 24)
    (samples, depth) = struct.unpack_from(">HB", data, start + 40)
    tiles = -(-(right - tiles_left) // max(across, 1)) * -(-(bottom - tiles_top) // max(down, 1))
    cut, place, found = False, start + 2, set()
    try:
        while data[place] == 0xFF and data[place + 1] != 0x90:  # the main header's other segments
            place += 2 + struct.unpack_from(">H", data, place + 2)[0]
        while data[place] == 0xFF and data[place + 1] == 0x90:
            tile, length = struct.unpack_from(">HI", data, place + 4)
            found.add(tile)
            if length < 14:  # 0: up to the end; anything else is damaged
                place = len(data)
                break
            place += length
        cut = place > len(data) or len(found) < tiles <= _MOST_TILES  # a decoder leaves missing tiles black
    except (struct.error, IndexError):
        cut = place != len(data)  # the end marker alone may be missing
    return Codestream(
        JPEG_2000, (max(bottom - top, 0), max(right - left, 0)), (depth & 0x7F) + 1, samples, depth >= 0x80, cut
    )


def _rle_segments(data: bytes) -> int:
    """The number of segments if these bytes start with the header of an RLE frame (PS3.5, G.5); else 0."""
    if len(data) < 66:
        return 0
    count, *offsets = struct.unpack_from("<16I", data)
    used, unused = offsets[:count], offsets[count:]
    fits = 1 <= count <= 15 and used[0] == 64 and used == sorted(used) and used[-1] < len(data) and not any(unused)
    return count if fits else 0
