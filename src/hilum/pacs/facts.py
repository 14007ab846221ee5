"""What a DICOM file says of itself, read without its pixels being decoded and without pydicom.

Hundreds of films a minute come in here, from anybody who may send: this reads the top level of a data set in a
bounded time, and what it cannot read it refuses.
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import BinaryIO

from msgspec import structs

from hilum.errors import FilmError
from hilum.files import open_regular
from hilum.pacs.data_set import DataSetError, Element, ElementReader, Inflated, is_vr
from hilum.pacs.identity import is_uid
from hilum.pacs.records import FilmFacts
from hilum.pixels.bounds import MAX_INFLATED
from hilum.pixels.decode import without_warnings
from hilum.pixels.dicom.parse import DEFLATED, byte_order
from hilum.records.ages import known_age
from hilum.records.text import one_line

_PIXEL_DATA, _CHARACTER_SET, _IMAGE_TYPE = 0x7FE00010, 0x00080005, 0x00080008
_MEDIA_CLASS, _SYNTAX = 0x00020002, 0x00020010
_MOST_BYTES = 1024  # of a text; what is longer is no such text, and its beginning will do
_TEXTS = {
    0x00080016: "sop_class",
    0x00080018: "instance",
    0x0020000D: "study",
    0x0020000E: "series",
    0x00100020: "patient",
    0x00080060: "modality",
    0x00080070: "manufacturer",
    0x00081010: "station",
    0x00180015: "body_part",
    0x00185101: "view",
    0x00101010: "age",
    0x00080068: "intent",
    0x00100010: "name",
    0x00200020: "orientation",
}
_DATES = {0x00100030: "born", 0x00080020: "study", 0x00080022: "acquisition", 0x00080023: "content"}
_DESCRIBED = (0x0008103E, 0x00181030, 0x00181400)  # Series Description, Protocol Name, and how a machine calls it
_QUALITY_CONTROL = (0x00100200, 0x00280300)  # Subject, Image
_CODES = (0x00082218, 0x00540220)  # Anatomic Region Sequence, View Code Sequence
_CODE, _MEANING = 0x00080100, 0x00080104
_NUMBERS = {0x00280010: "rows", 0x00280011: "columns", 0x00280008: "frames"}
_WANTED = frozenset((*_TEXTS, *_DATES, *_DESCRIBED, *_QUALITY_CONTROL, *_NUMBERS, _CHARACTER_SET, _IMAGE_TYPE))
_UIDS = {"sop_class": "SOP Class", "instance": "SOP Instance", "study": "Study Instance", "series": "Series Instance"}


def read_facts(path: str | os.PathLike[str]) -> FilmFacts:
    """Read what a DICOM file says of itself.

    Args:
        path: a DICOM file (PS3.10), or a data set alone.

    Raises:
        FilmError: it is no DICOM, is cut off or damaged, has no SOP Instance UID, or a UID that is none.
        OSError: it cannot be opened or read.
    """
    name = os.fspath(path)
    with open_regular(path) as file:
        try:
            return _facts(name, file, os.fstat(file.fileno()).st_size)
        except DataSetError as error:
            raise FilmError(name, f"a DICOM {error}; fetch it again from its source") from None


def _facts(name: str, file: BinaryIO, size: int) -> FilmFacts:
    meta = _meta(file, size)
    syntax, place = meta.get(_SYNTAX, ""), file.tell()
    start = file.read(8)
    file.seek(place)
    reader = ElementReader(file, size - place)
    if syntax == DEFLATED and not byte_order(start[:4]):
        inflated = io.BufferedReader(Inflated(file, MAX_INFLATED))
        start = inflated.peek(8)[:8]
        reader = ElementReader(inflated, None)
    order = byte_order(start[:4])
    if not order:
        raise DataSetError("whose data set does not begin as one does")
    reader.big_endian = order == "big-endian"
    reader.explicit = is_vr(start[4:6])
    facts = _content(reader, meta.get(_MEDIA_CLASS, ""))
    for field, words in _UIDS.items():
        if (uid := getattr(facts, field)) and not is_uid(uid):
            raise FilmError(name, f"its {words} UID is no UID; correct it, or export the film again")
    if not facts.instance:
        raise FilmError(name, "a DICOM without a SOP Instance UID; export the film again")
    return structs.replace(facts, transfer_syntax=syntax)


def _meta(file: BinaryIO, size: int) -> dict[int, str]:
    """The file's meta information, after which the file stands at its data set (PS3.10, section 7.1)."""
    if file.read(132)[128:] != b"DICM":
        file.seek(0)
    reader = ElementReader(file, size - file.tell())
    found: dict[int, str] = {}
    while True:
        place = file.tell()
        group = file.read(2)
        file.seek(place)
        if group != b"\x02\x00":
            return found
        element = reader.head()
        if element is not None and element.tag in (_SYNTAX, _MEDIA_CLASS):
            found[element.tag] = _ascii(_value(reader, element))
        elif element is not None:
            reader.skip(element)


def _content(reader: ElementReader, media_class: str) -> FilmFacts:
    raw: dict[int, bytes] = {}
    coded: dict[int, dict[int, bytes]] = {}
    pixels = ""
    while element := reader.head():
        if element.tag == _PIXEL_DATA:
            pixels = _digest(reader, element)
            break
        if element.tag in raw or element.tag in coded:
            raise DataSetError("that says one thing twice")  # and whoever reads it next may take the other one
        if element.tag in _WANTED and element.length is not None:
            raw[element.tag] = _value(reader, element)
        elif element.tag in _CODES:
            coded[element.tag] = reader.within(element, (_CODE, _MEANING))
        else:
            reader.skip(element)
    character_sets = _ascii(raw.get(_CHARACTER_SET, b"")).split("\\")
    texts = {field: _text(raw[tag], character_sets) for tag, field in _TEXTS.items() if tag in raw}
    texts["sop_class"] = texts.get("sop_class") or media_class
    image_type = tuple(one_line(each).strip() for each in _ascii(raw.get(_IMAGE_TYPE, b"")).split("\\"))
    numbers = {field: _number(raw[tag], tag, reader.big_endian) for tag, field in _NUMBERS.items() if raw.get(tag)}
    dates = {name: _text(raw[tag], character_sets) for tag, name in _DATES.items() if tag in raw}
    texts["age"] = known_age(texts.get("age", ""), dates.pop("born", ""), dates.values())
    region, view_code = (
        (_text(found.get(_CODE, b""), character_sets), _text(found.get(_MEANING, b""), character_sets))
        for found in (coded.get(tag, {}) for tag in _CODES)
    )
    others = FilmFacts(
        image_type=image_type if any(image_type) else (),
        pixels=pixels,
        described=tuple(filter(None, (_text(raw.get(tag, b""), character_sets) for tag in _DESCRIBED))),
        quality_control=any(_ascii(raw.get(tag, b"")).upper() == "YES" for tag in _QUALITY_CONTROL),
        region=region,
        view_code=view_code,
    )
    return structs.replace(others, **texts, **numbers)


def _value(reader: ElementReader, element: Element) -> bytes:
    """The beginning of an element's value."""
    length = element.length or 0
    value = reader.take(min(length, _MOST_BYTES))
    reader.skip(element._replace(length=length - len(value)))
    return value


def _digest(reader: ElementReader, element: Element) -> str:
    """The SHA-256 of pixel data; empty where there are none."""
    digest, anything = hashlib.sha256(), False
    for block in reader.items() if element.length is None else reader.blocks(element.length):
        digest.update(block)
        anything = True
    return digest.hexdigest() if anything else ""


def _ascii(value: bytes) -> str:
    return value.decode("latin-1").strip("\0 ")


def _text(value: bytes, character_sets: list[str]) -> str:
    """The first value of a text, in whatever character set it is (PS3.5, section 6.1)."""
    if value.isascii() and b"\x1b" not in value:
        words = value.decode("ascii")
    else:
        from pydicom.charset import convert_encodings, decode_bytes

        with without_warnings():  # of character sets that nobody has heard of
            try:
                words = decode_bytes(value, convert_encodings(character_sets), {0x5C})
            except Exception:  # Python's codecs, by a name from anywhere: what they may raise is not bounded
                words = value.decode("latin-1")  # as pydicom does with names that it does not know
    return one_line(words.strip("\0 ").split("\\")[0])


def _number(value: bytes, tag: int, big_endian: bool) -> int:
    """A whole number: of frames in digits, of rows and columns in two bytes or four; 0 where it is none."""
    if _NUMBERS[tag] != "frames" and len(value) in (2, 4):
        return int.from_bytes(value, "big" if big_endian else "little")
    digits = value.strip(b"\0 +")
    return int(digits) if digits.isdigit() and len(digits) < 10 else 0
