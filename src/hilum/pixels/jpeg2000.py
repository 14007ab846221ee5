"""The main header of a JPEG 2000 codestream (ISO/IEC 15444-1, annex A): its size, and what decoding it would take."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_BOX = (b"\0\0\0\x0cjP  ", b"\0\0\0\x0cjP\x1a\x1a")
_START = b"\xff\x4f\xff\x51"
_SIZ, _COD, _COC, _SOT, _SOD = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93
# OpenJPEG's own structures, in bytes, as measured: of a tile, a component of a tile, a precinct, a code-block.
_TILE, _COMPONENT, _PRECINCT, _BLOCK = 6_000, 1_500, 500, 400


class Size(NamedTuple):
    """What the SIZ segment says (A.5.1).

    Attributes:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        components: of a pixel.
        bits: of the first component.
        tiles: that the picture is cut into.
    """

    width: int
    height: int
    components: int
    bits: int
    tiles: int


def is_one(data: bytes) -> bool:
    """Whether data is a codestream, or a file (JP2) with one in a box."""
    return data.startswith((*_BOX, _START))


def size_of(data: bytes) -> Size:
    """Read the SIZ segment.

    Raises:
        struct.error, ValueError: it is cut off or damaged.
    """
    start = _codestream(data)
    right, bottom, left, top, across, down, tiles_left, tiles_top = struct.unpack_from(">8I", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    if not (across and down and right > left and bottom > top):
        raise ValueError("no size")
    columns, rows = -(-(right - tiles_left) // across), -(-(bottom - tiles_top) // down)
    return Size(right - left, bottom - top, components, (depth & 0x7F) + 1, max(columns, 0) * max(rows, 0))


def extra_bytes(data: bytes) -> int:
    """Estimate what OpenJPEG takes beside the pixels: for tiles, precincts, code-blocks, and packets of each layer.

    Pictures from ordinary writers have few of them; a header of a hundred bytes can ask for one of each a pixel.

    Raises:
        struct.error, ValueError: the header is cut off or damaged.
    """
    size = size_of(data)
    per_tile = size.tiles * (_TILE + size.components * _COMPONENT)
    layers, coded = 1, 0
    for marker, segment in _segments(data, _codestream(data) + 2):
        if marker == _COD:
            layers = max(layers, struct.unpack_from(">H", segment, 2)[0])
            coded = max(coded, _structures(size, segment[0], segment[5:], layers))
        elif marker == _COC:
            wide = 2 if size.components > 256 else 1
            coded = max(coded, _structures(size, segment[wide], segment[wide + 1 :], layers))
    return per_tile + coded * size.components


def _structures(size: Size, style: int, coding: bytes, layers: int) -> int:
    """Bytes of one component's precincts, code-blocks and packets (A.6.1, B.6, B.7)."""
    levels, block_width, block_height = coding[0], (coding[1] & 15) + 2, (coding[2] & 15) + 2
    precincts = blocks = most = 0
    for level in range(min(levels, 32) + 1):
        place = 5 + level
        packed = coding[place] if style & 1 and place < len(coding) else 0xFF
        # The smallest resolution comes first.
        width, height = (-(-side // (1 << (levels - level))) for side in (size.width, size.height))
        across, down = packed & 15, packed >> 4
        here = -(-width // (1 << across)) * -(-height // (1 << down))
        block = 1 << (min(block_width, across) + min(block_height, down))
        precincts, blocks, most = precincts + here, blocks + -(-width * height // block), max(most, here)
    packets = 2 * layers * (levels + 1) * most
    return precincts * 3 * _PRECINCT + blocks * _BLOCK + packets


def _codestream(data: bytes) -> int:
    """Where the codestream begins: at once, or in the box `jp2c` (annex I)."""
    if data.startswith(_START):
        return 0
    place = 0
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, place + 8)
            head = 16
        if kind == b"jp2c":
            return place + head
        if length < head:
            break
        place += length
    raise ValueError("no codestream")


def _segments(data: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """The segments of the main header and of the tile-parts' headers."""
    while place + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, place)
        if marker == _SOT:
            part, tile_part = place, struct.unpack_from(">I", data, place + 6)[0]
        elif marker == _SOD:
            if tile_part < 14:
                return
            place = part + tile_part
            continue
        elif marker < 0xFF00 or length < 2:
            return
        yield marker, data[place + 4 : place + 2 + length]
        place += 2 + length
