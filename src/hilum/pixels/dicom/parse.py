"""A DICOM file's bytes as a data set, also where the file's header is missing or says what the bytes are not."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hilum.errors import FilmError
from hilum.pixels.bounds import CountedBytes, inflate

if TYPE_CHECKING:
    from pydicom import Dataset

DEFLATED = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_DECLARED = {_BIG_ENDIAN: "big-endian", DEFLATED: "deflated"}
_MAX_VALUE = 1 << 20  # bytes of numbers or of a lookup table, which pydicom makes objects of one by one
_PIXEL_DATA = 0x7FE00010
_FIRST_PIXEL_DATA = 0x7FE00008  # of floating-point numbers, and then of whole ones (PS3.6)
_END_OF_ITEMS = b"\xfe\xff\xdd\xe0\0\0\0\0"  # (PS3.5, A.4), little-endian
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UC", b"UR", b"UT", b"SV", b"UV")


_TABLES = ("ModalityLUTSequence", "VOILUTSequence")
_NUMBERS_AND_NAMES = b"AE AS AT CS DA DS DT FD FL IS LO PN SH SL SS TM UI UL US".split()


class Parsed(NamedTuple):
    """A DICOM file.

    Attributes:
        ds: its data set.
        syntax: the UID of its transfer syntax; empty if it names none.
        sop_class: Media Storage SOP Class UID of the file's header; empty if there is none.
        little_endian: the order of bytes in its words.
    """

    ds: Dataset
    syntax: str
    sop_class: str
    little_endian: bool


class _Located(NamedTuple):
    """Where pydicom is to read a data set; `force` where it begins without a file's header."""

    data: bytes
    force: bool
    syntax: str
    sop_class: str


def parse(path: str, data: bytes, remarks: list[str]) -> Parsed:
    """Read the data set.

    A file without its header of 128 bytes and `DICM`, without its meta information, or with a transfer syntax that
    the data set does not follow (another order of bytes, not deflated) is read by what its first element shows.

    Raises:
        FilmError: it would take more memory than a film can.
        Exception: what pydicom raises of a damaged file.
    """
    data, force, syntax, sop_class = _located(path, data, remarks)
    ds = _data_set(path, data, force)
    if "PixelData" not in ds:
        ended = _data_set(path, data + _END_OF_ITEMS, force)
        if "PixelData" in ended:
            ds = ended
            remarks.append("its pixel data has no end, and was read up to the end of the file")
    _refuse_heavy(path, ds)
    return Parsed(ds, syntax, sop_class, ds.original_encoding[1] is not False)


def parse_head(path: str, data: bytes) -> tuple[Dataset, bool]:
    """Read the elements before the pixel data, from a file whose end may be missing.

    Returns:
        Them, and whether they are all: whether a pixel data element or what stands behind it was come upon.

    Raises:
        FilmError: as for `parse`.
        Exception: likewise.
    """
    reached = False

    def stop(tag: int, *_: object) -> bool:
        nonlocal reached
        reached = tag >= _FIRST_PIXEL_DATA
        return reached

    data, force, *_ = _located(path, data, [])
    return _data_set(path, data, force, stop), reached


def _located(path: str, data: bytes, remarks: list[str]) -> _Located:
    has_header = data[128:132] == b"DICM"
    start = 132 if has_header else 4 if data[:4] == b"DICM" else 0
    elements, body = _meta(data, start)
    syntax, sop_class = elements.get(0x10, ""), elements.get(0x02, "")
    if not has_header:
        remarks.append("it has no file header (PS3.10); it was read by its data set")
    elif not syntax:
        remarks.append("it names no transfer syntax; it was read by its data set")
    inflated = _inflated(path, data, body, syntax)
    found = byte_order(data[body : body + 4]) if inflated is None else "deflated"
    declared = _DECLARED.get(syntax, "little-endian")
    if syntax and found and found != declared:
        remarks.append(f"its data set is {found}, its transfer syntax says {declared}")
    as_declared = has_header and syntax and found in ("", declared) and inflated is None
    if not as_declared:
        data = data[body:] if inflated is None else inflated
    return _Located(data, not as_declared, syntax, sop_class)


def _behind_pixels(tag: int, *_: object) -> bool:
    return tag > _PIXEL_DATA


def _data_set(path: str, data: bytes, force: bool, stop: Callable[..., bool] = _behind_pixels) -> Dataset:
    """A data set up to its pixel data: what lies behind them, rubbish too, is no part of the film."""
    from pydicom.filereader import read_partial

    return read_partial(CountedBytes(path, data), stop_when=stop, force=force)


def _meta(data: bytes, start: int) -> tuple[dict[int, str], int]:
    """Group 2 as text by element number, and where the data set begins (PS3.10, 7.1: explicit VR, little-endian).

    By its elements and not by its group length, which is often wrong.
    """
    found: dict[int, str] = {}
    place = start
    while data[place : place + 2] == b"\x02\x00" and len(data) >= place + 12:
        number = int.from_bytes(data[place + 2 : place + 4], "little")
        if data[place + 4 : place + 6] in _LONG:
            head, length = 12, int.from_bytes(data[place + 8 : place + 12], "little")
        elif data[place + 4 : place + 6].isalpha():
            head, length = 8, int.from_bytes(data[place + 6 : place + 8], "little")
        else:  # written with implicit VR
            head, length = 8, int.from_bytes(data[place + 4 : place + 8], "little")
        if number in (0x02, 0x10):
            found[number] = data[place + head : place + head + length].decode("latin-1").strip("\0 ")
        place += head + length
    return found, min(place, len(data))


def _refuse_heavy(path: str, ds: Dataset) -> None:
    """Refuse elements whose values would take gigabytes, before any is asked for."""
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    tags = ds.keys()
    for tag in tags:
        length = len(getattr(ds.get_item(tag), "value", None) or b"")
        if length <= _MAX_VALUE:
            continue
        keyword = keyword_for_tag(tag)
        kind = dictionary_VR(tag) if keyword else "UN"
        if kind.encode() in _NUMBERS_AND_NAMES or keyword in _TABLES:
            raise FilmError(
                path, f"its {keyword} holds {length >> 20:,} MiB, the limit is {_MAX_VALUE >> 20}; export it again"
            )


def byte_order(tag: bytes) -> str:
    """The order of bytes in a data set that starts with this tag; empty if it is none that a film starts with."""
    if len(tag) < 4:
        return ""
    little, big = (struct.unpack(order + "H", tag[:2])[0] for order in "<>")
    if min(little, big) not in range(1, 0x80):
        return ""
    return "big-endian" if big < little else "little-endian"


def _inflated(path: str, data: bytes, body: int, syntax: str) -> bytes | None:
    """The data set of a deflated file, also of one that does not say so; None if it is not deflated.

    Raises:
        FilmError: it is more than a film can have.
    """
    if syntax != DEFLATED and (not syntax or byte_order(data[body : body + 4])):
        return None
    try:
        begins = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[body : body + 4096], 64)
        if not byte_order(begins[:4]):
            return None
        return inflate(path, data[body:])
    except zlib.error:
        return None
