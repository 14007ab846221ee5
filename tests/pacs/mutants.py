"""Data sets as nobody should send them, over the wire: each is the same for the same number, and kinds take turns."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from random import Random
from typing import NamedTuple

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.fuzz import structured
from tests.fuzz.mutators import BYTES, NUMBERS
from tests.pacs.films import CR, DX, SC, data_set, file_bytes, film, uid, without_header

CT, REPORT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.34"
PRIVATE = "1.2.840.113619.5.2"  # GE's implicit VR, big-endian with swapped pixels
CLASSES = (DX, CR, SC, CT)
SEEDS = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEG2000Lossless,
)
PROPOSALS = [(str(each), str(syntax)) for each in CLASSES for syntax in (*SEEDS, PRIVATE)]
_IDS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "PatientName",
    "Modality",
)
_BIG_BOMB = 1 << 30
_SEED, _FIRST = 1_000_000, 2_000_000  # numbers of as many digits


class Mutant(NamedTuple):
    """A data set with what its command says of it.

    Attributes:
        kind: of `KINDS`.
        sop_class: Affected SOP Class UID.
        instance: Affected SOP Instance UID.
        syntax: of the presentation context that it is sent in.
        data: the data set, whatever it is.
    """

    kind: str
    sop_class: str
    instance: str
    syntax: str
    data: bytes


def mutant(number: int, seed: int = 1) -> Mutant:
    """The mutant of a number."""
    names = list(KINDS)
    kind = names[number % len(names)]
    rnd = Random(f"{seed} {number}")
    with warnings.catch_warnings(action="ignore"):  # of values that are none
        made = KINDS[kind](rnd)._replace(kind=kind)
    mine = str(uid(3, _FIRST + number))
    return made._replace(instance=made.instance or mine, data=_renamed(made, mine.encode()))


def _renamed(made: Mutant, mine: bytes) -> bytes:
    """The data set with a SOP Instance UID of its own instead of the one that all are made of, where that is left."""
    seed = str(uid(3, _SEED)).encode()
    if made.syntax != DeflatedExplicitVRLittleEndian or made.kind == "bomb":
        return made.data.replace(seed, mine)
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflating.decompress(made.data, 1 << 20)
    except zlib.error:
        return made.data
    if inflating.unconsumed_tail or not inflating.eof:
        return made.data
    return zlib.compress(plain.replace(seed, mine), wbits=-zlib.MAX_WBITS)


def as_file(made: Mutant) -> bytes:
    """A mutant as a receiver keeps it: with a header of its own before the data set (PS3.10 7.1)."""
    elements = b""
    for element, value in ((0x02, made.sop_class), (0x03, made.instance), (0x10, made.syntax)):
        raw = value.encode()
        raw += b"\0" * (len(raw) % 2)
        elements += struct.pack("<HH2sH", 2, element, b"UI", len(raw)) + raw
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(elements)) + elements + made.data


@cache
def _file(syntax: str, sop_class: str = DX) -> bytes:
    return file_bytes(film(_SEED, syntax=syntax, sop_class=sop_class, size=(64, 56)))


def _whole(rnd: Random) -> tuple[str, bytes]:
    syntax = str(rnd.choice(SEEDS))
    return syntax, without_header(_file(syntax))


def _made(syntax: str, data: bytes, instance: str = "", sop_class: str = DX) -> Mutant:
    return Mutant("", str(sop_class), instance, str(syntax), data)


def bytes_changed(rnd: Random) -> Mutant:
    """Bits flipped, parts dropped, repeated, moved or overwritten."""
    syntax, data = _whole(rnd)
    for _ in range(rnd.choice((1, 1, 2, 4))):
        data = rnd.choice(BYTES)(data, rnd) or b"\0"
    return _made(syntax, data)


def header_changed(rnd: Random) -> Mutant:
    """The same in the first kilobyte alone, where every length and type lies."""
    syntax, data = _whole(rnd)
    return _made(syntax, rnd.choice(BYTES)(data[:1024], rnd) + data[1024:])


def value_changed(rnd: Random) -> Mutant:
    """An element of another value, none, or deep in others, written by the format's own rules."""
    syntax = str(rnd.choice(SEEDS))
    return _made(syntax, without_header(structured.dicom(_file(syntax), rnd)))


def cut(rnd: Random) -> Mutant:
    """Ended somewhere, the beginning as often as the pixels."""
    syntax, data = _whole(rnd)
    return _made(syntax, data[: rnd.randrange(rnd.choice((16, 512, len(data))))])


def lying_length(rnd: Random) -> Mutant:
    """An element that says another length than it has."""
    data = without_header(_file(ExplicitVRLittleEndian))
    short = [place for place in range(0, 600, 2) if data[place : place + 2] in (b"UI", b"LO", b"CS", b"DA", b"PN")]
    place = rnd.choice(short)
    length = struct.pack("<H", rnd.choice(NUMBERS) & 0xFFFF)
    return _made(ExplicitVRLittleEndian, data[: place + 2] + length + data[place + 4 :])


def lying_pixels(rnd: Random) -> Mutant:
    """Pixel data that say another length than they have: none, gigabytes, or undefined where it is not."""
    data = without_header(_file(ExplicitVRLittleEndian))
    place = data.index(b"\xe0\x7f\x10\x00OW") + 8
    return _made(ExplicitVRLittleEndian, data[:place] + struct.pack("<I", rnd.choice(NUMBERS)) + data[place + 4 :])


def wrong_type(rnd: Random) -> Mutant:
    """An element of another type of value than the dictionary gives it, or of one that is none."""
    data = without_header(_file(ExplicitVRLittleEndian))
    places = [place for place in range(4, 700, 2) if data[place : place + 2] in (b"UI", b"LO", b"CS", b"US", b"SH")]
    place = rnd.choice(places)
    kind = rnd.choice((b"SQ", b"UN", b"OB", b"US", b"FD", b"AT", b"UL", b"PN", b"ZZ", b"\0\0", b"??"))
    return _made(ExplicitVRLittleEndian, data[:place] + kind + data[place + 2 :])


def deep(rnd: Random) -> Mutant:
    """Sequences in sequences, thousands of them, closed or not."""
    data = without_header(_file(ExplicitVRLittleEndian))
    depth = rnd.choice((3, 63, 65, 900, 20_000))
    sequence = b"\x08\x00\x10\x11SQ\0\0" + b"\xff" * 4  # Referenced Study Sequence, without a length
    item = b"\xfe\xff\x00\xe0" + b"\xff" * 4
    ends = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    opened = (sequence + item) * depth
    place = data.index(b"\x08\x00\x60\x00CS") if rnd.random() < 0.5 else data.index(b"\x10\x00\x10\x00PN")
    return _made(
        ExplicitVRLittleEndian,
        data[:place] + opened + ends * (depth if rnd.random() < 0.7 else depth - 1) + data[place:],
    )


def many(rnd: Random) -> Mutant:
    """Tens of thousands of elements, or items, or fragments of nothing."""
    count = rnd.choice((1_000, 50_000, 300_000))
    if rnd.random() < 0.5:
        private = b"".join(
            struct.pack("<HH2sH", 9, number & 0xFFFF, b"LO", 0) for number in range(min(count, 65_536))
        )
        data = without_header(_file(ExplicitVRLittleEndian))
        place = data.index(b"\x10\x00\x10\x00PN")
        return _made(ExplicitVRLittleEndian, data[:place] + private + data[place:])
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0" * count
    data = without_header(_file(RLELossless))
    place = data.index(b"\xe0\x7f\x10\x00OB") + 12
    return _made(RLELossless, data[:place] + fragments + data[place:])


def huge(rnd: Random) -> Mutant:
    """Rows, columns, frames, bits or samples of another world, the pixels as they were."""
    keyword = rnd.choice(("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "SamplesPerPixel", "BitsStored"))
    value = rnd.choice((0, 1, 2, 17, 255, 4096, 65_535) + ((2**31 - 1,) if keyword == "NumberOfFrames" else ()))
    syntax = str(rnd.choice(SEEDS))
    both = {"Rows": 65_535, "Columns": 65_535} if rnd.random() < 0.3 else {}
    ds = film(_SEED, syntax=syntax, size=(64, 56))
    for name, number in {**both, keyword: value}.items():
        setattr(ds, name, number)
    return _made(syntax, data_set(ds))


def missing(rnd: Random) -> Mutant:
    """Without some of what tells films and patients apart, or with it empty."""
    ds = film(_SEED, size=(64, 56))
    for keyword in rnd.sample(_IDS, rnd.choice((1, 1, 2, len(_IDS)))):
        if rnd.random() < 0.5:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, "")
    return _made(ExplicitVRLittleEndian, data_set(ds))


def wrong_uid(rnd: Random) -> Mutant:
    """A UID that is a path, a command, too long, or another one than the command says."""
    wrong = rnd.choice(
        (
            "../../etc/passwd",
            "/dev/null",
            "1.2.3/4",
            "a" * 64,
            "1." * 40 + "1",
            "",
            "1.2\0.3",
            "-1.2",
            "$(id)",
            "1..2",
            "é",
        )
    )
    data = without_header(_file(ImplicitVRLittleEndian))
    place = data.index(b"\x08\x00\x18\x00") + 4
    (length,) = struct.unpack_from("<I", data, place)
    raw = wrong.encode()
    raw += b"\0" * (len(raw) % 2)
    changed = data[:place] + struct.pack("<I", len(raw)) + raw + data[place + 4 + length :]
    said = wrong if rnd.random() < 0.5 else str(uid(9, 0))
    return _made(ImplicitVRLittleEndian, changed if rnd.random() < 0.8 else data, said[:64] or "1.2")


def other_syntax(rnd: Random) -> Mutant:
    """Encoded in another way than its presentation context says, or in a private one."""
    _, data = _whole(rnd)
    return _made(rnd.choice((*SEEDS, UID(PRIVATE))), data)


def other_class(rnd: Random) -> Mutant:
    """Called something else by its command than by its data set."""
    syntax = str(rnd.choice(SEEDS))
    return _made(syntax, without_header(_file(syntax, rnd.choice((DX, CR, SC)))), sop_class=rnd.choice(CLASSES))


def bomb(rnd: Random) -> Mutant:
    """A deflated data set of a gigabyte, a megabyte on the wire; or one that lies about what it is."""
    return _made(DeflatedExplicitVRLittleEndian, _bomb(rnd.choice(("pixels", "private", "cut", "twice"))))


@cache
def _bomb(kind: str) -> bytes:
    plain = without_header(_file(ExplicitVRLittleEndian))
    place = plain.index(b"\xe0\x7f\x10\x00OW") if kind != "private" else plain.index(b"\x10\x00\x10\x00PN")
    tag = b"\xe0\x7f\x10\x00OW\0\0" if kind != "private" else b"\x09\x00\x10\x10UN\0\0"
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    start = packing.compress(plain[:place] + tag + struct.pack("<I", _BIG_BOMB)) + packing.flush(zlib.Z_FULL_FLUSH)
    mebibyte = packing.compress(bytes(1 << 20)) + packing.flush(
        zlib.Z_FULL_FLUSH
    )  # after which nothing is referred to
    data = start + mebibyte * (_BIG_BOMB >> 20) + packing.flush()
    return data[: len(data) // 2] if kind == "cut" else data + data if kind == "twice" else data


def picture_bomb(rnd: Random) -> Mutant:
    """A compressed picture that says it has 65,535 × 65,535 pixels, in a film that says the same or not."""
    ds = film(_SEED, syntax=JPEGBaseline8Bit, size=(64, 56))
    data = ds.PixelData
    place = data.index(b"\xff\xc0")  # SOF0 (ITU-T T.81, B.2.2): length, precision, height, width
    ds.PixelData = data[: place + 5] + b"\xff\xff\xff\xff" + data[place + 9 :]
    if rnd.random() < 0.5:
        ds.Rows = ds.Columns = 65_535
    return _made(JPEGBaseline8Bit, data_set(ds))


def nothing(rnd: Random) -> Mutant:
    """No data set at all, noise, or text."""
    return _made(
        ExplicitVRLittleEndian,
        rnd.choice((b"", b"\0", b"\0" * 4096, rnd.randbytes(rnd.choice((7, 5000))), b"<html>" * 100, b"\xff" * 999)),
    )


def text_changed(rnd: Random) -> Mutant:
    """Texts that are no text in their character set, or that a line or a page would take for its own."""
    words = rnd.choice(
        (
            b"\x1b$B\xff\xff",
            b"\xff\xfe\xfd",
            b"\r\nStatus: 0",
            b"<script>",
            b"{}%s%n",
            b"\x00\x00",
            b"\\" * 60,
            b"=^=^=",
        )
    )
    charset = rnd.choice(("ISO_IR 192", "GB18030", ["", "ISO 2022 IR 87"], "NONSENSE", ["", "", ""], "ISO_IR 13"))
    ds = film(_SEED, syntax=ImplicitVRLittleEndian, size=(64, 56), SpecificCharacterSet="ISO_IR 100")
    mark = "MARKMARK"
    for keyword in ("PatientName", "PatientID", "StationName", "ViewPosition", "BodyPartExamined", "PatientAge"):
        if rnd.random() < 0.5:
            setattr(ds, keyword, mark[: 4 if keyword == "PatientAge" else 8])
    data = data_set(ds).replace(mark.encode(), words.ljust(8)[:8])
    named = "\\".join(charset) if isinstance(charset, list) else charset
    raw = named.encode() + b" " * (len(named) % 2)
    return _made(
        ImplicitVRLittleEndian,
        data.replace(b"\x0a\0\0\0ISO_IR 100", struct.pack("<I", len(raw)) + raw, 1),
    )


KINDS: dict[str, Callable[[Random], Mutant]] = {
    each.__name__.replace("_", " "): each
    for each in (
        bytes_changed,
        header_changed,
        value_changed,
        cut,
        lying_length,
        lying_pixels,
        wrong_type,
        deep,
        many,
        huge,
        missing,
        wrong_uid,
        other_syntax,
        other_class,
        bomb,
        picture_bomb,
        nothing,
        text_changed,
    )
}
RARE = {"bomb": 20, "many": 5}  # of so many turns one is taken: they cost seconds where others cost milliseconds


def numbers(count: int) -> list[int]:
    """So many numbers of mutants, in which expensive kinds come up less often."""
    found: list[int] = []
    names, number = list(KINDS), 0
    while len(found) < count:
        turn, place = divmod(number, len(names))
        if (turn + 1) % RARE.get(names[place], 1) == 0:
            found.append(number)
        number += 1
    return found
