"""Commands and their replies (PS3.7, annex E), from and to bytes."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import NamedTuple

from hilum.pacs.data_set import DataSetError, ElementReader
from hilum.pacs.facts import is_uid
from hilum.pacs.pdus import DATA, PduError

C_STORE, C_ECHO, C_CANCEL, RESPONSE = 0x0001, 0x0030, 0x0FFF, 0x8000
# Status codes (PS3.4, table B.2-1; PS3.7, annex C).
SUCCESS = 0x0000
NOT_KNOWN = 0x0211
NO_ROOM = 0xA700
NO_MATCH = 0xA900
NOT_UNDERSTOOD = 0xC000
MOST_BYTES = 16 << 10  # of a command
_NO_DATA_SET = 0x0101
_COMMENT = 64  # letters of an Error Comment (LO)
_UNRESTRICTED = 16 << 10  # bytes of a PDU for a peer that takes any number


class Piece(NamedTuple):
    """A presentation data value (PS3.8, section 9.3.5.1).

    Attributes:
        context: the number of its presentation context.
        command: whether it is of a command; else of a data set.
        last: of its message.
        content: its bytes.
    """

    context: int
    command: bool
    last: bool
    content: memoryview


class Command(NamedTuple):
    """A command of a peer.

    Attributes:
        field: which.
        message: its number, which the reply repeats.
        sop_class: affected SOP class; empty where there is none.
        instance: affected SOP instance, likewise.
        has_data_set: whether a data set follows.
    """

    field: int
    message: int
    sop_class: str
    instance: str
    has_data_set: bool


def pieces(body: memoryview) -> Iterator[Piece]:
    """What a P-DATA-TF holds, without the six bytes of its head.

    Raises:
        PduError: its lengths do not add up.
    """
    place = 0
    while place < len(body):
        length = int.from_bytes(body[place : place + 4], "big")
        end = place + 4 + length
        if length < 2 or end > len(body):
            raise PduError
        control = body[place + 5]
        yield Piece(body[place + 4], bool(control & 1), bool(control & 2), body[place + 6 : end])
        place = end


def decode_command(data: bytes) -> Command:
    """Read a command set (PS3.7, section 6.3.1: implicit VR, little-endian).

    Raises:
        PduError: it is none.
    """
    reader = ElementReader(io.BytesIO(data), len(data))
    reader.explicit = False
    found: dict[int, bytes] = {}
    try:
        while element := reader.head():
            if element.length is None:
                raise PduError
            found[element.tag] = reader.take(element.length)
    except DataSetError:
        raise PduError from None
    numbers = {tag: int.from_bytes(found.get(tag, b""), "little") for tag in (0x0100, 0x0110, 0x0800)}
    if any(len(found.get(tag, b"")) != 2 for tag in (0x0100, 0x0800)):
        raise PduError
    sop_class, instance = (found.get(tag, b"").decode("latin-1").strip("\0 ") for tag in (0x0002, 0x1000))
    return Command(numbers[0x0100], numbers[0x0110] & 0xFFFF, sop_class, instance, numbers[0x0800] != _NO_DATA_SET)


def reply_pdus(command: Command, context: int, status: int, comment: str, most: int) -> bytes:
    """The reply to a command, in as many PDUs as it takes.

    Args:
        command: that is replied to.
        context: the number of its presentation context.
        status: as the standard counts.
        comment: what a person may read of it, in ASCII; empty for none.
        most: bytes of a PDU that the peer takes; 0 for any number.
    """
    elements = [
        _uid(0x0002, command.sop_class),
        _number(0x0100, command.field | RESPONSE),
        _number(0x0120, command.message),
        _number(0x0800, _NO_DATA_SET),
        _number(0x0900, status),
        _element(0x0902, _even(comment[:_COMMENT].encode("ascii", "replace"), b" ")) if comment else b"",
        _uid(0x1000, command.instance) if command.field == C_STORE else b"",
    ]
    body = b"".join(elements)
    body = _element(0x0000, len(body).to_bytes(4, "little")) + body
    room = max(1, (most or _UNRESTRICTED) - 6)
    sent = b""
    for place in range(0, len(body), room):
        part = body[place : place + room]
        last = 2 if place + room >= len(body) else 0
        sent += struct.pack(">BxLLBB", DATA, len(part) + 6, len(part) + 2, context, 1 | last) + part
    return sent


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _number(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(2, "little"))


def _uid(number: int, uid: str) -> bytes:
    """A UID as the peer has sent it, if it is one."""
    return _element(number, _even(uid.encode(), b"\0")) if is_uid(uid) else b""


def _even(value: bytes, filling: bytes) -> bytes:
    return value + filling * (len(value) % 2)
