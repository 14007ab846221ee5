"""JPEG and PNG files without what lies around their pixels: comments, profiles, previews, text and further pictures.

A decoder reads all of it first, and gives up a sound film for a profile that is damaged or longer than it allows.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

_MARKER = re.compile(rb"\xff+([\x01-\xfe])", re.DOTALL)
_TABLES_OR_FRAME = re.compile(rb"\xff[\xdb\xc0-\xc2\xc4\xdd\xee\xe0](?!\xff)", re.DOTALL)
_KEPT_APPLICATIONS = (0xE0, 0xEE)  # JFIF and Adobe: they name the colours
_COMMENT, _SCAN, _EXIF, _INDEX = 0xFE, 0xDA, 0xE1, 0xE2
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
_ORIENTATION = 0x0112
_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


class Bare(NamedTuple):
    """A picture's own bytes.

    Attributes:
        data: the file without the rest.
        orientation: of EXIF or XMP (CIPA DC-008, 4.6.4), 1 to 8; 1 where there is none that can be read.
        several: whether further pictures lie in the file; only the first is in `data`.
    """

    data: bytes
    orientation: int = 1
    several: bool = False


def bare_jpeg(data: bytes) -> Bare:
    """The tables, the frame and the scans of a JPEG (ITU-T T.81, annex B); what is no JPEG comes back as it is.

    A segment whose length is wrong leads nowhere: the next table or frame after its marker goes on.
    """
    kept, place, orientation, indexed = [data[:2]], 2, 0, False
    while True:
        found = _MARKER.match(data, place)
        if not found or found.end() + 2 > len(data):
            return Bare(data)
        marker, begin = found[1][0], found.end()
        if marker == _SCAN:
            break
        end = begin + struct.unpack_from(">H", data, begin)[0]
        application = 0xE0 <= marker <= 0xEF or marker == _COMMENT
        if data[end : end + 1] != b"\xff" or end < begin + 2:
            resumed = _TABLES_OR_FRAME.search(data, begin)
            if not application or not resumed:
                return Bare(data)
            place = resumed.start()
            continue
        content = data[begin + 2 : end]
        if not application or marker in _KEPT_APPLICATIONS:
            kept.append(data[place:end])
        elif marker == _EXIF:
            orientation = orientation or orientation_in(content)
        elif marker == _INDEX and content.startswith(b"MPF\0"):
            indexed = True
        place = end
    first = data.find(b"\xff\xd9", place)
    several = indexed and first >= 0 and data.find(b"\xff\xd8\xff", first) >= 0
    kept.append(data[place : first + 2] if several else data[place:])
    return Bare(b"".join(kept), orientation or 1, several)


def bare_png(data: bytes) -> Bare:
    """The chunks of a PNG (third edition) that make its default image; from a damaged one on, the file as it is."""
    kept, place, orientation, several = [data[:8]], 8, 1, False
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data) or not name.isalpha():
            break
        content = data[place + 8 : end - 4]
        if name in _CHUNKS:
            kept.append(data[place:end])
        elif name == b"eXIf":
            orientation = orientation_in(content) or 1
        elif name == b"acTL" and length == 8:
            several = int.from_bytes(content[:4], "big") > 1
        elif name[:1].isupper():  # critical and unknown: a decoder has to say so
            break
        place = end
        if name == b"IEND":
            return Bare(b"".join(kept), orientation, several)
    return Bare(b"".join([*kept, data[place:]]), orientation, several)


def orientation_in(content: bytes) -> int:
    """The orientation (CIPA DC-008, 4.6.4), 1 to 8, from EXIF or XMP.

    0 where there is none that can be read: every viewer shows pixels as they are then.
    """
    if found := _XMP_ORIENTATION.search(content):
        return int(found[1])
    from PIL.Image import Exif

    exif = Exif()
    try:
        exif.load(content)
        orientation = int(exif.get(_ORIENTATION, 0))
    except Exception:  # damaged next to intact pixels
        return 0
    return orientation if 1 <= orientation <= 8 else 0
